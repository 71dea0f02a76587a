"""What all REST endpoints share: credentials, bodies, the list envelope, and errors as JSON."""

import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from .keys import OPERATIONS
from .operations import InvalidError
from .store import DuplicateError, MissingError

PREFIX = "/admin/api/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Json = dict[str, Any]


@web.middleware
async def require_administrator(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only super administrators below the prefix."""
    if request.path.startswith(PREFIX + "/") and not _authorized(request):
        return error(401, "Unauthorized", {"WWW-Authenticate": 'Basic realm="Secured Area"'})
    return await handler(request)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure below the prefix in the API's form."""
    if not request.path.startswith(PREFIX + "/"):
        return await handler(request)
    try:
        return await handler(request)
    except InvalidError as invalid:
        return _invalid(invalid.field, invalid.message)
    except DuplicateError:
        return _invalid("email" if "/boxes" in request.path else "name", "This value is already used.")
    except MissingError as missing:
        return error(404, f"Not found: {missing}")
    except web.HTTPException as failure:
        return error(failure.status, failure.reason)


async def body(request: web.Request, allowed: Iterable[str]) -> Json:
    """Return the JSON or form body; raises InvalidError for a malformed one or a field that is not ``allowed``."""
    values: Json
    if request.content_type == "application/json":
        text = await request.text()
        try:
            values = json.loads(text) if text.strip() else {}
        except ValueError as malformed:
            raise InvalidError("body", "Invalid JSON.") from malformed
        if not isinstance(values, dict):
            raise InvalidError("body", "Expected an object.")
    else:
        values = dict(await request.post())
    extra = sorted(values.keys() - set(allowed))
    if extra:
        raise InvalidError(extra[0], "This form should not contain extra fields.")
    return values


def typed(values: Mapping[str, Any], kinds: Mapping[str, type | tuple[type, ...]]) -> Json:
    """Return the fields of ``kinds`` that are present; raises InvalidError for one of another JSON type.

    Numbers and booleans of a form body are text and so refused, as by Poste.
    """
    for name, kind in kinds.items():
        value = values.get(name)
        if name in values and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise InvalidError(name, "This value is not valid.")
    return {name: values[name] for name in kinds if name in values}


def listing(request: web.Request, results: list[Json]) -> web.Response:
    """Return one page of a list in Poste's envelope; ``paging`` is the size of a page."""
    try:
        page, paging = (
            max(1, int(request.query.get(name, default))) for name, default in (("page", 1), ("paging", 50))
        )
    except ValueError as malformed:
        raise InvalidError("page", "This value is not valid.") from malformed
    return web.json_response(
        {
            "page": page,
            "paging": paging,
            "last_page": max(1, -(-len(results) // paging)),
            "results_count": len(results),
            "results": results[(page - 1) * paging : page * paging],
        }
    )


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in the API's form."""
    return web.json_response({"code": status, "message": message}, status=status, headers=headers)


def caller(request: web.Request) -> str:
    """Return the address of the account that a request below the prefix is made with."""
    return _credentials(request)[0]


def _authorized(request: web.Request) -> bool:
    box = request.app[OPERATIONS].authenticate(*_credentials(request))
    return box is not None and bool(box["superAdmin"])


def _credentials(request: web.Request) -> tuple[str, str]:
    """Return address and password of HTTP Basic (RFC 7617), empty if there are none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        address, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (address.lower(), password) if scheme.lower() == "basic" and colon else ("", "")


def _invalid(field: str, message: str) -> web.Response:
    errors = {"children": {field: {"errors": [message]}}}
    return web.json_response({"code": 400, "message": "Validation Failed", "errors": errors}, status=400)
