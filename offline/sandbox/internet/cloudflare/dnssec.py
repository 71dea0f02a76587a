"""DNSSEC of a zone as the API shows it: the key it is signed by, and whether the zone's parent vouches for that key.

https://developers.cloudflare.com/api/resources/dns/subresources/dnssec/ and
https://developers.cloudflare.com/dns/dnssec/dnssec-states/, which says what each state means and serves.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.records import timestamp


class Signing(StrEnum):
    """What the owner has asked for. A zone that was switched off is signed on, until that is deleted, too.

    The first two are also the name server's policies, which tell the parent by CDS records what to do (RFC 8078).
    """

    ON = "enabled"
    OFF = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True)
class Dnssec:
    """The state of a zone: what was asked for and when, and the DS record (its right side) that the parent has."""

    signing: Signing = Signing.DELETED
    modified_on: datetime | None = None
    at_parent: str | None = None


KEY_TYPE = "ECDSAP256SHA256"
"""Algorithm 13 (RFC 6605), the one that Cloudflare signs by."""
DIGEST_TYPE, DIGEST_ALGORITHM = 2, "SHA256"
DS_TTL = 3600
"""Seconds, as the API writes the record for the registrar."""

KEY = cast(DNSKEY, dns.rdata.from_text("IN", "DNSKEY", f"257 3 13 {'sandbox/' * 10}sandbw=="))
"""Has the form of a key and is none."""

KEY_FIELDS = (
    *("flags", "algorithm", "key_type", "digest_type", "digest_algorithm", "digest", "ds", "key_tag", "public_key"),
)
UNSUPPORTED = ("dnssec_multi_signer", "dnssec_presigned", "dnssec_use_nsec3")
"""Switches that the sandbox does not have. Of those that are off, answers say nothing."""


def read_signing(body: Json) -> Signing | None:
    """What a request's body asks for, None if it says nothing of it; raises ApiError."""
    if on := [name for name in UNSUPPORTED if body.get(name)]:
        raise problems.refused(problems.without_dnssec(on))
    status = body.get("status")
    if status not in (None, "active", "disabled"):
        raise problems.refused(problems.DNSSEC_STATUS)
    return {"active": Signing.ON, "disabled": Signing.OFF}.get(status or "")


def read_ds(text: str) -> str:
    """A DS record's right side (RFC 4034, section 5.3) in one spelling; raises ValueError."""
    try:
        return dns.rdata.from_text("IN", "DS", text).to_text()
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text!r} is no DS record: <key tag> <algorithm> <digest type> <digest>") from error


def shown(zone: str, dnssec: Dnssec, key: DNSKEY | None) -> Json:
    """What the API tells of a zone that is signed by the key, or by none."""
    fields: Json = dict.fromkeys(KEY_FIELDS) if key is None else _of_key(zone, key)
    status = "active" if dnssec.signing is Signing.ON else "disabled"
    vouched = key is not None and dnssec.at_parent == read_ds(fields["ds"].partition(" DS ")[2])
    if vouched != (status == "active"):
        status = "pending" if status == "active" else "pending-disabled"
    modified_on = timestamp(dnssec.modified_on) if dnssec.modified_on else None
    return {"status": status, **fields, "modified_on": modified_on}


def _of_key(zone: str, key: DNSKEY) -> Json:
    ds = dns.dnssec.make_ds(dns.name.from_text(zone), key, DIGEST_ALGORITHM)
    digest = ds.digest.hex().upper()
    return {
        "flags": int(key.flags),
        "algorithm": str(int(key.algorithm)),
        "key_type": KEY_TYPE,
        "digest_type": str(DIGEST_TYPE),
        "digest_algorithm": DIGEST_ALGORITHM,
        "digest": digest,
        "ds": f"{zone}. {DS_TTL} IN DS {ds.key_tag} {int(key.algorithm)} {DIGEST_TYPE} {digest}",
        "key_tag": ds.key_tag,
        "public_key": base64.b64encode(key.key).decode(),
    }
