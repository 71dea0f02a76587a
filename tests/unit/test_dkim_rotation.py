"""What a deploy does about DKIM keys that take turns, told from the state of the last one and the clock."""

import json
from typing import Any

import pytest

from model.dkim_rotation import KEPT, Rotation, Switched, clock, moment, refusals, rotations
from model.records import REVOKED_DKIM
from model.stack_state import Held
from model.vanishing_records import DNS_RECORD
from model.wanted_records import wanted_records
from tests.support.examples import settings

DOMAIN = "example.com"
NOW = 1_800_000_000.0
URN = "urn:pulumi:prod::poste-mail::poste-mail:index:DkimKey$command:remote:Command::"


def command(name: str, told: dict[str, Any] | str) -> Held:
    """A command of the state, with what it has printed."""
    text = told if isinstance(told, str) else json.dumps(told)
    return Held(URN + name, "command:remote:Command", {"stdout": text})


def keys(rotation: int, first: int = 0, domain: str = DOMAIN) -> Held:
    return command(f"dkim-{domain}", {"rotation": rotation, "first": first, "active": 0, "at": 1, "keys": {}})


def switch(rotation: int, phase: str, due: float, *, told: str = "", why: str = "") -> Held:
    since = due - KEPT if phase != "waiting" else 0
    found = {"rotation": rotation, "phase": phase, "due": due, "since": since, "told": told, "why": why}
    return command(f"dkim-{DOMAIN}-switch", found)


def record(resource: str) -> Held:
    found = {"id": "1", "zoneId": "z", "name": f"s1._domainkey.{DOMAIN}", "type": "TXT", "content": f'"{REVOKED_DKIM}"'}
    return Held(f"urn:pulumi:prod::poste-mail::{DNS_RECORD}::{resource}", DNS_RECORD, found)


def of(wanted: int, *state: Held, now: float = NOW) -> Rotation:
    return rotations(settings(dkim_rotation=wanted), state, now)[DOMAIN]


def refused(wanted: int, *state: Held, **changes: Any) -> list[str]:
    chosen = settings(dkim_rotation=wanted, **changes)
    return list(refusals(chosen, rotations(chosen, state, NOW)))


OLD_ANSWER = command(f"dkim-{DOMAIN}", {"selector": "s1", "public_key": "AAAA"})
"""What an earlier version of the script printed."""


@pytest.mark.parametrize(
    ("wanted", "state", "generations"),
    [
        (0, [], (0,)),
        (0, [keys(0)], (0,)),
        (1, [keys(0)], (1, 0)),
        (1, [OLD_ANSWER], (1, 0)),
        (2, [keys(1)], (2, 1)),
        # A domain that comes when the stack's keys were changed three times: its only key counts for that.
        (3, [], (3,)),
        (3, [keys(3, first=3)], (3,)),
        (4, [keys(3, first=3)], (4, 3)),
        # Another domain's commands and records are none of this one's.
        (3, [keys(2, domain="example.org"), record("example.org-dkim-2")], (3,)),
        # A state that was brought back has the records alone.
        (2, [record(f"{DOMAIN}-dkim-2"), record(f"{DOMAIN}-dkim-1")], (2, 1)),
        (2, [record(f"{DOMAIN}-dkim-2")], (2,)),
        (1, [record(f"{DOMAIN}-dkim")], (1, 0)),
        (1, [command(f"dkim-{DOMAIN}", "cut o"), record(f"{DOMAIN}-dkim")], (1, 0)),
    ],
)
def test_the_newest_key_and_the_one_before_it_have_records(
    wanted: int, state: list[Held], generations: tuple[int, ...]
) -> None:
    assert of(wanted, *state).generations == generations


def test_records_are_called_by_their_generation_and_the_first_as_ever() -> None:
    def resources(found: Rotation | None, wanted: int) -> list[str]:
        chosen = settings(dkim_rotation=wanted)
        told = {DOMAIN: found} if found else None
        return [want.resource for want in wanted_records(chosen, told) if want.kind == "DKIM"]

    assert resources(of(0), 0) == [f"{DOMAIN}-dkim"]
    assert resources(of(1, keys(0)), 1) == [f"{DOMAIN}-dkim-1", f"{DOMAIN}-dkim"]
    assert resources(of(3), 3) == [f"{DOMAIN}-dkim-3"]
    # Where nobody knows, either may be there.
    assert resources(None, 0) == [f"{DOMAIN}-dkim"]
    assert resources(None, 3) == [f"{DOMAIN}-dkim-3", f"{DOMAIN}-dkim-2"]


WAITING = switch(1, "waiting", NOW + 60)


@pytest.mark.parametrize(
    ("state", "due", "revokes"),
    [
        ([], "", False),
        ([keys(0)], "", False),
        # The deploy that began it was killed before the switch.
        ([keys(1)], "", False),
        ([keys(1), WAITING], "", False),
        ([keys(1), switch(1, "waiting", NOW + 1)], "", False),
        ([keys(1), switch(1, "waiting", NOW)], moment(NOW), False),
        ([keys(1), switch(1, "waiting", NOW - 5, why="ns1 serves 0 other records")], moment(NOW - 5), False),
        ([keys(1), switch(1, "signing", NOW + 1, told="then")], "then", False),
        ([keys(1), switch(1, "signing", NOW, told="then")], moment(NOW), True),
        ([keys(1), switch(1, "revoked", NOW - 99, told="then")], "then", True),
        # The rotation before, which is over.
        ([keys(0), switch(0, "revoked", NOW - 99, told="then")], "", False),
    ],
)
def test_a_step_is_made_when_its_moment_has_come_and_till_then_nothing_changes(
    state: list[Held], due: str, revokes: bool
) -> None:
    found = of(1, *state)
    assert (found.due, found.revokes) == (due, revokes)


def test_after_a_step_the_same_moment_is_told_so_that_a_second_deploy_changes_nothing() -> None:
    before = of(1, keys(1), switch(1, "waiting", NOW - 1))
    after = of(1, keys(1), switch(1, "signing", NOW + KEPT, told=before.due), now=NOW + 5)
    assert after.due == before.due


def test_a_switch_that_was_undone_by_a_restore_waits_again() -> None:
    found = of(1, keys(1), switch(1, "waiting", NOW + 60, told="then"))
    assert (found.due, found.revokes) == ("then", False)


@pytest.mark.parametrize(
    ("wanted", "state", "sentence"),
    [
        (0, [], None),
        (7, [], None),
        (1, [keys(0)], None),
        (1, [keys(1), WAITING], None),
        (1, [OLD_ANSWER], None),
        (4, [keys(3, first=3)], None),
        (2, [keys(1), switch(1, "revoked", NOW - 1)], None),
        (0, [keys(1)], "dkimRotation 0: the DKIM key of example.com was changed once, and one that was given up does"),
        (1, [keys(3)], "was changed 3 times, and one that was given up does not come back. Expected 3, or 4"),
        (
            2,
            [keys(0)],
            "dkimRotation 2: it was 0 until now, and the DKIM key of example.com changes once at a time. Ex",
        ),
        (5, [keys(3, first=3)], "Expected 4"),
        (2, [keys(1)], "is not revoked yet. Expected 1 until a deploy with it comes to its end"),
        (2, [keys(1), switch(0, "revoked", NOW)], "Expected 1 until a deploy with it comes to its end"),
        (2, [keys(1), WAITING], "until that is done: key 1 can sign from 2027-01-15 08:01 UTC on, and 7 days later"),
        (2, [keys(1), switch(1, "signing", NOW + 60)], "by the first pulumi up from 2027-01-15 08:01 UTC on"),
        # Due, and not done.
        (2, [keys(1), switch(1, "signing", NOW - 60)], "by the first pulumi up from 2027-01-15 07:59 UTC on"),
        (3, [keys(1), switch(1, "signing", NOW - 60)], "is not revoked yet"),
        (0, [record(f"{DOMAIN}-dkim-1")], "Expected 1"),
    ],
)
def test_a_rotation_goes_up_by_one_when_the_one_before_is_over(
    wanted: int, state: list[Held], sentence: str | None
) -> None:
    found = refused(wanted, *state)
    assert len(found) == (0 if sentence is None else 1)
    assert sentence is None or sentence in found[0]


def test_a_domains_own_rotation_is_named_where_it_is_set() -> None:
    domains = [{"name": "example.org"}, {"name": DOMAIN, "dkimRotation": 3}]
    (sentence,) = refused(0, keys(1), domains=domains)
    assert sentence.startswith("domains[1].dkimRotation 3: the former DKIM key of example.com is not revoked yet")
    chosen = settings(dkim_rotation=2, domains=domains)
    assert [chosen.rotation_of(domain) for domain in chosen.domains] == [2, 3]


@pytest.mark.parametrize(
    ("phase", "why", "sentence"),
    [
        (
            "waiting",
            "",
            "DKIM key 1 of example.com is published; it signs from 2027-01-15 08:00 UTC on: run pulumi up a",
        ),
        ("waiting", "ns1 is silent", "DKIM key 1 of example.com does not sign yet: ns1 is silent. Run pulumi up again"),
        ("signing", "", "the former key is revoked by the first pulumi up from 2027-01-15 08:00 UTC on"),
        ("revoked", "", ""),
    ],
)
def test_whoever_deploys_is_told_when_to_come_again(phase: str, why: str, sentence: str) -> None:
    said = Switched(1, phase, NOW, 0, "", why).sentence(DOMAIN)
    assert sentence in said
    assert bool(said) is bool(sentence)


def test_the_minute_that_is_told_is_never_too_early() -> None:
    assert [clock(NOW), clock(NOW + 1), clock(NOW + 60)] == [
        "2027-01-15 08:00 UTC", "2027-01-15 08:01 UTC", "2027-01-15 08:01 UTC",
    ]  # fmt: skip
