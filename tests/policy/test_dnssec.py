"""The rule for zones that are signed."""

from typing import Any

import pytest

from policy.model import UNKNOWN, ZONE_DNSSEC, Resource
from tests.support.case import Case, holds, sentence

RULE = "dnssec-stays"


def zone(status: Any, *ignored: str) -> Resource:
    return Resource(ZONE_DNSSEC, "example.com", {"zoneId": "0" * 32, "status": status}, ignores=frozenset(ignored))


CASES = [
    Case("a zone that is to be signed", RULE, [zone("active"), zone("active", "modifiedOn")]),
    Case("a status that is not known yet", RULE, [zone(UNKNOWN)]),
    *(
        Case(f"a zone whose status is to be {status}", RULE, [zone(status)], f"is to be {status}, not active")
        for status in ("disabled", "pending", None)
    ),
    Case("a zone whose status stays as a refresh finds it", RULE, [zone("active", "status")], "are ignored"),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
