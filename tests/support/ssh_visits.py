"""Visits to an SSH server of the tests, which end with it: nothing of them is left for the tests that come after."""

import asyncio
from typing import Any

import asyncssh

PATIENCE = 10
"""Seconds for what visitors had run to end when they are gone."""


class Visits:
    """The connections that are open."""

    def __init__(self) -> None:
        self._open: set[asyncssh.SSHServerConnection] = set()

    async def end(self, listener: Any) -> None:
        """Stop listening, hang up on whoever is there, and see all that they had run end. The loop is theirs alone."""
        listener.close()
        await listener.wait_closed()
        for connection in list(self._open):
            connection.abort()
            await connection.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=PATIENCE)
        # A socket is closed in the turn of the loop after the one in which its connection ends.
        await asyncio.sleep(0)

    def began(self, connection: asyncssh.SSHServerConnection) -> None:
        self._open.add(connection)

    def ended(self, connection: asyncssh.SSHServerConnection) -> None:
        self._open.discard(connection)


class Visited(asyncssh.SSHServer):
    """What a visitor talks to. Asks for a key."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self._visits.began(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._visits.ended(self.connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True
