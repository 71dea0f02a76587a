"""Run one command on an SSH connection, as the real command plugin does (RFC 4254, section 6)."""

import asyncio
import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncssh
from asyncssh.channel import SSHClientChannel
from asyncssh.packet import String

from offline.toolchain.plugins.common.resource import ProviderError

WINDOW = 2 * 1024 * 1024
PACKET = 32 * 1024

ACCEPT_ENV = (
    "the SSH server accepts only variables that its AcceptEnv setting names; if a shell runs the command, "
    "it may be written as 'NAME=value command' instead"
)

Report = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """What to run. Variables in `environment` must be accepted by the server, those in `previous` need not be."""

    text: str
    stdin: str | None
    environment: Mapping[str, str]
    previous: Mapping[str, str]
    log_stdout: bool
    log_stderr: bool


@dataclass(frozen=True)
class Output:
    """What the command wrote, each without its last newline."""

    stdout: str
    stderr: str


async def execute(connection: asyncssh.SSHClientConnection, command: Command, log: Report, warn: Report) -> Output:
    """Run the command to its end; lines go to `log` while they come. Raises ProviderError unless it exits with 0."""
    session = _Session(command, log)
    channel = _Channel(connection, command, warn)
    # The arguments after the empty environment ask for no terminal, no X11 and no agent forwarding.
    await channel.create(
        lambda: session, command.text, None, {}, False, None, None, {}, False, None, None, False, False
    )  # fmt: skip
    if command.stdin:
        channel.write(command.stdin.encode())
    channel.write_eof()
    await session.closed.wait()
    session.flush()
    if problem := session.problem:
        shown = session.text(session.everything)
        raise ProviderError(f'the remote command {problem}: running "{command.text}":\n{shown}')
    return Output(session.text(session.stdout).removesuffix("\n"), session.text(session.stderr).removesuffix("\n"))


class _Channel(SSHClientChannel[bytes]):
    """A session channel that learns whether the server takes each environment variable.

    AsyncSSH sends variables without asking for a reply, so a refusal would go unnoticed.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection, command: Command, warn: Report) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(connection, loop, "strict", None, "strict", WINDOW, PACKET)
        self._wanted, self._warn = command, warn

    async def _make_request(self, request: bytes, *args: bytes) -> bool | None:
        if request == b"exec":
            for name, value in self._wanted.environment.items():
                if not await super()._make_request(b"env", String(name), String(value)):
                    self.close()
                    raise ProviderError(f'cannot set the environment variable "{name}": {ACCEPT_ENV}')
            for name, value in self._wanted.previous.items():
                if not await super()._make_request(b"env", String(name), String(value)):
                    self._warn(f"Unable to set '{name}': {ACCEPT_ENV}")
        return await super()._make_request(request, *args)


class _Session(asyncssh.SSHClientSession[bytes]):
    """Collects what the command writes, and hands whole lines on to the log."""

    def __init__(self, command: Command, log: Report) -> None:
        self.stdout, self.stderr, self.everything = bytearray(), bytearray(), bytearray()
        self.closed = asyncio.Event()
        self.problem = "ended without an exit status"
        self._command, self._log = command, log
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
        if self._command.log_stderr if is_stderr else self._command.log_stdout:
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
