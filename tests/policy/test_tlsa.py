"""The rules for TLSA records."""

from typing import Any

import pytest

from policy.model import DNS_RECORD, UNKNOWN, ZONE_DNSSEC, Resource
from tests.support.case import Case, holds, sentence

ZONE = "0123456789abcdef0123456789abcdef"
PLACE = "_25._tcp.mail.example.com"
KEY, TWO = "tlsa-of-a-key", "tlsa-two-in-a-signed-zone"


def record(digest: Any = "0a" * 32, name: Any = PLACE, zone: Any = ZONE, **data: Any) -> Resource:
    fields = {"usage": 3, "selector": 1, "matchingType": 1, "certificate": digest} | data
    props = {"type": "TLSA", "name": name, "zoneId": zone, "data": fields}
    return Resource(DNS_RECORD, "x", props, f"{name} {digest}")


def signed(zone: Any = ZONE) -> Resource:
    return Resource(ZONE_DNSSEC, "x", {"zoneId": zone, "status": "active"}, "signed")


NEXT = record("1b" * 32)

CASES = [
    Case("digests of both keys", KEY, [record(), record("0A" * 32)]),
    *(
        Case(f"a record with {data}", KEY, [record(**data)], "not 3 1 1")
        for data in ({"usage": 2}, {"selector": 0}, {"matchingType": 2}, {"usage": None})
    ),
    *(
        Case(f"the digest {digest}", KEY, [record(digest)], "64 hexadecimal digits")
        for digest in ("0a" * 31, "0a" * 64, "0g" * 32, "", None)
    ),
    *(
        Case(f"a record at {name}", KEY, [record(name=name)], f"stands at {name}")
        for name in ("mail.example.com", "_443._tcp.mail.example.com", "_25._tcp.example.com")
    ),
    Case(
        "what is not known yet",
        KEY,
        [
            record(UNKNOWN, UNKNOWN, usage=UNKNOWN),
            Resource(DNS_RECORD, "x", {"type": "TLSA", "data": UNKNOWN, "name": PLACE}),
        ],
    ),
    Case("both keys in a signed zone", TWO, [record(), NEXT, signed()]),
    Case("a zone that is not signed", TWO, [record(), NEXT], "does not have their zone signed"),
    Case("another zone that is signed", TWO, [record(), NEXT, signed("f" * 32)], "does not have their zone signed"),
    Case("one key", TWO, [record(), signed()], "has 1 TLSA records; right are 2"),
    Case("three keys", TWO, [record(), NEXT, record("2c" * 32), signed()], "has 3 TLSA records"),
    Case("one key twice", TWO, [record(), record("0A" * 32), signed()], "of the same key"),
    Case("none at all", TWO, [signed()]),
    Case("keys that are not known yet", TWO, [record(UNKNOWN), record(UNKNOWN), signed(UNKNOWN)]),
    Case("a record that may be the second", TWO, [record(), record(UNKNOWN, UNKNOWN), signed()]),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
