"""`POST /_sandbox/boot` with `{"ssh_delay": seconds}`: servers that start from then on have SSH come up that late."""

from typing import Protocol

from aiohttp import web


class Bootable(Protocol):
    ssh_delay: float


def boot_routes(hypervisor: Bootable) -> list[web.RouteDef]:
    async def set_options(request: web.Request) -> web.Response:
        try:
            hypervisor.ssh_delay = float((await request.json())["ssh_delay"])
        except (ValueError, TypeError, KeyError):
            return web.json_response({"error": 'expected {"ssh_delay": seconds}'}, status=400)
        return web.json_response({"ssh_delay": hypervisor.ssh_delay})

    return [web.post("/_sandbox/boot", set_options)]
