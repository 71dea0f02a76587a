"""Faults on request for the sandbox's API servers: an error status, a delay, or both, a given number of times.

`POST /_sandbox/faults` with `{"method": "POST", "path": "^/v1/servers$", "status": 503, "delay": 1.5, "times": 2}` arms
one; all but `path` may be left out (any method, no error, no delay, once). `GET` lists what is still armed, `DELETE`
clears. The path is a regular expression searched in the request's path. Faults strike before authentication.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

PATH = "/_sandbox/faults"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """One armed fault; `status` None means the request goes through after the delay (seconds)."""

    method: str | None
    path: re.Pattern[str]
    status: int | None
    delay: float
    times: int

    def strikes(self, request: web.Request) -> bool:
        return self.times > 0 and self.method in (None, request.method) and self.path.search(request.path) is not None

    def json(self) -> dict[str, object]:
        return {
            "method": self.method,
            "path": self.path.pattern,
            "status": self.status,
            "delay": self.delay,
            "times": self.times,
        }


def parse_fault(data: object) -> Fault:
    """Read one fault from a JSON body; raises ValueError with the reason."""
    if not isinstance(data, dict) or not isinstance(data.get("path"), str):
        raise ValueError('expected an object with a "path" pattern')
    unknown = set(data) - {"method", "path", "status", "delay", "times"}
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    try:
        status = None if data.get("status") is None else int(data["status"])
        return Fault(
            method=None if data.get("method") is None else str(data["method"]).upper(),
            path=re.compile(data["path"]),
            status=status,
            delay=float(data.get("delay", 0)),
            times=int(data.get("times", 1)),
        )
    except (TypeError, re.error) as error:
        raise ValueError(str(error)) from error


class Faults:
    """The armed faults of one API server; `respond` makes that API's own error response for a status."""

    def __init__(self, respond: Callable[[int], web.StreamResponse]) -> None:
        self._respond = respond
        self._armed: list[Fault] = []

    def install(self, app: web.Application) -> None:
        """Add the routes to `app` and the middleware in front of those it already has."""
        app.middlewares.insert(0, self._middleware)
        app.router.add_route("*", PATH, self._manage)

    async def _manage(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            try:
                self._armed.append(parse_fault(await request.json()))
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)
        elif request.method == "DELETE":
            self._armed.clear()
        elif request.method != "GET":
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST", "DELETE"])
        return web.json_response({"faults": [fault.json() for fault in self._armed]})

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == PATH:
            return await handler(request)
        for fault in self._armed:
            if fault.strikes(request):
                fault.times -= 1
                self._armed = [armed for armed in self._armed if armed.times > 0]
                await asyncio.sleep(fault.delay)
                if fault.status is not None:
                    return self._respond(fault.status)
                break
        return await handler(request)
