"""What stands before the ACME servers: passes requests on by the name they are for, and plays faults on request.

Its other side is for servers that want to know whom to trust, and for tests:

GET  /_sandbox/authorities   the sandbox's own authority and the roots of both ACME servers, in PEM (RFC 7468)
GET  /_sandbox/certificates/HOST   key and certificate of another of the sandbox's parts, by that authority
POST /_sandbox/lifetime      {"seconds": 45} how long certificates of `BRIEF_HOST` live from now on; its ACME server
                             starts anew for that: it has another root then, and has forgotten all accounts
     /_sandbox/faults        see `offline.sandbox.faults`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from offline.sandbox.faults import Faults
from offline.sandbox.internet.acme.problems import fault, problem
from offline.sandbox.internet.passing import pass_on
from offline.sandbox.world import BRIEF_HOST

DIRECTORY = "/dir"
CAA_IDENTITY = "letsencrypt.org"
"""What both are called in CAA records: as who they stand in for. This version of theirs says nothing of it."""
LONGEST = int(timedelta(days=90).total_seconds())
"""The longest lifetime, in seconds."""


class Issuer(Protocol):
    """An ACME server, which answers at `url`."""

    url: str

    async def root(self) -> str:
        """The root of what it issues, in PEM; raises OSError."""

    async def set_lifetime(self, seconds: int) -> None:
        """Issue for that long from now on; raises TimeoutError."""


class Authority:
    """ACME servers by the name that each has in the world, and the authority that signed their TLS certificates.

    `handed_out` are the certificates, with their keys, of other parts by host.
    """

    def __init__(self, issuers: Mapping[str, Issuer], own: str, handed_out: Mapping[str, str]) -> None:
        self._issuers = issuers
        self._own = own
        self._handed_out = handed_out
        self._faults = Faults(fault)

    def acme(self) -> web.Application:
        """The application for ACME's clients."""
        app = web.Application(middlewares=[self._faults.middleware()])
        app.add_routes([web.route("*", "/{path:.*}", self._pass_on)])
        return app

    def control(self) -> web.Application:
        """The application for everything else."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/_sandbox/authorities", self._show),
                web.get("/_sandbox/certificates/{host}", self._hand_out),
                web.post("/_sandbox/lifetime", self._set_lifetime),
                *self._faults.routes(),
            ]
        )
        return app

    async def check(self) -> None:
        """Whether all ACME servers answer; raises OSError."""
        await self._roots()

    async def _roots(self) -> list[str]:
        return [await issuer.root() for issuer in self._issuers.values()]

    async def _pass_on(self, request: web.Request) -> web.Response:
        issuer = self._issuers.get(request.url.host or "")
        if issuer is None:
            return problem(404, "malformed", f"No ACME server has the name {request.host}")
        try:
            answer = await pass_on(request, issuer.url, {"X-Forwarded-Proto": "https"})
        except aiohttp.ClientError:  # it starts anew
            return fault(503)
        if request.path == DIRECTORY and answer.status == 200 and isinstance(answer.body, bytes):
            answer.body = _named(answer.body)
        return answer

    async def _show(self, _request: web.Request) -> web.Response:
        try:
            roots = await self._roots()
        except OSError as error:
            return web.json_response({"error": str(error)}, status=503)
        return web.Response(text="".join((self._own, *roots)), content_type="application/x-pem-file")

    async def _hand_out(self, request: web.Request) -> web.Response:
        pem = self._handed_out.get(request.match_info["host"])
        if pem is None:
            return web.json_response({"error": "no part of the sandbox has that name"}, status=404)
        return web.Response(text=pem, content_type="application/x-pem-file")

    async def _set_lifetime(self, request: web.Request) -> web.Response:
        try:
            seconds = _lifetime(await request.json())
        except ValueError:
            text = f'a lifetime is {{"seconds": N}}, N a whole number from 1 to {LONGEST}'
            return web.json_response({"error": text}, status=400)
        await self._issuers[BRIEF_HOST].set_lifetime(seconds)
        return web.Response(status=204)


def _named(directory: bytes) -> bytes:
    """The directory with what the authority is called in CAA records (RFC 8555, section 7.1.1)."""
    fields = json.loads(directory)
    fields["meta"]["caaIdentities"] = [CAA_IDENTITY]
    return json.dumps(fields, indent=3).encode()


def _lifetime(body: Any) -> int:
    """The seconds in a request's body; raises ValueError."""
    seconds = body.get("seconds") if isinstance(body, dict) and body.keys() == {"seconds"} else None
    if type(seconds) is not int or not 0 < seconds <= LONGEST:  # true is an int, too
        raise ValueError(body)
    return seconds
