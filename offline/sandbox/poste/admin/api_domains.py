"""REST endpoints below ``/domains``.

Answers that the public accounts leave open, and what is chosen here: POST takes the same settings as PATCH, and
``disabled`` is one of them. DKIM without a key is status 404; PUT needs no body and answers 200 with the new key;
``public`` is PEM like the file. The answer holds the private key, as Poste's does: callers must pick what they keep.
"""

from aiohttp import web

from . import dkim
from .api_support import PREFIX, Json, body, caller, listing, typed
from .keys import OPERATIONS
from .mail_counts import mail_counts
from .operations import InvalidError
from .store import MissingError, Row

routes = web.RouteTableDef()

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "domainBin": bool,
    "domainBinAddress": (str, type(None)),
    "forward": bool,
    "forwardDomain": (str, type(None)),
    "forceRoute": bool,
    "forceRouteHost": (str, type(None)),
    "disabled": bool,
    "referenceId": (str, type(None)),
}


@routes.get(PREFIX + "/domains")
async def list_domains(request: web.Request) -> web.Response:
    """List the domains."""
    rows = request.app[OPERATIONS].store.domains(request.query.get("query", ""))
    return listing(request, [_shown(row) for row in rows])


@routes.post(PREFIX + "/domains")
async def create(request: web.Request) -> web.Response:
    """Create a domain: ``{"name": …}``. It has no DKIM key until one is asked for."""
    values = typed({"name": "", **await body(request, _FIELDS)}, _FIELDS)
    name = values.pop("name").lower()
    request.app[OPERATIONS].create_domain(name, values)
    return web.Response(status=201, headers={"Location": f"{PREFIX}/domains/{name}"})


@routes.get(PREFIX + "/domains/{name}")
async def show(request: web.Request) -> web.Response:
    """Show a domain."""
    return web.json_response(_shown(_domain(request)))


@routes.patch(PREFIX + "/domains/{name}")
async def change(request: web.Request) -> web.Response:
    """Change catch-all, forwarding, forced route, reception or reference; the name stays."""
    values = typed(await body(request, _FIELDS), _FIELDS)
    name = _domain(request)["name"]
    if values.pop("name", name).lower() != name:
        raise InvalidError("name", "The name of a domain cannot be changed.")
    request.app[OPERATIONS].change_domain(name, values)
    return web.Response(status=204)


@routes.delete(PREFIX + "/domains/{name}")
async def delete(request: web.Request) -> web.Response:
    """Delete a domain with all it has."""
    request.app[OPERATIONS].delete_domain(_domain(request)["name"], caller(request))
    return web.Response(status=204)


@routes.get(PREFIX + "/domains/{name}/stats")
async def show_counts(request: web.Request) -> web.Response:
    """Show how many messages came in and went out, by day."""
    return web.json_response(mail_counts(request.app[OPERATIONS].layout.mail_log, _domain(request)["name"]))


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
        "domain_bin": bool(row["domainBin"]),
        "domain_bin_address": row["domainBinAddress"],
        "forward": bool(row["forward"]),
        "forward_domain": row["forwardDomain"],
        "force_route": bool(row["forceRoute"]),
        "force_route_host": row["forceRouteHost"],
        "disabled": bool(row["disabled"]),
        "reference_id": row["referenceId"],
    }
