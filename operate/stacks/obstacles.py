"""What stands in a zone already."""

from collections.abc import Iterator

from model.left_overs import left_overs
from model.record_conflicts import Ownership, conflicts
from model.settings import Settings
from model.values import is_within
from model.wanted_records import wanted_records
from operate.clouds.cloudflare import Zone


def obstacles(zone: Zone, settings: Settings, ownership: Ownership) -> Iterator[str]:
    """What stands in the zone and is not this stack's: first what the preview will stop at, then what to know."""
    wanted = [want for want in wanted_records(settings) if is_within(want.domain, zone.name)]
    foreign = [
        record for record in zone.records if not ownership.marks(record) and record.name not in ownership.served
    ]
    for conflict in conflicts(wanted, foreign, zone.name, ownership):
        if conflict.way != "lost":
            yield f"in the way of the {conflict.wanted.kind} record: {conflict.record}"
    yield from left_overs(settings, foreign, ownership.addresses)
    for record in foreign:
        if record.name.startswith("*."):
            yield f"a wildcard, which answers for every name that has no record: {record}"
