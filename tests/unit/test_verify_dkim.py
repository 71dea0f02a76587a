"""DKIM keys that take turns, as verification sees them: each record, where a change stands, and when one is due."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from model.records import REVOKED_DKIM, dkim
from operate.verify import domain_names
from operate.verify.context import Context
from operate.verify.dkim_record import dkim_record
from operate.verify.dkim_rotation import age, rotation
from operate.verify.result import Status
from operate.verify.runner import Shared
from operate.verify.stack import Domain, Rotation, make_stack
from tests.support.verify_world import DOMAIN, Records, stack
from tests.unit.test_records import public_key
from tests.unit.test_verify_stack import OUTPUTS, config

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
KEY, OTHER_KEY = public_key(2048), public_key(2048)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("texts", "status"), [([REVOKED_DKIM], OK), (["v=DKIM1; p="], OK), ([dkim(KEY)], FAIL), ([], FAIL)]
)
def test_a_key_that_was_given_up_is_published_as_revoked(texts: list[str], status: Status) -> None:
    name = f"s1._domainkey.{DOMAIN}"
    assert asyncio.run(dkim_record(Records({(name, "TXT"): texts}), name, REVOKED_DKIM)).status is status


def changing(phase: str, *, selector: str = "s20261101001", why: str = "", left: float = 60) -> Domain:
    """A domain whose key changes."""
    beside = Rotation(1, phase, NOW + left, why, f"s2._domainkey.{DOMAIN}", dkim(OTHER_KEY))
    return Domain(DOMAIN, f"{selector}._domainkey.{DOMAIN}", dkim(KEY), beside)


@pytest.mark.parametrize(
    ("domain", "found", "status"),
    [
        (Domain(DOMAIN, "s1", "x"), "the first key", OK),
        (changing("waiting"), "key 1 is published and can sign from 2026-11-28 12:01 UTC on", OK),
        (changing("waiting", left=-60), "key 1 is published and can sign from 2026-11-28 11:59 UTC on", WARN),
        (changing("waiting", why="ns1 is silent", left=-60), "key 1 is published; ns1 is silent", WARN),
        (changing("signing"), "key 1 signs, the former one is published until 2026-11-28 12:01 UTC", OK),
        (changing("signing", left=-60), "key 1 signs, the former one is published until 2026-11-28 11:59 UTC", WARN),
        (changing("revoked", left=-60), "key 1 signs, the former one is revoked", OK),
    ],
)
def test_where_a_change_of_the_dkim_key_stands_is_told_and_what_is_due_is_a_warning(
    domain: Domain, found: str, status: Status
) -> None:
    finding = asyncio.run(rotation(domain.rotation, NOW))
    assert (finding.found, finding.status) == (found, status)


@pytest.mark.parametrize(
    ("domain", "status"),
    [
        (changing("revoked", selector="s20251024001"), OK),
        (changing("revoked", selector="s20251023001"), WARN),
        (Domain(DOMAIN, f"s20230520790._domainkey.{DOMAIN}", "x"), WARN),
        (changing("waiting", selector="s20230520790"), OK),
        # Whoever chose these keeps count himself.
        (Domain(DOMAIN, f"s1._domainkey.{DOMAIN}", "x"), OK),
        (Domain(DOMAIN, f"s20269999001._domainkey.{DOMAIN}", "x"), OK),
    ],
)
def test_a_key_that_signs_for_more_than_a_year_is_to_be_changed(domain: Domain, status: Status) -> None:
    assert asyncio.run(age(domain, NOW)).status is status


def test_the_record_beside_that_of_the_key_that_signs_is_looked_at_too() -> None:
    one = replace(stack(), domains=(changing("waiting"),))
    context = Context(one, Records({}), Shared(), one.domains)
    subjects = [job.subject for job in domain_names.jobs(context) if job.check.name == "dns.dkim"]
    assert subjects == [DOMAIN, f"{DOMAIN}, next key"]


def test_a_change_is_read_from_the_stacks_outputs() -> None:
    told = {
        "rotation": 1, "phase": "signing", "due": NOW, "why": "",
        "otherName": f"s0._domainkey.{DOMAIN}", "otherValue": REVOKED_DKIM,
    }  # fmt: skip
    key = OUTPUTS["domains"][DOMAIN]
    found = make_stack("test", OUTPUTS | {"domains": {DOMAIN: {**key, "dkimRotation": told}}}, config())
    assert found.domains[0].rotation == Rotation(1, "signing", NOW, "", f"s0._domainkey.{DOMAIN}", REVOKED_DKIM)
    assert make_stack("test", OUTPUTS, config()).domains[0].rotation is None
