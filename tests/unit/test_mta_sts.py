"""What senders are told about encryption, and when that may change."""

from datetime import UTC, datetime, timedelta

import pytest

from model.mta_sts import COMPONENT, Mode, Told, now_told, other_host, policy, told, too_early
from model.stack_state import Held

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DOMAIN = "example.com"


def test_a_policy_names_each_host_in_the_form_of_the_rfc() -> None:
    assert policy("enforce", ["mail.example.com", "old.example.com"]) == (
        "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: old.example.com\r\nmax_age: 604800\r\n"
    )


def after(*modes: Mode) -> Told:
    """What senders are told after deploys a day apart, the last one now."""
    before = None
    for number, mode in enumerate(modes):
        before = now_told(before, mode, NOW - timedelta(days=len(modes) - 1 - number))
    assert before is not None
    return before


@pytest.mark.parametrize(
    ("before", "wanted", "said"),
    [
        (None, None, ""),
        (None, "testing", ""),
        (None, "none", ""),
        (None, "enforce", "Set testing, deploy that"),
        (["testing"], "enforce", ""),
        (["testing"], None, ""),
        (["none"], None, ""),
        (["testing", "enforce"], "enforce", ""),
        (["testing", "enforce"], "testing", ""),
        (["testing", "enforce"], "none", ""),
        (["testing", "enforce"], None, "Set none first"),
        (["testing", "enforce", "none"], None, "Leave none as it is until 2026-12-05 12:00 UTC"),
        (["testing", "enforce", "none", "testing"], None, "until 2026-12-04 12:00 UTC"),
        (["testing", "enforce", *["none"] * 7], None, "until 2026-11-29 12:00 UTC"),
        (["testing", "enforce", *["none"] * 8], None, ""),
        (["testing", "enforce", *["none"] * 8], "enforce", ""),
    ],
)
def test_a_policy_begins_mildly_and_goes_only_when_nobody_enforces_it(
    before: list[Mode] | None, wanted: Mode | None, said: str
) -> None:
    known = {DOMAIN: after(*before)} if before else {}
    reasons = list(too_early(known, {DOMAIN: wanted}, NOW))
    assert bool(reasons) is bool(said)
    assert said in "".join(reasons)


def test_a_domain_that_leaves_the_settings_is_looked_at_too() -> None:
    assert "Set none first" in next(too_early({DOMAIN: Told("enforce")}, {}, NOW))


def test_the_state_is_read_as_it_was_written_and_stays_while_nothing_changes() -> None:
    then = after("testing", "enforce", "none")
    held = Held(f"urn:pulumi:prod::poste-mail::{COMPONENT}::{DOMAIN}", COMPONENT, then.outputs)
    assert told([held]) == {DOMAIN: then}
    assert now_told(then, "none", NOW + timedelta(days=3)) == then


def test_the_mail_host_stays_while_senders_enforce_a_policy_that_names_it() -> None:
    strict, mild = {DOMAIN: Told("enforce")}, {DOMAIN: Told("testing", NOW)}
    assert "Set testing and deploy that" in next(other_host(strict, "old.example.com", "mail.example.com"))
    for before, former in ((strict, "mail.example.com"), (strict, None), (mild, "old.example.com")):
        assert not list(other_host(before, former, "mail.example.com"))
