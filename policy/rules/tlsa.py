"""TLSA: with which keys the mail host proves itself to senders who validate (DANE, RFC 7672)."""

import re
from collections.abc import Iterator

from model.records import fqdn
from policy.dns import fields, records_at
from policy.model import DNS_RECORD, UNKNOWN, ZONE_DNSSEC, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

PARAMETERS = {"usage": 3, "selector": 1, "matchingType": 1}
"""DANE-EE, the public key, by SHA-256 (RFC 7672, section 3.1.1)."""
DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
KEYS = 2
"""The present key and the next, so that the certificate can change its key at any time (section 8.1)."""


def of_a_key(record: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """It is a digest of a public key at port 25 of the mail host."""
    data, name, wanted = fields(record), record.get("name"), _places(stack).values()
    if record.get("type") != "TLSA" or data is None:
        return
    if name not in (*wanted, UNKNOWN):
        yield f"The TLSA record stands at {name}; senders look at {', '.join(wanted)}."
    found = {field: data.get(field) for field in PARAMETERS}
    if any(found[field] not in (value, UNKNOWN) for field, value in PARAMETERS.items()):
        yield f"The TLSA record is {' '.join(map(str, found.values()))}, not 3 1 1."
    digest = data.get("certificate")
    if digest is not UNKNOWN and not DIGEST.fullmatch(str(digest)):
        yield "The TLSA record does not hold the 64 hexadecimal digits of SHA-256."


def two_in_a_signed_zone(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """At each name of the certificate there are none, or two of different keys, and the stack has their zone signed."""
    signed = [zone.get("zoneId") for zone in resources.of_type(ZONE_DNSSEC)]
    for host, place in _places(stack).items():
        records = records_at(resources, "TLSA", place)
        count = len(records.found)
        if count > KEYS or (0 < count < KEYS and not records.may_be_more):
            yield records.found[-1], f"{host} has {count} TLSA records; right are {KEYS}."
        digests = [(fields(record) or {}).get("certificate") for record in records.found]
        known = [digest.lower() for digest in digests if isinstance(digest, str)]
        if len(set(known)) < len(known):
            yield records.found[-1], f"Two TLSA records of {host} are of the same key."
        if any(record.get("zoneId") not in (*signed, UNKNOWN) for record in records.found) and UNKNOWN not in signed:
            yield records.found[-1], f"{host} has TLSA records, and the stack does not have their zone signed."


def _places(stack: Stack) -> dict[str, str]:
    """Where senders look, by host."""
    return {host: fqdn("_25._tcp", host) for host in stack.settings.certificate_names}


RULES = (
    ResourceRule(
        name="tlsa-of-a-key",
        why="A TLSA record holds the SHA-256 digest of a key (3 1 1) at port 25 of the mail host, because the "
        "certificate around it changes with each renewal.",
        remedy="Make it as components/certificate.py does, with the digests that the server tells.",
        types=(DNS_RECORD,),
        check=of_a_key,
    ),
    StackRule(
        name="tlsa-two-in-a-signed-zone",
        why="The mail host has TLSA records of its present and its next key, in a zone that the stack has signed, "
        "because senders who find the wrong ones deliver nothing.",
        remedy="Name the zone in dnssec, and make a record of each of the two keys.",
        check=two_in_a_signed_zone,
    ),
)
