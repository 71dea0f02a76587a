"""REST endpoints below ``/domains``.

Answers that the public accounts leave open, and what is chosen here: DKIM without a key is status 404; PUT needs no
body and answers 200 with the new key; ``public`` is PEM like the file. The answer holds the private key, as Poste's
does: callers must pick what they keep.
"""

from aiohttp import web

from . import dkim
from .api_support import PREFIX, Json, body, listing, typed
from .keys import OPERATIONS
from .store import MissingError, Row

routes = web.RouteTableDef()


@routes.get(PREFIX + "/domains")
async def list_domains(request: web.Request) -> web.Response:
    """List the domains."""
    rows = request.app[OPERATIONS].store.domains(request.query.get("query", ""))
    return listing(request, [_shown(row) for row in rows])


@routes.post(PREFIX + "/domains")
async def create(request: web.Request) -> web.Response:
    """Create a domain: ``{"name": …}``. It has no DKIM key until one is asked for."""
    values = typed({"name": "", **await body(request, ["name", "referenceId"])}, {"name": str, "referenceId": str})
    name = values["name"].lower()
    request.app[OPERATIONS].create_domain(name)
    if "referenceId" in values:
        request.app[OPERATIONS].store.update_domain(name, values["referenceId"])
    return web.Response(status=201, headers={"Location": f"{PREFIX}/domains/{name}"})


@routes.get(PREFIX + "/domains/{name}")
async def show(request: web.Request) -> web.Response:
    """Show a domain."""
    return web.json_response(_shown(_domain(request)))


@routes.patch(PREFIX + "/domains/{name}")
async def change(request: web.Request) -> web.Response:
    """Change the reference; catch-all, forwarding and forced routes of a domain are not part of the stand-in."""
    values = typed(await body(request, ["referenceId"]), {"referenceId": (str, type(None))})
    name = _domain(request)["name"]
    if values:
        request.app[OPERATIONS].store.update_domain(name, values["referenceId"])
    return web.Response(status=204)


@routes.delete(PREFIX + "/domains/{name}")
async def delete(request: web.Request) -> web.Response:
    """Delete a domain with all it has."""
    request.app[OPERATIONS].delete_domain(_domain(request)["name"])
    return web.Response(status=204)


@routes.get(PREFIX + "/domains/{name}/dkim")
async def show_dkim(request: web.Request) -> web.Response:
    """Show the domain's key, private half included."""
    name = _domain(request)["name"]
    key = dkim.read_key(request.app[OPERATIONS].layout, name)
    if key is None:
        raise MissingError(f"DKIM key of {name}")
    return web.json_response(_key(name, key))


@routes.put(PREFIX + "/domains/{name}/dkim")
async def create_dkim(request: web.Request) -> web.Response:
    """Make a key, or a new one in the place of the old."""
    await body(request, ["name"])
    name = _domain(request)["name"]
    return web.json_response(_key(name, dkim.create_key(request.app[OPERATIONS].layout, name)))


@routes.delete(PREFIX + "/domains/{name}/dkim")
async def delete_dkim(request: web.Request) -> web.Response:
    """Remove the key."""
    dkim.delete_key(request.app[OPERATIONS].layout, _domain(request)["name"])
    return web.Response(status=204)


def _domain(request: web.Request) -> Row:
    return request.app[OPERATIONS].store.domain(request.match_info["name"].lower())


def _key(name: str, key: dkim.DkimKey) -> Json:
    return {"name": name, "private": key.private, "public": key.public, "selector": key.selector}


def _shown(row: Row) -> Json:
    return {
        "home": row["name"],
        "name": row["name"],
        "created": row["created"],
        "updated": row["updated"],
        "domain_bin": False,
        "domain_bin_address": "",
        "forward": False,
        "forward_domain": "",
        "force_route": False,
        "force_route_host": "",
        "reference_id": row["referenceId"],
    }
