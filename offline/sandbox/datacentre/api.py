"""Hetzner's APIs, of the cloud and of the Storage Boxes, as one HTTP server: authentication, rate limit, errors, and
the routes of all resources.
"""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.cloud import Cloud
from offline.sandbox.datacentre.errors import ApiError, not_found
from offline.sandbox.datacentre.firewalls import Firewalls
from offline.sandbox.datacentre.hypervisor import Hypervisor
from offline.sandbox.datacentre.primary_ips import PrimaryIps
from offline.sandbox.datacentre.resource import page_answer, sorted_by_query, with_query_values
from offline.sandbox.datacentre.server_actions import Servers
from offline.sandbox.datacentre.snapshots import Snapshots
from offline.sandbox.datacentre.ssh_keys import SshKeys
from offline.sandbox.datacentre.storage_boxes import StorageBoxes
from offline.sandbox.datacentre.subaccounts import Subaccounts
from offline.sandbox.datacentre.volumes import Volumes
from offline.sandbox.faults import Faults

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Catalogue = (
    Sequence[catalogue.Location]
    | Sequence[catalogue.ServerType]
    | Sequence[catalogue.Image]
    | Sequence[catalogue.StorageBoxType]
)

REQUESTS_PER_HOUR = 3600
# The codes of https://docs.hetzner.cloud, "Error Codes", for the statuses a fault may ask for.
FAULT_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    412: "resource_unavailable",
    422: "service_error",
    423: "locked",
    429: "rate_limit_exceeded",
    500: "server_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "timeout",
}


class RateLimit:
    """The project's allowance: it refills by one request a second (https://docs.hetzner.cloud, "Rate Limiting")."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = float(limit)
        self._then = time.monotonic()

    def take(self) -> bool:
        """Use up one request; False when none is left."""
        now = time.monotonic()
        self._left = min(self._limit, self._left + (now - self._then) * self._limit / 3600)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> dict[str, str]:
        missing_seconds = (self._limit - self._left) * 3600 / self._limit
        return {
            "RateLimit-Limit": str(self._limit),
            "RateLimit-Remaining": str(int(self._left)),
            "RateLimit-Reset": str(math.ceil(time.time() + missing_seconds)),
        }


def error_response(error: ApiError) -> web.Response:
    return web.json_response(error.json(), status=error.status)


def fault_response(status: int) -> web.Response:
    code = FAULT_CODES.get(status, "unknown_error")
    return error_response(ApiError(status, code, f"{code.replace('_', ' ')} (on request)"))


def build_app(
    hypervisor: Hypervisor, token: str, requests_per_hour: int = REQUESTS_PER_HOUR
) -> tuple[web.Application, Cloud]:
    """The API for one project that the token opens; the caller may look into the books."""
    cloud = Cloud(hypervisor)
    limit = RateLimit(requests_per_hour)
    faults = Faults(fault_response)

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        response = await _answer(request, handler)
        response.headers.update(limit.headers())
        response.headers["X-Correlation-Id"] = secrets.token_hex(8)
        return response

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        if not limit.take():
            raise ApiError(429, "rate_limit_exceeded", "rate limit exceeded")
        if not secrets.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}"):
            raise ApiError(401, "unauthorized", "unable to authenticate")
        return await handler(request)

    app = web.Application(middlewares=[answer, faults.middleware(), admit])
    project = cloud.project
    for handler in (
        SshKeys(cloud, project.ssh_key),
        PrimaryIps(cloud, project.primary_ip),
        Servers(cloud, project.server),
        Volumes(cloud, project.volume),
        Firewalls(cloud, project.firewall),
        StorageBoxes(cloud, project.storage_box),
        Subaccounts(cloud, project.subaccount),
        Snapshots(cloud, project.snapshot),
    ):
        app.add_routes(handler.routes())
    app.add_routes(faults.routes())
    app.add_routes([web.get("/_sandbox/health", _health)])
    app.add_routes(_action_routes(cloud))
    for kind, entries in (
        ("location", catalogue.LOCATIONS),
        ("server_type", catalogue.SERVER_TYPES),
        ("image", catalogue.IMAGES),
        ("storage_box_type", catalogue.BOX_TYPES),
    ):
        app.add_routes(_catalogue_routes(kind, entries))
    return app, cloud


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except web.HTTPNotFound:
        return error_response(ApiError(404, "not_found", "requested path does not exist"))
    except web.HTTPMethodNotAllowed:
        return error_response(ApiError(405, "method_not_allowed", "request method is not allowed"))
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return error_response(ApiError(500, "server_error", "internal error, see the data centre's log"))


def _catalogue_routes(kind: str, entries: Catalogue) -> list[web.RouteDef]:
    """List and get of what the project can't change."""

    async def list_all(request: web.Request) -> web.Response:
        filters = ("name", "architecture") if kind == "image" else ("name",)
        shown = with_query_values(request, filters, (entry.json() for entry in entries))
        return page_answer(request, f"{kind}s", sorted_by_query(request, shown))

    async def get(request: web.Request) -> web.Response:
        number = request.match_info["id"]
        for entry in entries:
            if entry.id == int(number):
                return web.json_response({kind: entry.json()})
        raise not_found(kind, number)

    return [web.get(f"/v1/{kind}s", list_all), web.get(f"/v1/{kind}s" + r"/{id:\d+}", get)]


def _action_routes(cloud: Cloud) -> list[web.RouteDef]:
    async def list_by_id(request: web.Request) -> web.Response:
        if not request.query.get("id"):  # the list of all actions was removed in 2025
            raise ApiError(410, "deprecated_api_endpoint", "API functionality was removed")
        actions: list[dict[str, Any]] = [action.json() for action in cloud.actions.all.values()]
        return page_answer(request, "actions", with_query_values(request, ("id", "status"), actions))

    async def get(request: web.Request) -> web.Response:
        number = request.match_info["action"]
        action = cloud.actions.all.get(int(number))
        if action is None:
            raise not_found("action", number)
        return web.json_response({"action": action.json()})

    async def list_of_boxes(request: web.Request) -> web.Response:
        kinds = ("storage_box", "storage_box_subaccount", "storage_box_snapshot")
        every = cloud.actions.all.values()
        shown = [action.json() for action in every if any(kind in kinds for kind, _ in action.resources)]
        shown = with_query_values(request, ("id", "status"), shown)
        return page_answer(request, "actions", sorted_by_query(request, shown))

    return [
        web.get("/v1/actions", list_by_id),
        web.get(r"/v1/actions/{action:\d+}", get),
        web.get("/v1/storage_boxes/actions", list_of_boxes),
        web.get(r"/v1/storage_boxes/actions/{action:\d+}", get),
    ]


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ready"})
