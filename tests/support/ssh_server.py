"""A real SSH server on loopback in the place of the stack's server; what is run on it, runs here."""

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import asyncssh
import pytest

from model.settings import Settings
from tests.support.ssh_visits import Visited, Visits
from tests.support.verify_world import LOOPBACK

Command = Callable[[str], Sequence[str]]
"""What is run here for a line that is to be run on the server."""


@contextlib.contextmanager
def serving_ssh(
    settings: Settings, command: Command, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Answer at 127.0.0.1, whatever the port that is asked for, with the stack's keys; the lines that were run."""
    lines: list[str] = []
    visits = Visits()

    async def handle(process: Any) -> None:
        lines.append(process.command)
        given = await process.stdin.read()
        done = await asyncio.to_thread(
            partial(
                subprocess.run,
                command(process.command),
                input=given,
                env=dict(environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        )
        with contextlib.suppress(OSError, asyncssh.Error):
            process.stdout.write(done.stdout)
            process.stderr.write(done.stderr)
            process.exit(done.returncode)

    async def listen() -> Any:
        return await asyncssh.listen(
            LOOPBACK,
            0,
            server_factory=partial(Visited, visits),
            server_host_keys=[asyncssh.import_private_key(settings.ssh_host_key.get_secret_value())],
            authorized_client_keys=asyncssh.import_authorized_keys(settings.ssh_public_key),
            process_factory=handle,
            config=None,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        monkeypatch.setattr(asyncssh, "connect", partial(asyncssh.connect, port=server.get_port()))
        try:
            yield lines
        finally:
            asyncio.run_coroutine_threadsafe(visits.end(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
