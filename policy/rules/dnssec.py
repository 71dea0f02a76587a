"""DNSSEC: zones that Cloudflare signs (RFC 9364)."""

from collections.abc import Iterator

from model.zone_signing import ACTIVE
from policy.model import UNKNOWN, ZONE_DNSSEC, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

STATUS = "status"


def asked_for(zone: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Active is asked for, each time: another word, which a refresh may find, the provider does not take."""
    status = zone.get(STATUS)
    if status not in (ACTIVE, UNKNOWN):
        yield f"The zone's status is to be {status}, not {ACTIVE}."
    if STATUS in zone.ignores:
        yield "Changes of the zone's status are ignored."


RULES = (
    ResourceRule(
        name="dnssec-stays",
        why="Each deploy asks for a zone's signatures, because without them, and with a DS record at its parent, it is "
        "gone for all who validate.",
        remedy="Set status to active, and do not ignore its changes.",
        types=(ZONE_DNSSEC,),
        check=asked_for,
    ),
)
