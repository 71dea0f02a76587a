"""The HTTP side of the API, base path /client/v4."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.account import Account
from offline.sandbox.internet.cloudflare.envelope import BASE, success
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.queries import every, page
from offline.sandbox.internet.cloudflare.zones import ACCOUNT, Zone

_ID = re.compile(r"[0-9a-f]{32}")
_ZONE_NAME_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equal": str.__eq__,
    "not_equal": str.__ne__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
}


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
            web.get(f"{BASE}/user/tokens/verify", self.verify_token),
            web.get(f"{BASE}/accounts", self.list_accounts),
            web.get(f"{BASE}/zones", self.list_zones),
            web.get(zone, self.get_zone),
            web.get(f"{zone}/dnssec", self.get_dnssec),
            web.get(records, self.list_records),
            web.post(records, self.create_record),
            web.get(record, self.get_record),
            web.put(record, self.overwrite_record),
            web.patch(record, self.edit_record),
            web.delete(record, self.delete_record),
        ]

    async def verify_token(self, _request: web.Request) -> web.Response:
        """GET /user/tokens/verify."""
        message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        return success({"id": ACCOUNT["id"], "status": "active"}, messages=[message])

    async def list_accounts(self, request: web.Request) -> web.Response:
        """GET /accounts."""
        shown = {**ACCOUNT, "type": "standard", "settings": {"enforce_twofactor": False}, "created_on": None}
        return success(*page([shown], request.query, default=20, largest=50))

    async def list_zones(self, request: web.Request) -> web.Response:
        """GET /zones, with the filters name, status, account.id, account.name and direction."""
        query = request.query
        zones = self._account.zones()
        if "name" in query:
            operator, _, value = query["name"].rpartition(":")
            fits = _ZONE_NAME_OPERATORS.get(operator, str.__eq__)
            zones = [zone for zone in zones if fits(zone.name, value.lower())]
        for key, actual in (("status", "active"), ("account.id", ACCOUNT["id"]), ("account.name", ACCOUNT["name"])):
            if query.get(key, actual) != actual:
                zones = []
        if query.get("direction") == "desc":
            zones.reverse()
        shown, info = page(zones, query, default=20, largest=50)
        return success([zone.shown() for zone in shown], info)

    async def get_zone(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}."""
        return success(self._zone(request, problems.ZONE_REFUSED).shown())

    async def get_dnssec(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}/dnssec: always off."""
        zone = self._zone(request, problems.ZONE_REFUSED)
        return success({"status": "disabled", "modified_on": zone.shown()["modified_on"]})

    async def list_records(self, request: web.Request) -> web.Response:
        """GET /zones/{zone}/dns_records."""
        found = every(self._zone(request).records.values(), request.query)
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
