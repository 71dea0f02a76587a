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


def build(
    authority: Authority | None = None, checks: Sequence[Check] = (), forget: Check | None = None
) -> web.Application:
    """The application with a fresh account, whose zones are published when it starts; `forget` empties the resolver."""
    account = Account(authority or NoAuthority())
    rate_limit, faults = RateLimit(), Faults(fault)
    app = web.Application(middlewares=[envelope_errors, rate_limit.middleware(), faults.middleware(), check_token()])
    app.add_routes([*Api(account).routes(), *Control(account, rate_limit, checks, forget).routes(), *faults.routes()])

    async def publish_zones(_app: web.Application) -> None:
        await account.reset()

    app.on_startup.append(publish_zones)
    return app
