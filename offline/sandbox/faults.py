"""Faults on request: a server of the sandbox that answers late, with an error, or cut off, for the next few requests.

Hetzner's API, Cloudflare's, the package mirror and the certificate authorities use this one aiohttp middleware. A test
posts a rule:

    POST /_sandbox/faults   {"method": "POST", "path": "/dns_records$", "status": 429, "delay": 0.5, "times": 2}
    GET /_sandbox/faults    all rules since they were cleared, each with `used`: how many requests it has met
    DELETE /_sandbox/faults forgets all rules

`path` is a regular expression searched in the request's path; without `method` any method matches; `times` is how many
requests the rule meets (default 1); the first matching rule that is not used up wins. What it does:

- `status`: an error answer. The request was not handled: nothing changed.
- `delay`: seconds until the answer, the error or the true one.
- `cut`: the connection is closed in the middle of the answer's body, or before it where there is no body. Without
  `status` the request was handled: what it asked for is done, and the client does not get to know.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

FIELDS = ("path", "method", "status", "delay", "cut", "times")


@dataclass
class Fault:
    """One rule, and how often it was used."""

    path: str
    method: str | None = None
    status: int | None = None
    delay: float = 0.0
    cut: bool = False
    times: int = 1
    used: int = 0

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Fault:
        """Read a rule from a request's body; raises ValueError when it is not one."""
        unknown = sorted(body.keys() - set(FIELDS))
        if unknown:
            raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(FIELDS)}")
        status = body.get("status")
        if "path" not in body or (status is None and not body.get("delay") and not body.get("cut")):
            raise ValueError('a fault needs "path" and at least one of "status", "delay" and "cut"')
        re.compile(str(body["path"]))
        method = body.get("method")
        return cls(
            path=str(body["path"]),
            method=str(method).upper() if method else None,
            status=int(status) if status is not None else None,
            delay=float(body.get("delay", 0)),
            cut=bool(body.get("cut", False)),
            times=int(body.get("times", 1)),
        )

    def meets(self, request: web.Request) -> bool:
        """Whether this rule applies to the request."""
        return (
            self.used < self.times
            and self.method in (None, request.method)
            and re.search(self.path, request.path) is not None
        )


class Faults:
    """The rules of one server; `error` writes an error answer of a status in that server's own form."""

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
            rule.used += 1
            await asyncio.sleep(rule.delay)
            answer = await handler(request) if rule.status is None else self._error(rule.status)
            return await _cut(request, answer) if rule.cut else answer

        return play

    def routes(self) -> list[web.RouteDef]:
        """The routes that add, show and clear the rules."""

        async def add(request: web.Request) -> web.Response:
            try:
                rule = Fault.from_json(await request.json())
            except (ValueError, TypeError, AttributeError, re.error) as error:
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


async def _cut(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """Begin the answer as announced, with its full length, send half of its body, and close the connection."""
    body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    begun = web.StreamResponse(status=whole.status, headers=whole.headers)
    if body:
        begun.content_length = len(body)
        await begun.prepare(request)
        await begun.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return begun
