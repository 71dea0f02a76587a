"""A machine that is reached by SSH."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from tests.support.ssh_visits import Visited, Visits


@dataclass
class Machine:
    """An SSH server on loopback, in a thread of its own, which runs commands with sh."""

    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    asked: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    attempts: int = 0
    visits: Visits = field(default_factory=Visits)

    def __enter__(self) -> "Machine":
        started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self.thread.start()
        assert started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(60)

    def connection(self, **settings: Any) -> dict[str, Any]:
        given = {"host": "127.0.0.1", "port": self.port, "privateKey": self.client_key.export_private_key().decode()}
        return {**given, **settings}

    async def _serve(self, started: threading.Event) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        authorized = asyncssh.import_authorized_keys(self.client_key.export_public_key().decode())
        listener = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=self.server,
            server_host_keys=[self.host_key],
            authorized_client_keys=authorized,
            process_factory=self.process,
            sftp_factory=True,
            encoding=None,
        )
        self.port = listener.get_port()
        started.set()
        await self.stopping.wait()
        await self.visits.end(listener)

    def server(self) -> Visited:
        self.attempts += 1
        return Visited(self.visits)

    async def process(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.asked.append(process.command or "")
        shell = await asyncio.create_subprocess_exec(
            *("sh", "-c", process.command or ""),
            env={"PATH": "/usr/bin:/bin", **{str(k): str(v) for k, v in process.env.items()}},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        running = asyncio.ensure_future(shell.communicate(await process.stdin.read()))
        closed = asyncio.ensure_future(process.wait_closed())
        await asyncio.wait({running, closed}, return_when=asyncio.FIRST_COMPLETED)
        if closed.done():
            self.ended.append(process.command or "")
            shell.kill()
        stdout, stderr = await running
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(shell.returncode or 0)
