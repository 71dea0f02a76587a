"""The tests' own side of the API server: what no client of Cloudflare may do.

GET  /_sandbox/health         200 once every daemon of the container answers, else 503 with the reason
POST /_sandbox/reset          only the initial zones, empty (faults stay: DELETE /_sandbox/faults)
POST /_sandbox/zones          {"name": "more.example"} adds an empty zone (or empties it)
POST /_sandbox/email_routing  {"zone": "club.example", "enabled": true} makes Email Routing's locked records, or removes
                              them
POST /_sandbox/registrar      {"zone": "club.example", "ds": "2371 13 2 <digest>"} puts the zone's DS record at its
                              parent, a wrong one, too; "ds": null takes it away
POST /_sandbox/forget         the resolver forgets what it has cached
POST /_sandbox/rate_limit     {"quota": 1200, "window": 300} another rate limit, window in seconds
GET  /_sandbox/warnings       what the dashboard would warn about: TXT content without quotation marks
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from offline.sandbox.internet.cloudflare import txt
from offline.sandbox.internet.cloudflare.access import RateLimit
from offline.sandbox.internet.cloudflare.account import Account
from offline.sandbox.internet.cloudflare.dnssec import read_ds
from offline.sandbox.internet.cloudflare.names import is_hostname, to_ascii
from offline.sandbox.internet.cloudflare.problems import ApiError

Check = Callable[[], Awaitable[None]]


class Control:
    """Handlers under /_sandbox."""

    def __init__(
        self, account: Account, rate_limit: RateLimit, checks: Sequence[Check] = (), forget: Check | None = None
    ) -> None:
        self._account = account
        self._rate_limit = rate_limit
        self._checks = checks
        self._forget = forget

    def routes(self) -> list[web.RouteDef]:
        """All routes but those of the faults."""
        return [
            web.get("/_sandbox/health", self.health),
            web.post("/_sandbox/reset", self.reset),
            web.post("/_sandbox/zones", self.add_zone),
            web.post("/_sandbox/email_routing", self.route_email),
            web.post("/_sandbox/registrar", self.delegate),
            web.post("/_sandbox/forget", self.forget),
            web.post("/_sandbox/rate_limit", self.set_rate_limit),
            web.get("/_sandbox/warnings", self.warnings),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """GET /_sandbox/health."""
        for check in self._checks:
            try:
                await check()
            except OSError as error:
                return web.json_response({"status": "starting", "reason": str(error)}, status=503)
        return web.json_response({"status": "ok"})

    async def reset(self, _request: web.Request) -> web.Response:
        """POST /_sandbox/reset."""
        await self._account.reset()
        return web.Response(status=204)

    async def add_zone(self, request: web.Request) -> web.Response:
        """POST /_sandbox/zones."""
        name = to_ascii(str((await request.json()).get("name", "")))
        if not (is_hostname(name) and name.endswith(".example")):
            # The sandbox's resolver asks its own name server about .example only.
            return web.json_response({"error": f"{name!r} is not a domain name under .example"}, status=400)
        return web.json_response((await self._account.add_zone(name)).shown(), status=201)

    async def route_email(self, request: web.Request) -> web.Response:
        """POST /_sandbox/email_routing."""
        body = await request.json()
        zone = self._account.zone_named(body["zone"])
        if zone is None:
            return web.json_response({"error": f"no zone {body['zone']!r}"}, status=400)
        try:
            await self._account.route_email(zone, enabled=bool(body.get("enabled", True)))
        except ApiError as refusal:
            return web.json_response({"error": str(refusal)}, status=400)
        return web.Response(status=204)

    async def delegate(self, request: web.Request) -> web.Response:
        """POST /_sandbox/registrar."""
        body = await request.json()
        zone = self._account.zone_named(body["zone"])
        if zone is None:
            return web.json_response({"error": f"no zone {body['zone']!r}"}, status=400)
        try:
            ds = None if body["ds"] is None else read_ds(body["ds"])
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        await self._account.delegate(zone, ds)
        return web.Response(status=204)

    async def forget(self, _request: web.Request) -> web.Response:
        """POST /_sandbox/forget."""
        if self._forget is not None:
            await self._forget()
        return web.Response(status=204)

    async def set_rate_limit(self, request: web.Request) -> web.Response:
        """POST /_sandbox/rate_limit."""
        body = await request.json()
        self._rate_limit.set(int(body["quota"]), int(body["window"]))
        return web.Response(status=204)

    async def warnings(self, _request: web.Request) -> web.Response:
        """GET /_sandbox/warnings."""
        return web.json_response(
            [
                {"zone": zone.name, "name": record.name, "warning": txt.UNQUOTED_WARNING}
                for zone in self._account.zones()
                for record in zone.records.values()
                if record.type == "TXT" and not txt.is_quoted(record.content.text)
            ]
        )
