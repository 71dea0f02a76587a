"""A zone with its records, and which records may stand beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.dnssec import Dnssec
from offline.sandbox.internet.cloudflare.problems import Json, Problem
from offline.sandbox.internet.cloudflare.records import ADDRESS_TYPES, PROXIABLE_TYPES, Record, timestamp

Records = Mapping[str, Record]

ACCOUNT: Json = {"id": hashlib.md5(b"Sandbox", usedforsecurity=False).hexdigest(), "name": "Sandbox"}
NAME_SERVER = "ns1.sandbox.example"


@dataclass
class Zone:
    """One zone of the account. `records` is replaced as a whole by each change, never changed in place."""

    name: str
    created_on: datetime
    modified_on: datetime
    records: Records = field(default_factory=dict)
    dnssec: Dnssec = field(default_factory=Dnssec)

    @property
    def id(self) -> str:
        """The same for a name every time, so that a stack outlives a reset of the sandbox."""
        return hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()

    def shown(self) -> Json:
        """The zone as the API shows it: active, on the free plan."""
        return {
            "id": self.id,
            "name": self.name,
            "status": "active",
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": [NAME_SERVER],
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "modified_on": timestamp(self.modified_on),
            "created_on": timestamp(self.created_on),
            "activated_on": timestamp(self.created_on),
            "vanity_name_servers": [],
            "vanity_name_servers_ips": None,
            "meta": {
                "step": 4,
                "custom_certificate_quota": 0,
                "page_rule_quota": 3,
                "phishing_detected": False,
                "cdn_only": False,
                "dns_only": False,
                "foundation_dns": False,
            },
            "owner": {"id": None, "type": "user", "email": None},
            "account": ACCOUNT,
            "tenant": {"id": None, "name": None},
            "tenant_unit": {"id": None},
            "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
            "plan": {
                "id": hashlib.md5(b"free", usedforsecurity=False).hexdigest(),
                "name": "Free Website",
                "price": 0,
                "currency": "USD",
                "frequency": "",
                "is_subscribed": False,
                "can_subscribe": False,
                "legacy_id": "free",
                "legacy_discount": False,
                "externally_managed": False,
            },
        }


def conflict(others: Iterable[Record], new: Record, zone: str) -> Problem | None:
    """Why the record cannot stand beside the others, if it cannot.

    A CNAME stands alone (RFC 1034 section 3.6.2), but for the zone's own name: there it is flattened to the addresses
    of its target, and only addresses and another CNAME are in its way. A name that is delegated by NS, and the names
    below it, take no addresses (other than of the name servers themselves) and no CNAME.
    """
    others = [other for other in others if other.id != new.id]
    same_name = [other for other in others if other.name == new.name]
    if any(other.identity() == new.identity() for other in same_name):
        return problems.IDENTICAL
    types = {other.type for other in same_name}
    leads_somewhere = new.type in PROXIABLE_TYPES
    if new.name == zone:
        types &= set(PROXIABLE_TYPES) if leads_somewhere else set()
    if "CNAME" in types:
        return problems.BESIDE_ADDRESS if new.type == "CNAME" else problems.BESIDE_CNAME
    if leads_somewhere and _delegated(others, new.name, zone):
        return problems.BESIDE_NS
    if new.type == "CNAME" and types:
        return problems.BESIDE_ADDRESS
    if new.type == "NS" and types & set(ADDRESS_TYPES):
        return problems.BESIDE_ADDRESS
    return None


def _delegated(others: Iterable[Record], name: str, zone: str) -> bool:
    """Whether the name, or one above it within the zone, is another name server's; its own address may stand there."""
    delegations = [other for other in others if other.type == "NS" and other.name != zone]
    return any(
        f".{name}".endswith(f".{delegation.name}") and name != delegation.content.text for delegation in delegations
    )


def with_record(records: Records, new: Record, zone: str) -> Records:
    """The records with one more, or one overwritten; raises ApiError if that may not be."""
    _require_unlocked(records.get(new.id))
    if new.type == "MX" and new.name == zone and any(record.locked for record in records.values()):
        raise problems.EMAIL_ROUTING_MX
    problem = conflict(records.values(), new, zone)
    if problem:
        raise problems.refused(problem)
    return {**records, new.id: new}


def without_record(records: Records, record_id: str) -> Records:
    """The records without one; raises ApiError if there is no such record, or it is locked."""
    if record_id not in records:
        raise problems.RECORD_NOT_FOUND
    _require_unlocked(records[record_id])
    return {key: record for key, record in records.items() if key != record_id}


def _require_unlocked(record: Record | None) -> None:
    if record is not None and record.locked:
        raise problems.READ_ONLY
