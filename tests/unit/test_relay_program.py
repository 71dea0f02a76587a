"""The program with a relay, under mocks: in which order mail's ways open and close, and what comes with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import RELAY
from tests.support.mocked import Cloud, Registered, Secret, run_program
from tests.unit.test_program import behind
from tests.unit.test_records import public_key

KEY = public_key(2048)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(cloud: Cloud | None = None, **config: Any) -> dict[str, Registered]:
    return run_program(cloud or Cloud(KEY), **config)


def ways_out(found: dict[str, Registered], name: str) -> set[str]:
    """The ports out for TCP that a firewall opens."""
    rules = found[f"Firewall {name}"].inputs["rules"]
    return {rule["port"] for rule in rules if (rule["direction"], rule["protocol"]) == ("out", "tcp")}


def test_the_ways_of_mail_stand_in_the_firewall_that_changes_last() -> None:
    found = run()
    assert ways_out(found, "mail") == {"25", "465", "587"}
    assert not ways_out(found, "ssh") & ways_out(found, "mail")


def test_where_there_is_no_relay_poste_gives_its_route_up_once_the_direct_ways_are_open() -> None:
    """Whatever the server or the backup has of one: it runs by itself, and again with each container."""
    found = run()
    command = found["Command relay"]
    assert {"Firewall mail", "Command poste-install"} <= command.depends_on
    assert command.inputs["create"].startswith("python3 /opt/poste-mail/relay.py off # ")
    assert command.inputs["create"] == command.inputs["update"]
    assert "container" in command.inputs["create"].partition("#")[2]
    assert json.loads(command.inputs["stdin"]) == {
        "container": "poste", "data": "/mnt/poste/data", "folder": "/mnt/poste/relay",
    }  # fmt: skip


def test_on_and_off_are_one_command_so_that_one_that_was_cut_off_is_followed_by_the_other() -> None:
    """It is updated in place. Nothing is undone by a deletion, which a server that is replaced would leave out."""
    on, off = run(relay=RELAY)["Command relay"], run()["Command relay"]
    assert (on.name, on.parent) == (off.name, off.parent)
    assert on.inputs["update"].partition(" #")[0] == "python3 /opt/poste-mail/relay.py"
    for command in (on, off):
        assert not {"delete", "triggers"} & command.inputs.keys()
        assert command.goes_with == ""


def test_the_relays_port_opens_before_the_sign_in_and_the_other_ways_close_after_it() -> None:
    """So a relay that refuses leaves mail the way that it had, be it directly or by another port of a relay's."""
    found = run(relay=RELAY | {"port": 2525})
    assert "2525" in ways_out(found, "ssh")
    assert ways_out(found, "mail") == {"2525"}
    assert "Firewall ssh" in behind(found, found["Command relay"])
    assert "Command relay" in found["Firewall mail"].depends_on


def test_the_relay_is_told_to_poste_by_standard_input_alone_and_again_with_each_container() -> None:
    command = run(relay=RELAY)["Command relay"]
    assert isinstance(command.inputs["stdin"], Secret)
    place = {name: RELAY[name] for name in ("host", "user", "password")} | {"port": 587}
    assert json.loads(command.inputs["stdin"].value) == {
        "container": "poste", "data": "/mnt/poste/data", "folder": "/mnt/poste/relay", "host": "mail.example.com",
        "route": "*:smtp.relay.example;587|club|Relay-Pass-10", "relay": place,
    }  # fmt: skip
    assert "container" in command.inputs["create"].partition("#")[2]
    assert command.inputs["create"] == command.inputs["update"]


def test_its_records_are_there_before_mail_goes_through_it_and_no_protection_keeps_them() -> None:
    found = run(relay=RELAY)
    records = {name for name in found if "-relay-" in name}
    assert records == {
        "DnsRecord relay1._domainkey.example.com-relay-cname",
        "DnsRecord back.example.com-relay-mx",
        "DnsRecord back.example.com-relay-txt",
    }
    assert records <= found["Command relay"].depends_on
    assert {found[name].protect for name in records} == {False}
    assert found["DnsRecord back.example.com-relay-txt"].inputs["content"] == '"v=spf1 include:spf.relay.example -all"'
    assert "include:spf.relay.example" in found["DnsRecord example.com-spf"].inputs["content"]


def warnings(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, *, preview: bool, **config: Any) -> list[str]:
    """What the program warns of."""
    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("pulumi.log.warn", lambda text, *_: said.append(text))
        run_program(cloud, preview=preview, **config)
    return [text for text in said if "Hetzner blocks" in text]


def test_the_first_preview_says_that_hetzner_lets_no_mail_out_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    (told,) = warnings(monkeypatch, Cloud(KEY), preview=True)
    assert "after a month and the first paid invoice" in told
    assert "docs/relay.md" in told
    assert warnings(monkeypatch, Cloud(KEY), preview=False) == []
    assert warnings(monkeypatch, Cloud(KEY), preview=True, relay=RELAY) == []
