"""The HTTP side of the API, base path /client/v4."""

from __future__ import annotations

import re

from aiohttp import web

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.account import Account
from offline.sandbox.internet.cloudflare.envelope import BASE, success
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.queries import only, page
from offline.sandbox.internet.cloudflare.zones import Zone

_ID = re.compile(r"[0-9a-f]{32}")


class Api:
    """Handlers for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        """All routes the API serves."""
        zone = f"{BASE}/zones/{{zone}}"
        records = f"{zone}/dns_records"
        record = f"{records}/{{record}}"
        return [
            web.get(f"{BASE}/zones", self.list_zones),
            web.get(zone, self.get_zone),
            web.get(f"{zone}/dnssec", self.get_dnssec),
            web.patch(f"{zone}/dnssec", self.edit_dnssec),
            web.delete(f"{zone}/dnssec", self.delete_dnssec),
            web.get(records, self.list_records),
            web.post(records, self.create_record),
            web.get(record, self.get_record),
            web.put(record, self.overwrite_record),
            web.patch(record, self.edit_record),
            web.delete(record, self.delete_record),
        ]

    async def list_zones(self, request: web.Request) -> web.Response:
        """GET /zones, all of them or the one of the parameter name; match says how several parameters join."""
        query = request.query
        only(query, "name", "match")
        zones = [zone for zone in self._account.zones() if query.get("name", zone.name).lower() == zone.name]
        shown, info = page(zones, query, default=20, largest=50)
        return success([zone.shown() for zone in shown], info)

    async def get_zone(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}."""
        return success(self._zone(request, problems.ZONE_REFUSED).shown())

    async def get_dnssec(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}/dnssec."""
        return success(await self._account.dnssec(self._zone(request, problems.ZONE_REFUSED)))

    async def edit_dnssec(self, request: web.Request) -> web.Response:
        """PATCH /zones/{zone}/dnssec."""
        zone = self._zone(request, problems.ZONE_REFUSED)
        await self._account.edit_dnssec(zone, await _body(request))
        return success(await self._account.dnssec(zone))

    async def delete_dnssec(self, request: web.Request) -> web.Response:
        """DELETE /zones/{zone}/dnssec."""
        await self._account.delete_dnssec(self._zone(request, problems.ZONE_REFUSED))
        return success("")

    async def list_records(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}/dns_records."""
        only(request.query)
        found = sorted(self._zone(request).records.values(), key=lambda record: (record.type, record.name))
        shown, info = page(found, request.query, default=100, largest=5_000_000)
        return success([record.shown() for record in shown], info)

    async def create_record(self, request: web.Request) -> web.Response:
        """POST /zones/{zone}/dns_records."""
        record = await self._account.create(self._zone(request), await _body(request))
        return success(record.shown())

    async def get_record(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}/dns_records/{record}."""
        record = self._zone(request).records.get(_identifier(request, "record"))
        if record is None:
            raise problems.RECORD_NOT_FOUND
        return success(record.shown())

    async def overwrite_record(self, request: web.Request) -> web.Response:
        """PUT /zones/{zone}/dns_records/{record}."""
        zone, record_id = self._zone(request), _identifier(request, "record")
        return success((await self._account.overwrite(zone, record_id, await _body(request))).shown())

    async def edit_record(self, request: web.Request) -> web.Response:
        """PATCH /zones/{zone}/dns_records/{record}."""
        zone, record_id = self._zone(request), _identifier(request, "record")
        return success((await self._account.edit(zone, record_id, await _body(request))).shown())

    async def delete_record(self, request: web.Request) -> web.Response:
        """DELETE /zones/{zone}/dns_records/{record}."""
        record_id = _identifier(request, "record")
        await self._account.delete(self._zone(request), record_id)
        return success({"id": record_id})

    def _zone(self, request: web.Request, refusal: problems.ApiError = problems.RECORDS_REFUSED) -> Zone:
        """The zone of the path; another account's zone looks like one the token may not touch."""
        zone = self._account.zone(_identifier(request, "zone"))
        if zone is None:
            raise refusal
        return zone


def _identifier(request: web.Request, part: str) -> str:
    identifier = request.match_info[part]
    if not _ID.fullmatch(identifier):
        raise problems.no_route(request.path)
    return identifier


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        raise problems.NOT_JSON from None
    if not isinstance(body, dict):
        raise problems.NOT_JSON
    return body
