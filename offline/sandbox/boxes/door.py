"""Port 23: one sshd for each connection, which reads its settings anew, and which can be shut."""

import asyncio
import socket
from asyncio.subprocess import Process
from contextlib import suppress

PORT = 23
SSHD = ("/usr/sbin/sshd", "-i", "-e")
BACKLOG = 100


class Door:
    """Connections are refused while it is shut, and those that were open have ended."""

    def __init__(self) -> None:
        self._listening: asyncio.Task[None] | None = None
        self._sessions: list[Process] = []

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    def open(self) -> None:
        """Let clients in; raises OSError when the port is taken."""
        if self._listening is None:
            entrance = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
            entrance.setblocking(False)
            self._listening = asyncio.create_task(self._listen(entrance))

    async def shut(self) -> None:
        """Refuse clients, and end those that are in."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None
        # sshd's own children too, which alone speak to the client.
        await (await asyncio.create_subprocess_exec("pkill", "--signal", "KILL", "^sshd")).wait()

    async def _listen(self, entrance: socket.socket) -> None:
        with entrance:
            while True:
                client, _ = await asyncio.get_running_loop().sock_accept(entrance)
                with client:
                    client.setblocking(True)
                    session = await asyncio.create_subprocess_exec(*SSHD, stdin=client.fileno(), stdout=client.fileno())
                self._sessions = [other for other in self._sessions if other.returncode is None]
                self._sessions.append(session)
