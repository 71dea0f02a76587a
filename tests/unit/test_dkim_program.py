"""DKIM keys that take turns, in the program under mocks: records, order, protection, and what a step changes."""

import json
from typing import Any

import pulumi
import pytest

from model.dkim_rotation import KEPT, moment
from model.records import REVOKED_DKIM, dkim, txt
from tests.support.mocked import NEXT, SELECTOR, ZONE, Cloud, Registered, refusal, run_program
from tests.unit.test_program import behind, in_state
from tests.unit.test_records import public_key

KEY = public_key(2048)
DOMAIN = "example.com"
PAST, FUTURE = 1_700_000_000, 4_000_000_000


@pytest.fixture(autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("project"))


def command(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """A command of the state, by URN, with what it has printed."""
    kind = "command:remote:Command"
    return {f"urn:pulumi:prod::poste-mail::{kind}::{name}": {"type": kind, "outputs": {"stdout": json.dumps(told)}}}


def keys(rotation: int = 1, first: int = 0) -> dict[str, Any]:
    return command(f"dkim-{DOMAIN}", {"rotation": rotation, "first": first, "active": 0, "at": 1, "keys": {}})


def switch(phase: str, due: float, *, told: str = "", rotation: int = 1) -> dict[str, Any]:
    since = due - KEPT if phase != "waiting" else 0
    found = {"rotation": rotation, "phase": phase, "due": due, "since": since, "told": told, "why": ""}
    return command(f"dkim-{DOMAIN}-switch", found)


def deployed(rotation: int = 1, *, preview: bool = False, **cloud: Any) -> dict[str, Registered]:
    return run_program(Cloud(KEY, **cloud), preview=preview, dkimRotation=str(rotation))


def record(found: dict[str, Registered], resource: str) -> tuple[Any, Any, bool]:
    """Name, content (or fields) and protection of a record."""
    made = found[f"DnsRecord {resource}"]
    return made.inputs["name"], made.inputs.get("content") or made.inputs["data"], made.protect


def told_and_published(found: dict[str, Registered]) -> dict[str, Any]:
    """What the commands about keys are told, and what records there are; ids under mocks are others each time."""
    commands = {name: made.inputs["stdin"] for name, made in found.items() if name.startswith("Command dkim-")}
    records = [name for name in found if name.startswith("DnsRecord")]
    return commands | {name: record(found, name.removeprefix("DnsRecord ")) for name in records}


def asked(found: dict[str, Registered]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(found[f"Command dkim-{DOMAIN}-switch"].inputs["stdin"])
    return told


def test_without_a_rotation_there_is_one_key_and_nothing_to_switch() -> None:
    found = deployed(0)
    assert [name for name in found if "dkim" in name and name.startswith("DnsRecord")] == [f"DnsRecord {DOMAIN}-dkim"]
    assert not [name for name in found if name.startswith("DkimSwitch")]


def test_the_next_key_is_made_then_published_beside_the_former_and_only_then_switched_to() -> None:
    found = deployed(state=keys(0))
    assert record(found, f"{DOMAIN}-dkim-1") == (f"{NEXT}._domainkey.{DOMAIN}", txt(dkim(KEY)), True)
    assert record(found, f"{DOMAIN}-dkim") == (f"{SELECTOR}._domainkey.{DOMAIN}", txt(dkim(KEY)), True)
    before = behind(found, found[f"Command dkim-{DOMAIN}-switch"])
    assert {f"DnsRecord {DOMAIN}-dkim-1", f"DnsRecord {DOMAIN}-dkim", f"Command dkim-{DOMAIN}"} <= before
    assert f"Command dkim-{DOMAIN}-switch" in behind(found, found["Command dkim-signers"])
    told = asked(found)
    assert told["record"] == {"name": f"{NEXT}._domainkey.{DOMAIN}", "text": dkim(KEY)}
    assert (told["ttl"], told["kept"], told["due"], told["rotation"]) == (3600, 7 * 86400, "", 1)
    # Mail comes whether or not a key changes.
    assert f"Command dkim-{DOMAIN}-switch" not in behind(found, found[f"DnsRecord {DOMAIN}-mx"])


def test_a_deploy_that_comes_too_early_changes_nothing_and_says_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda text, *_: said.append(text))
    first = deployed(state=keys(0))
    again = deployed(state=keys() | switch("waiting", FUTURE))
    assert told_and_published(again) == told_and_published(first)
    assert [text for text in said if text.startswith(f"DKIM key 1 of {DOMAIN} is published; it signs from 2033-05-18")]


def test_the_switch_that_is_due_is_the_one_command_that_changes() -> None:
    early = deployed(state=keys() | switch("waiting", FUTURE))
    due = deployed(state=keys() | switch("waiting", PAST))
    before, after = told_and_published(early), told_and_published(due)
    assert {name for name in before if before[name] != after[name]} == {f"Command dkim-{DOMAIN}-switch"}
    assert asked(due)["due"] == moment(PAST)


def test_the_former_key_is_revoked_and_its_record_no_longer_protected_a_week_after_the_switch() -> None:
    kept = deployed(state=keys() | switch("signing", FUTURE, told="then"))
    assert record(kept, f"{DOMAIN}-dkim")[1:] == (txt(dkim(KEY)), True)
    assert asked(kept)["due"] == "then"
    over = deployed(state=keys() | switch("signing", PAST, told="then"))
    assert record(over, f"{DOMAIN}-dkim")[1:] == (txt(REVOKED_DKIM), False)
    assert record(over, f"{DOMAIN}-dkim-1")[1:] == (txt(dkim(KEY)), True)
    after = deployed(state=keys() | switch("revoked", PAST, told=moment(PAST)))
    assert told_and_published(after) == told_and_published(over)


def test_a_former_key_that_signs_again_after_a_restore_is_revoked_no_longer() -> None:
    found = deployed(state=keys() | switch("revoked", PAST, told="then"), keys_at=PAST + 99)
    assert record(found, f"{DOMAIN}-dkim")[1] == txt(dkim(KEY))


def test_a_former_key_that_the_server_has_forgotten_keeps_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Cloud._dkim

    def forgotten(cloud: Cloud, args: Any) -> dict[str, Any] | None:
        found = told(cloud, args)
        if found and "keys" in found:
            found["keys"].pop("0")
        return found

    monkeypatch.setattr(Cloud, "_dkim", forgotten)
    content = txt(dkim("AAAA"))
    stands = in_state("MailDomain", f"{DOMAIN}-dkim", id="k0", name="old._domainkey.example.com", type="TXT")
    next(iter(stands.values()))["outputs"]["content"] = content
    found = deployed(state=keys() | switch("signing", FUTURE) | stands)
    assert record(found, f"{DOMAIN}-dkim")[:2] == ("old._domainkey.example.com", content)


def test_the_outputs_tell_the_key_that_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: dict[str, Any] = {}

    def export(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda known: outputs.update({name: known}))

    monkeypatch.setattr("pulumi.export", export)
    for phase, selector in (("waiting", SELECTOR), ("signing", NEXT), ("revoked", NEXT)):
        deployed(switched={"phase": phase, "due": FUTURE, "since": 0, "why": ""}, state=keys(0))
        assert outputs["domains"][DOMAIN]["dkimName"] == f"{selector}._domainkey.{DOMAIN}", phase


def test_a_revoked_key_goes_with_the_next_rotation_and_no_other_does() -> None:
    def held(content: str) -> dict[str, Any]:
        name = f"{SELECTOR}._domainkey.{DOMAIN}"
        stands = in_state("MailDomain", f"{DOMAIN}-dkim", id="k0", name=name, type="TXT", content=content)
        return keys() | switch("revoked", PAST) | stands

    found = deployed(2, state=held(txt(REVOKED_DKIM)))
    assert f"DnsRecord {DOMAIN}-dkim" not in found
    assert {f"DnsRecord {DOMAIN}-dkim-1", f"DnsRecord {DOMAIN}-dkim-2"} <= set(found)
    said = refusal(Cloud(KEY, state=held(txt(dkim(KEY)))), dkimRotation="2")
    assert f"they are protected: {SELECTOR}._domainkey.{DOMAIN} TXT" in said


def test_a_rotation_that_cannot_be_is_refused_before_anything_is_made() -> None:
    said = refusal(Cloud(KEY, state=keys() | switch("signing", FUTURE)), dkimRotation="2")
    assert "The DKIM keys cannot change so. Nothing was changed." in said
    assert f"dkimRotation 2: the former DKIM key of {DOMAIN} is not revoked yet. Expected 1 until" in said


def test_a_domain_that_comes_later_waits_for_nothing_and_has_one_record() -> None:
    domains = [{"name": DOMAIN}, {"name": "example.org"}]
    found = run_program(Cloud(KEY, state=keys()), domains=domains, dkimRotation="1")
    records = {name for name in found if name.startswith("DnsRecord example.org-dkim")}
    assert records == {"DnsRecord example.org-dkim-1"}
    assert "Command dkim-example.org-switch" not in found
    assert json.loads(found["Command dkim-example.org"].inputs["stdin"])["first"] == 1


def test_the_first_preview_of_a_rotation_shows_all_that_it_makes() -> None:
    found = deployed(preview=True, unknown=True, state=keys(0))
    assert {f"DnsRecord {DOMAIN}-dkim-1", f"DnsRecord {DOMAIN}-dkim", f"Command dkim-{DOMAIN}-switch"} <= set(found)


def test_two_lost_records_of_keys_are_each_the_right_one() -> None:
    """The newer key has the greater selector."""
    owned = {"type": "TXT", "content": txt(dkim(KEY)), "comment": "Managed by Pulumi: poste-mail/prod"}
    lost = [
        owned | {"id": number, "name": f"{selector}._domainkey.{DOMAIN}"}
        for number, selector in (("k0", SELECTOR), ("k1", NEXT))
    ]
    said = refusal(Cloud(KEY, records=lost), domains=[{"name": DOMAIN, "dkimRotation": 1}])
    assert f"DnsRecord {DOMAIN}-dkim-1 {ZONE}/k1" in said
