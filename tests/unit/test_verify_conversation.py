"""Conversations over TLS with servers that end them badly."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from operate.verify.conversation import connect, unverified
from tests.support.verify_world import LOOPBACK, make_certificate

PATIENCE = 60


@contextlib.contextmanager
def silent_server(certificate: ssl.SSLContext) -> Iterator[tuple[int, Future[int]]]:
    """A server that shakes hands and takes no leave of a TLS session; its port, and the connections that ended."""

    def serve(listening: socket.socket) -> int:
        plain, _ = listening.accept()
        plain.settimeout(PATIENCE)
        encrypted = certificate.wrap_socket(plain, server_side=True)
        with socket.socket(fileno=encrypted.detach()) as connection:
            connection.settimeout(PATIENCE)
            with contextlib.suppress(ConnectionError):
                while connection.recv(1024):
                    pass
        return 1

    with socket.create_server((LOOPBACK, 0)) as listening, ThreadPoolExecutor(1) as thread:
        yield listening.getsockname()[1], thread.submit(serve, listening)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_connection_ends_though_the_server_takes_no_leave(tmp_path: Path, *, cancelled: bool) -> None:
    """Also for a check that is cancelled as it waits for that, because another one's failure ends them all."""

    async def talk(port: int, ended: Future[int]) -> None:
        leaving = asyncio.Event()

        async def visit() -> None:
            async with connect(LOOPBACK, port, unverified(), "mail.example.com"):
                leaving.set()

        task = asyncio.create_task(visit())
        await leaving.wait()
        assert not task.done()
        if cancelled:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled() is cancelled
        assert await asyncio.wait_for(asyncio.wrap_future(ended), PATIENCE) == 1

    with silent_server(make_certificate(tmp_path, ["mail.example.com"])) as (port, ended):
        asyncio.run(talk(port, ended))
