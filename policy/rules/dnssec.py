"""DNSSEC: zones that Cloudflare signs (RFC 9364)."""

from collections.abc import Iterator

from model.zone_signing import ACTIVE
from policy.model import UNKNOWN, ZONE_DNSSEC, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

STATUS = "status"
ASKED_FOR = (ACTIVE, "pending")
"""Signatures. After a refresh the engine holds what Cloudflare says, and an ignored change leaves it at that."""


def asked_for(zone: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Signatures are asked for; that Cloudflare says pending until the registrar has done its part is no drift."""
    status = zone.get(STATUS)
    if status not in (*ASKED_FOR, UNKNOWN):
        yield f"The zone's status is to be {status}, not {ACTIVE}."
    if STATUS not in zone.ignores:
        yield "Changes of the zone's status are not ignored."


RULES = (
    ResourceRule(
        name="dnssec-stays",
        why="Signing a zone is asked for once and then left to Cloudflare and the registrar, because a zone whose "
        "signatures go while its parent has a DS record is gone for all who validate.",
        remedy="Make it as components/zone_signing.py does: status active, and ignore_changes of status.",
        types=(ZONE_DNSSEC,),
        check=asked_for,
    ),
)
