"""What Cloudflare holds of a stack: records that bear its mark, or are just as the program would make them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.existing_records import Record
from model.labels import earlier_comment
from model.lasting_records import is_lasting
from model.record_conflicts import Conflict, Ownership, conflicts
from model.settings import Settings
from model.wanted_records import wanted_records
from operate.clouds.cloudflare import Zone, find_zone
from operate.repair.state import Json, State
from operate.repair.things import DNS_RECORD, Planned, Thing


@dataclass(frozen=True)
class Dns:
    """One look at the zones of all domains, by domain."""

    zones: Mapping[str, Zone]
    settings: Settings
    ownership: Ownership

    def things(self) -> Iterator[Thing]:
        """The stack's records that its state does not know."""
        lost = [(zone, conflict.record) for zone, conflict in self._lost()]
        marked = [
            (zone, record)
            for zone in self._each()
            for record in zone.records
            if self.ownership.marks(record) and record.id not in self.ownership.ids
        ]
        told = {record.id for _zone, record in lost}
        for zone, record in [*lost, *(entry for entry in marked if entry[1].id not in told)]:
            where, import_id = f"Cloudflare, zone {zone.name}", f"{zone.id}/{record.id}"
            yield Thing(DNS_RECORD, record.id, record.name, where, _marks(zone, record), record.content, import_id)

    def planned(self, project: str, stack: str) -> Iterator[Planned]:
        """The program's resources that these are; at the root of the stack, where the program finds its children."""
        for zone, conflict in self._lost():
            urn = f"urn:pulumi:{stack}::{project}::{DNS_RECORD}::{conflict.wanted.resource}"
            want = conflict.wanted
            lasting = is_lasting(want.resource, want.type, want.name, want.content)
            protect = self.settings.protects("records") and lasting
            yield Planned(urn, _marks(zone, conflict.record) | {"content": conflict.record.content}, protect=protect)

    def lacks(self, resource: Json) -> bool:
        """Whether a record of the state is gone from one of these zones."""
        if resource["type"] != DNS_RECORD:
            return False
        zone_id = (resource.get("outputs") or {}).get("zoneId")
        zone = next((zone for zone in self._each() if zone.id == zone_id), None)
        return zone is not None and all(record.id != resource["id"] for record in zone.records)

    def _lost(self) -> Iterator[tuple[Zone, Conflict]]:
        """What the program would refuse to make a second time; see model.record_conflicts."""
        # With the mail host's keys, whether or not resolvers can validate them now: when they were made, they could.
        wanted = list(wanted_records(self.settings, validated=self.zones))
        for zone in self._each():
            here = [want for want in wanted if self.zones[want.domain].id == zone.id]
            for conflict in conflicts(here, zone.records, zone.name, self.ownership):
                if conflict.way == "lost":
                    yield zone, conflict

    def _each(self) -> Sequence[Zone]:
        return list({zone.id: zone for zone in self.zones.values()}.values())


def look(
    settings: Settings, project: str, state: State, addresses: Collection[str], token: str, base_url: str | None
) -> Dns:
    """All records of the domains' zones; `addresses` are the server's. Raises CloudError if they are not shown."""
    names = {domain.zone_name: find_zone(domain.zone_name, token, base_url) for domain in settings.domains}
    own = [resource for resource in state.resources if resource["type"] == DNS_RECORD]
    ownership = Ownership(
        owner=settings.owner,
        earlier=earlier_comment(project, state.stack),
        ids={str(resource.get("id")) for resource in own},
        resources={resource["urn"].rpartition("::")[2] for resource in own},
        adopted=settings.adopted_records,
        addresses=addresses,
    )
    return Dns({domain.name: names[domain.zone_name] for domain in settings.domains}, settings, ownership)


def _marks(zone: Zone, record: Record) -> dict[str, str]:
    return {"zoneId": zone.id, "name": record.name, "type": record.type}
