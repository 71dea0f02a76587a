"""The API server as one aiohttp application."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from offline.sandbox.faults import Faults
from offline.sandbox.internet.cloudflare.access import RateLimit, check_token
from offline.sandbox.internet.cloudflare.account import Account
from offline.sandbox.internet.cloudflare.api import Api
from offline.sandbox.internet.cloudflare.authority import Authority, NoAuthority
from offline.sandbox.internet.cloudflare.control import Check, Control
from offline.sandbox.internet.cloudflare.envelope import envelope_errors, fault
from offline.sandbox.internet.workers.api import WorkersApi
from offline.sandbox.internet.workers.runtime import NoRuntime, Runtime
from offline.sandbox.internet.workers.workers import Workers

WORKERS = web.AppKey("workers", Workers)


def build(
    authority: Authority | None = None,
    checks: Sequence[Check] = (),
    forget: Check | None = None,
    runtime: Runtime | None = None,
) -> web.Application:
    """The application with a fresh account, whose zones are published when it starts; `forget` empties the resolver.

    Its Workers, which `runtime` runs, are its `WORKERS`.
    """
    account = Account(authority or NoAuthority())
    workers = Workers(account, runtime or NoRuntime())
    rate_limit, faults = RateLimit(), Faults(fault)
    app = web.Application(middlewares=[envelope_errors, rate_limit.middleware(), faults.middleware(), check_token()])
    app[WORKERS] = workers
    app.add_routes([*Api(account).routes(), *WorkersApi(workers).routes(), *faults.routes()])
    app.add_routes(Control(account, workers, rate_limit, checks, forget).routes())

    async def publish_zones(_app: web.Application) -> None:
        await account.reset()

    async def end_scripts(_app: web.Application) -> None:
        await workers.runtime.close()

    app.on_startup.append(publish_zones)
    app.on_cleanup.append(end_scripts)
    return app
