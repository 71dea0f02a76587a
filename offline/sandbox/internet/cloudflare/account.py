"""The account's zones and the changes to them, each published before it counts as done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from offline.sandbox.internet.cloudflare import dnssec, email_routing, problems
from offline.sandbox.internet.cloudflare.authority import Authority
from offline.sandbox.internet.cloudflare.dnssec import Dnssec, Signing
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.records import Record, read_record
from offline.sandbox.internet.cloudflare.zones import Records, Zone, with_record, without_record

Change = Callable[[Records], Records]

INITIAL_ZONES = ("club.example", "family.example")


def _now() -> datetime:
    return datetime.now(UTC)


class Account:
    """All zones. A change computes the zone's next records, publishes them, and only then stores them.

    So a request that fails, for whatever reason, has changed nothing; and one change of a zone waits for the other.
    """

    def __init__(self, authority: Authority, names: Iterable[str] = INITIAL_ZONES) -> None:
        self._authority = authority
        self._initial = tuple(names)
        self._zones: dict[str, Zone] = {}
        self._lock = asyncio.Lock()

    async def reset(self) -> None:
        """Only the initial zones, empty."""
        for zone in list(self._zones.values()):
            if zone.name not in self._initial:
                await self._authority.withdraw(zone.name)
        self._zones.clear()
        for name in self._initial:
            await self.add_zone(name)

    async def add_zone(self, name: str) -> Zone:
        """Add an empty zone, or empty the one of that name; its parent has no DS record of it."""
        now = _now()
        zone = Zone(name, created_on=now, modified_on=now)
        await self._authority.publish(name, (), Signing.DELETED)
        await self._authority.delegate(name, None)
        self._zones[zone.id] = zone
        return zone

    def zones(self) -> list[Zone]:
        """All zones, by name."""
        return sorted(self._zones.values(), key=lambda zone: zone.name)

    def zone(self, zone_id: str) -> Zone | None:
        """The zone of this identifier, if there is one."""
        return self._zones.get(zone_id)

    def zone_named(self, name: str) -> Zone | None:
        """The zone of this name, if there is one."""
        return next((zone for zone in self._zones.values() if zone.name == name), None)

    async def create(self, zone: Zone, body: Json) -> Record:
        """Add a record; raises ApiError."""
        record = read_record(body, zone.name, _now())
        await self._change(zone, lambda records: with_record(records, record, zone.name))
        return record

    async def overwrite(self, zone: Zone, record_id: str, body: Json) -> Record:
        """Replace a record as a whole (PUT); raises ApiError."""
        record = read_record(body, zone.name, _now(), _previous(zone.records, record_id))
        await self._change(zone, lambda records: with_record(records, record, zone.name))
        return record

    async def edit(self, zone: Zone, record_id: str, body: Json) -> Record:
        """Replace the given fields of a record (PATCH); raises ApiError."""
        previous = _previous(zone.records, record_id)
        return await self.overwrite(zone, record_id, previous.as_body() | body)

    async def route_email(self, zone: Zone, *, enabled: bool) -> None:
        """Switch Email Routing on, which makes its records and locks them, or off, which takes them away."""
        others = {key: record for key, record in zone.records.items() if not record.locked}
        if enabled and any(record.type == "MX" for record in others.values()):
            raise problems.refused(problems.BESIDE_MX)
        made = [replace(read_record(body, zone.name, _now()), locked=True) for body in email_routing.RECORDS]
        await self._change(zone, lambda _: others | {record.id: record for record in made if enabled})

    async def delete(self, zone: Zone, record_id: str) -> None:
        """Remove a record; raises ApiError."""
        await self._change(zone, lambda records: without_record(records, record_id))

    async def dnssec(self, zone: Zone) -> Json:
        """DNSSEC of the zone as the API shows it."""
        deleted = zone.dnssec.signing is Signing.DELETED
        return dnssec.shown(zone.name, zone.dnssec, None if deleted else await self._authority.key(zone.name))

    async def edit_dnssec(self, zone: Zone, body: Json) -> None:
        """Switch DNSSEC on or off; raises ApiError."""
        signing = dnssec.read_signing(body)
        if signing not in (None, zone.dnssec.signing):
            await self._sign(zone, replace(zone.dnssec, signing=signing, modified_on=_now()))

    async def delete_dnssec(self, zone: Zone) -> None:
        """Sign the zone no more; raises ApiError where the zone would become bogus."""
        if zone.dnssec.signing is Signing.ON or (await self.dnssec(zone))["status"] != "disabled":
            raise problems.DNSSEC_IN_USE
        await self._sign(zone, replace(zone.dnssec, signing=Signing.DELETED, modified_on=None))

    async def delegate(self, zone: Zone, ds: str | None) -> None:
        """Let the parent have this DS record (its right side) of the zone, right or wrong, or none."""
        async with self._lock:
            await self._authority.delegate(zone.name, ds)
            zone.dnssec = replace(zone.dnssec, at_parent=ds)

    async def _sign(self, zone: Zone, state: Dnssec) -> None:
        async with self._lock:
            await self._authority.publish(zone.name, zone.records.values(), state.signing)
            zone.dnssec = state

    async def _change(self, zone: Zone, change: Change) -> None:
        async with self._lock:
            records = change(zone.records)
            await self._authority.publish(zone.name, records.values(), zone.dnssec.signing)
            zone.records = records
            zone.modified_on = _now()


def _previous(records: Records, record_id: str) -> Record:
    if record_id not in records:
        raise problems.RECORD_NOT_FOUND
    return records[record_id]
