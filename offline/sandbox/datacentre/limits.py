"""What Hetzner lets a new account not do until it is asked: `/_sandbox/limits`.

GET tells, and POST with `{"outbound_mail": true}` grants what a person asks support for: ports 25 and 465 of others.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web


class Limited(Protocol):
    outbound_mail: bool


def limits_routes(hypervisor: Limited, refilter: Callable[[], Awaitable[None]]) -> list[web.RouteDef]:
    """The routes; `refilter` is awaited after a change."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response({"outbound_mail": hypervisor.outbound_mail})

    async def change(request: web.Request) -> web.Response:
        wanted = await request.json()
        if not isinstance(wanted, dict) or not isinstance(wanted.get("outbound_mail"), bool):
            return web.json_response({"error": 'expected {"outbound_mail": true or false}'}, status=400)
        hypervisor.outbound_mail = wanted["outbound_mail"]
        await refilter()
        return await show(request)

    return [web.get("/_sandbox/limits", show), web.post("/_sandbox/limits", change)]
