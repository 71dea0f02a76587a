"""Servers on loopback in threads of their own, for as long as a block lasts."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import Any

from aiohttp import web

LOOK = 0.05
"""Seconds after which a server that is to end looks up."""


@contextmanager
def running(app: web.Application, settle: Callable[[], Awaitable[Any]] | None = None) -> Iterator[str]:
    """An application's URL. `settle` is awaited before it ends."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        if settle:
            asyncio.run_coroutine_threadsafe(_awaited(settle), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()


async def _awaited(settle: Callable[[], Awaitable[Any]]) -> None:
    await settle()


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """The URL of a server of the standard library."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(LOOK,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
