"""Run one command on an SSH connection, as the real command plugin does (RFC 4254, section 6)."""

import asyncio
import codecs
from collections.abc import Callable
from dataclasses import dataclass

import asyncssh

from offline.toolchain.plugins.common.resource import ProviderError

Report = Callable[[str], None]


@dataclass(frozen=True)
class Output:
    """What the command wrote, each without its last newline."""

    stdout: str
    stderr: str


async def execute(connection: asyncssh.SSHClientConnection, command: str, stdin: str, log: Report) -> Output:
    """Run the command to its end; lines go to `log` while they come. Raises ProviderError unless it exits with 0."""
    session = _Session(log)
    channel, _ = await connection.create_session(lambda: session, command, encoding=None)
    if stdin:
        channel.write(stdin.encode())
    channel.write_eof()
    await session.closed.wait()
    session.flush()
    if problem := session.problem:
        shown = session.text(session.everything)
        raise ProviderError(f'the remote command {problem}: running "{command}":\n{shown}')
    return Output(session.text(session.stdout).removesuffix("\n"), session.text(session.stderr).removesuffix("\n"))


class _Session(asyncssh.SSHClientSession[bytes]):
    """Collects what the command writes, and hands whole lines on to the log."""

    def __init__(self, log: Report) -> None:
        self.stdout, self.stderr, self.everything = bytearray(), bytearray(), bytearray()
        self.closed = asyncio.Event()
        self.problem = "ended without an exit status"
        self._log = log
        self._decoder, self._line = codecs.getincrementaldecoder("utf-8")("replace"), ""

    @staticmethod
    def text(data: bytearray) -> str:
        """Output as text; bytes that are not UTF-8 become replacement characters."""
        return data.decode(errors="replace")

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Called by AsyncSSH with each piece of output."""
        is_stderr = datatype == asyncssh.EXTENDED_DATA_STDERR
        (self.stderr if is_stderr else self.stdout).extend(data)
        self.everything.extend(data)
        *lines, self._line = (self._line + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._log(line)

    def flush(self) -> None:
        """Log a last line that has no newline."""
        if self._line:
            self._log(self._line)

    def exit_status_received(self, status: int) -> None:
        """Called by AsyncSSH when the command has exited."""
        self.problem = f"exited with status {status}" if status else ""

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        """Called by AsyncSSH when a signal has ended the command."""
        self.problem = f"was ended by signal {signal}"

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by AsyncSSH when the channel is closed, for whatever reason."""
        if exc:
            self.problem = f"lost its SSH connection ({exc})"
        self.closed.set()
