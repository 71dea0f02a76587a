"""The envelope every answer of the API comes in: success, errors, messages, result, result_info."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.problems import ApiError, Json, Problem

log = logging.getLogger(__name__)

BASE = "/client/v4"
RETRY_AFTER = 1  # seconds, told with every 429


def success(result: Any, info: Json | None = None) -> web.Response:
    """A result in its envelope; `info` is the page of a list."""
    body: Json = {"result": result, "success": True, "errors": [], "messages": []}
    if info is not None:
        body["result_info"] = info
    return web.json_response(body)


def failure(error: ApiError) -> web.Response:
    """An error in its envelope."""
    body = {"result": None, "success": False, "errors": error.errors(), "messages": []}
    headers = {"Retry-After": str(RETRY_AFTER)} if error.status == problems.RATE_LIMITED.status else None
    return web.json_response(body, status=error.status, headers=headers)


def fault(status: int) -> web.Response:
    """The answer of an overloaded or broken API, for faults on request."""
    if status == problems.RATE_LIMITED.status:
        return failure(problems.RATE_LIMITED)
    return failure(ApiError(status, [Problem(10001, "Service temporarily unavailable")]))


@web.middleware
async def envelope_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what handlers raise into answers of the API."""
    try:
        return await handler(request)
    except ApiError as error:
        return failure(error)
    except web.HTTPNotFound:
        return failure(problems.no_route(request.path))
    except web.HTTPMethodNotAllowed:
        return failure(ApiError(405, [Problem(7001, f"Method {request.method} not available for that URI.")]))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return fault(500)
