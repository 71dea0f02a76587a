"""REST endpoints below ``/boxes``: mailboxes and redirects, their quotas and their Sieve scripts.

The answer holds the password's hash, as Poste's does: callers must pick what they keep. ``internalOnly``,
``strictFromDisabled`` and ``discard`` are named after what the administration's pages call them, in the style of the
other fields. The names in a quota's answer are those of Poste's own letter about a full mailbox. What a mailbox may be
is decided in ``operations``; a Sieve script is taken as it is, and one that does not compile filters nothing.
"""

from pathlib import Path

from aiohttp import web

from .api_support import PREFIX, Json, body, caller, listing, typed
from .keys import OPERATIONS
from .mail_counts import mail_counts
from .operations import InvalidError, targets
from .store import Row

routes = web.RouteTableDef()

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "email": str,
    "passwordPlaintext": str,
    "disabled": bool,
    "superAdmin": bool,
    "redirectTo": list,
    "strictFromDisabled": bool,
    "discard": bool,
    "internalOnly": bool,
    "referenceId": (str, type(None)),
}


@routes.get(PREFIX + "/boxes")
async def list_boxes(request: web.Request) -> web.Response:
    """List mailboxes and redirects."""
    rows = request.app[OPERATIONS].store.boxes(request.query.get("query", ""))
    return listing(request, [_shown(row) for row in rows])


@routes.post(PREFIX + "/boxes")
async def create(request: web.Request) -> web.Response:
    """Create a mailbox or redirect in an existing domain."""
    values = typed({"email": "", **await body(request, _FIELDS)}, _FIELDS)
    address, password = values.pop("email").lower(), values.pop("passwordPlaintext", None)
    request.app[OPERATIONS].create_box(address, password, values)
    return web.Response(status=201, headers={"Location": f"{PREFIX}/boxes/{address}"})


@routes.get(PREFIX + "/boxes/{email}")
async def show(request: web.Request) -> web.Response:
    """Show a mailbox."""
    return web.json_response(_shown(_box(request)))


@routes.patch(PREFIX + "/boxes/{email}")
async def change(request: web.Request) -> web.Response:
    """Change a mailbox; its address stays."""
    values = typed(await body(request, _FIELDS), _FIELDS)
    address = _box(request)["address"]
    if values.pop("email", address).lower() != address:
        raise InvalidError("email", "The address of a mailbox cannot be changed.")
    password = values.pop("passwordPlaintext", None)
    request.app[OPERATIONS].change_box(address, password, values, caller(request))
    return web.Response(status=204)


@routes.delete(PREFIX + "/boxes/{email}")
async def delete(request: web.Request) -> web.Response:
    """Delete a mailbox and its mail."""
    request.app[OPERATIONS].delete_box(_box(request)["address"], caller(request))
    return web.Response(status=204)


@routes.get(PREFIX + "/boxes/{email}/quota")
async def show_quota(request: web.Request) -> web.Response:
    """Show the limits and what is used of them."""
    box = _box(request)
    home = request.app[OPERATIONS].layout.home(box["address"])
    sizes = [path.stat().st_size for kind in ("cur", "new") for path in home.glob(f"**/{kind}/*")]
    limits = {"storage_limit": box["storageLimit"], "count_limit": box["countLimit"]}
    return web.json_response({**limits, "storage_usage": sum(sizes) // 2**20, "count_usage": len(sizes)})


@routes.patch(PREFIX + "/boxes/{email}/quota")
async def change_quota(request: web.Request) -> web.Response:
    """Set ``storageLimit`` in MB and ``countLimit`` in messages; 0 means no limit."""
    kinds = {"storageLimit": int, "countLimit": int}
    values = typed(await body(request, kinds), kinds)
    for name, limit in values.items():
        if limit < 0:
            raise InvalidError(name, "This value should be positive.")
    request.app[OPERATIONS].store.update_box(_box(request)["address"], values)
    return web.Response(status=204)


@routes.get(PREFIX + "/boxes/{email}/stats")
async def show_counts(request: web.Request) -> web.Response:
    """Show how many messages came in and went out, by day."""
    return web.json_response(mail_counts(request.app[OPERATIONS].layout.mail_log, _box(request)["address"]))


@routes.get(PREFIX + "/boxes/{email}/sieve")
async def show_sieve(request: web.Request) -> web.Response:
    """Show the active Sieve script (RFC 5228), empty if there is none."""
    active = _active_script(request)
    return web.json_response({"script": active.read_text() if active.is_file() else ""})


@routes.patch(PREFIX + "/boxes/{email}/sieve")
async def change_sieve(request: web.Request) -> web.Response:
    """Set the active Sieve script; an empty one switches filtering off."""
    script = typed({"script": "", **await body(request, ["script"])}, {"script": str})["script"]
    active = _active_script(request)
    active.unlink(missing_ok=True)
    if script:
        stored = active.parent / "sieve" / "poste.sieve"
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_text(script)
        active.symlink_to(Path("sieve") / stored.name)
    return web.Response(status=204)


def _active_script(request: web.Request) -> Path:
    """The link that Dovecot's ``sieve_script_active_path`` names."""
    return request.app[OPERATIONS].layout.home(_box(request)["address"]) / ".dovecot.sieve"


def _box(request: web.Request) -> Row:
    return request.app[OPERATIONS].store.box(request.match_info["email"].lower())


def _shown(row: Row) -> Json:
    return {
        "address": row["address"],
        "user": row["user"],
        "domain": row["domain"],
        "name": row["name"],
        "password": row["password"],
        "created": row["created"],
        "updated": row["updated"],
        "disabled": bool(row["disabled"]),
        "domain_admin": False,
        "super_admin": bool(row["superAdmin"]),
        "strict_from_disabled": bool(row["strictFromDisabled"]),
        "redirect_only": bool(targets(row)),
        "redirect_to": targets(row),
        "discard": bool(row["discard"]),
        "internal_only": bool(row["internalOnly"]),
        "reference_id": row["referenceId"],
    }
