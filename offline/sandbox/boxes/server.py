"""The control service: accounts and snapshots for the data centre, and faults for tests.

PUT /accounts/{name}            make the account so: an `Account` without its name
DELETE /accounts/{name}         a main account takes its box along
DELETE /accounts                all of them
GET /boxes/{box}/usage          {"data": bytes, "snapshots": bytes}
GET /boxes/{box}/folders?path=  ["name", …]
PUT, DELETE /boxes/{box}/snapshots/{name}; POST …/rollback
GET, POST /_sandbox/boxes       {"full": true}: no room for anything more; {"unreachable": true}: port 23 is shut
/_sandbox/faults                as elsewhere, for the data centre's requests
"""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable

from aiohttp import web

from offline.sandbox.boxes.accounts import Account, Accounts
from offline.sandbox.boxes.door import Door
from offline.sandbox.faults import Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DONE = 204
SWITCHES = frozenset({"full", "unreachable"})


def error(status: int, message: str = "on request") -> web.Response:
    return web.json_response({"error": message}, status=status)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What goes wrong below is told to the data centre, whose action fails with it."""
    try:
        return await handler(request)
    except KeyError as missing:
        return error(404, f"there is no {missing.args[0]}")
    except subprocess.CalledProcessError as failure:
        return error(500, f"{failure.cmd[0]}: {failure.stderr.strip()}")
    except FileNotFoundError as missing:
        return error(404, str(missing))
    except (OSError, TypeError) as problem:
        return error(500, str(problem))


def build(accounts: Accounts, door: Door) -> web.Application:
    """The service; the door is opened and shut by its requests only."""
    faults = Faults(error)

    async def put(request: web.Request) -> web.Response:
        accounts.put(Account(name=request.match_info["name"], **await request.json()))
        return web.Response(status=DONE)

    async def remove(request: web.Request) -> web.Response:
        accounts.remove(request.match_info["name"])
        return web.Response(status=DONE)

    async def clear(_request: web.Request) -> web.Response:
        accounts.clear()
        return web.Response(status=DONE)

    async def usage(request: web.Request) -> web.Response:
        return web.json_response(accounts.usage(request.match_info["box"]))

    async def folders(request: web.Request) -> web.Response:
        return web.json_response(accounts.folders(request.match_info["box"], request.query.get("path", "")))

    def of_snapshot(method: Callable[[str, str], None]) -> Handler:
        async def act(request: web.Request) -> web.Response:
            method(request.match_info["box"], request.match_info["name"])
            return web.Response(status=DONE)

        return act

    async def show(_request: web.Request) -> web.Response:
        return web.json_response({"full": accounts.full, "unreachable": not door.is_open})

    async def switch(request: web.Request) -> web.Response:
        wanted = await request.json()
        if not isinstance(wanted, dict) or not wanted or wanted.keys() - SWITCHES:
            return error(400, f"expected an object with {' or '.join(sorted(SWITCHES))}")
        if "full" in wanted:
            accounts.fill(bool(wanted["full"]))
        if "unreachable" in wanted:
            if wanted["unreachable"]:
                await door.shut()
            else:
                door.open()
        return await show(request)

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    app = web.Application(middlewares=[faults.middleware(), explain])
    snapshot = "/boxes/{box}/snapshots/{name}"
    app.add_routes(
        [
            web.put("/accounts/{name}", put),
            web.delete("/accounts/{name}", remove),
            web.delete("/accounts", clear),
            web.get("/boxes/{box}/usage", usage),
            web.get("/boxes/{box}/folders", folders),
            web.put(snapshot, of_snapshot(accounts.snapshot)),
            web.delete(snapshot, of_snapshot(accounts.forget)),
            web.post(f"{snapshot}/rollback", of_snapshot(accounts.roll_back)),
            web.get("/_sandbox/boxes", show),
            web.post("/_sandbox/boxes", switch),
            web.get("/_sandbox/health", health),
            *faults.routes(),
        ]
    )
    return app
