"""For tests of plugins that speak to an API: the sandbox's servers on loopback, their faults, and function calls."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from aiohttp import web
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin_engine import Engine, Refused, struct


@contextmanager
def running(app: web.Application, settle: Callable[[], Awaitable[Any]] | None = None) -> Iterator[str]:
    """The server's URL. `settle` is awaited before the server ends."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        if settle:
            loop.run_until_complete(settle())
        loop.run_until_complete(runner.cleanup())
        loop.close()


def fault(url: str, method: str, path: str, **rule: Any) -> None:
    """Make the next matching request fail or wait; see `offline.sandbox.faults`."""
    body = {"method": method, "path": path, **rule}
    requests.post(f"{url}/_sandbox/faults", json=body, timeout=5).raise_for_status()


def invoke(engine: Engine, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call one of a plugin's functions."""
    reply = engine._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=struct(arguments)))
    if reply.failures:
        raise Refused("; ".join(failure.reason for failure in reply.failures))
    return dict(json_format.MessageToDict(getattr(reply, "return")))
