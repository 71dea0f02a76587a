"""The metadata service at 169.254.169.254, as each server finds it (https://docs.hetzner.cloud, "Server Metadata").

A server is known by the address it asks from, so that one without IPv4 has no metadata here. What a server's
containers ask comes from its address too: Hetzner's service cannot tell them from the server, nor does this one.
"""

import json
from collections.abc import Callable

from aiohttp import web

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.hypervisor import Machine
from offline.sandbox.datacentre.machines.shell import run

ADDRESS, PORT = "169.254.169.254", 80
BASE = "/hetzner/v1"

Find = Callable[[str], Machine | None]


async def serve(find: Find) -> None:
    """Answer the servers from now on; `find` gives the running machine of an IPv4 address."""
    await run("ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo")
    runner = web.AppRunner(application(find))
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, PORT).start()


def application(find: Find) -> web.Application:
    def machine(request: web.Request) -> Machine:
        found = find(request.remote or "")
        if found is None:
            raise web.HTTPNotFound
        return found

    async def user_data(request: web.Request) -> web.Response:
        return web.Response(text=machine(request).user_data)

    async def everything(request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(values(machine(request)), indent=1))  # JSON is YAML

    async def one(request: web.Request) -> web.Response:
        value = values(machine(request)).get(request.match_info["key"])
        if value is None:
            raise web.HTTPNotFound
        return web.Response(text=value if isinstance(value, str) else json.dumps(value))

    app = web.Application()
    app.add_routes(
        [
            web.get(f"{BASE}/userdata", user_data),
            web.get(f"{BASE}/metadata", everything),
            web.get(f"{BASE}/metadata/{{key}}", one),
        ]
    )
    return app


def values(machine: Machine) -> dict[str, str | list[str]]:
    """The server's metadata."""
    location = catalogue.location(machine.location)
    return {
        "availability-zone": machine.location,
        "hostname": machine.name,
        "instance-id": str(machine.server),
        "public-ipv4": machine.ipv4 or "",
        "public-keys": list(machine.ssh_keys),
        "region": location.network_zone if location else "",
    }
