"""Faults on request: an API of the sandbox that answers late, or with an error, for the next few matching requests.

Both API servers (Hetzner Cloud and Cloudflare) use this one aiohttp middleware. A test posts a rule:

    POST /_sandbox/faults   {"method": "POST", "path": "/dns_records$", "status": 429, "delay": 0.5, "times": 2}
    GET /_sandbox/faults    the rules that still wait
    DELETE /_sandbox/faults forgets all rules

`path` is a regular expression searched in the request's path; without `method` any method matches; `delay` is in
seconds; without `status` the request is only delayed and then handled as usual; `times` is how many requests the rule
meets (default 1). The first matching rule wins. A request that got an error was not handled: nothing changed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


@dataclass
class Fault:
    """One rule; `times` counts down to nought."""

    path: str
    method: str | None = None
    status: int | None = None
    delay: float = 0.0
    times: int = 1

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Fault:
        """Read a rule from a request's body; raises ValueError when it is not one."""
        status = body.get("status")
        if "path" not in body or (status is None and not body.get("delay")):
            raise ValueError('a fault needs "path" and at least one of "status" and "delay"')
        re.compile(str(body["path"]))
        method = body.get("method")
        return cls(
            path=str(body["path"]),
            method=str(method).upper() if method else None,
            status=int(status) if status is not None else None,
            delay=float(body.get("delay", 0)),
            times=int(body.get("times", 1)),
        )

    def meets(self, request: web.Request) -> bool:
        """Whether this rule applies to the request."""
        return (
            self.times > 0 and self.method in (None, request.method) and re.search(self.path, request.path) is not None
        )


class Faults:
    """The waiting rules of one API server; `error` writes an error answer of a status in that API's own form."""

    def __init__(self, error: Callable[[int], web.Response]) -> None:
        self._error = error
        self._rules: list[Fault] = []

    def middleware(self) -> Middleware:
        """The middleware that plays the faults; put it before authentication, as an overloaded front end would be."""

        @web.middleware
        async def play(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith("/_sandbox/"):
                return await handler(request)
            rule = next((rule for rule in self._rules if rule.meets(request)), None)
            if rule is None:
                return await handler(request)
            rule.times -= 1
            self._rules = [rule for rule in self._rules if rule.times > 0]
            await asyncio.sleep(rule.delay)
            if rule.status is None:
                return await handler(request)
            return self._error(rule.status)

        return play

    def routes(self) -> list[web.RouteDef]:
        """The routes that add, show and clear the rules."""

        async def add(request: web.Request) -> web.Response:
            try:
                rule = Fault.from_json(await request.json())
            except (ValueError, TypeError, re.error) as error:
                return web.json_response({"error": str(error)}, status=400)
            self._rules.append(rule)
            return web.json_response(asdict(rule), status=201)

        async def show(_request: web.Request) -> web.Response:
            return web.json_response([asdict(rule) for rule in self._rules])

        async def clear(_request: web.Request) -> web.Response:
            self._rules.clear()
            return web.Response(status=204)

        path = "/_sandbox/faults"
        return [web.post(path, add), web.get(path, show), web.delete(path, clear)]
