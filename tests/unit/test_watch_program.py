"""The program under mocks: what the server is told to watch, and whom it tells."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.watch import NOBODY_TOLD
from tests.support.examples import STORAGE_BOX
from tests.support.mocked import Cloud, Registered, Secret, run_program
from tests.unit.test_records import public_key

KEY = public_key(2048)
PING = "https://ping.example.net/0f6b-19aa"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(command: Registered) -> Any:
    """What the script gets."""
    given = command.inputs["stdin"]
    return json.loads(given.value if isinstance(given, Secret) else given)


def test_the_server_watches_with_good_thresholds_where_nothing_is_set() -> None:
    request = told(run_program(Cloud(KEY))["Command watch"])
    assert request["thresholds"] == {
        "queue_length": 100, "queue_minutes": 60, "disk_percent": 85, "inode_percent": 85, "memory_megabytes": 100,
        "certificate_days": 14, "restarts": 3, "backup_hours": 36, "drill_days": 40, "outgoing_per_hour": 200,
    }  # fmt: skip
    assert request["heartbeat"] == {"url": None, "ntfy": None, "webhook": None}
    assert (request["host"], request["domains"]) == ("mail.example.com", [{"name": "example.com"}])
    assert (request["backup"], request["certificate"], request["off"]) == (False, True, [])
    assert {"number": 465, "service": "submissions", "security": "TLS"} in request["ports"]


def test_the_server_is_told_of_what_the_settings_have_turned_on_and_off() -> None:
    own = {"certificate": "none, ours is put there", "disableClamav": "true", "watch": {"diskPercent": 70}}
    request = told(run_program(Cloud(KEY), **STORAGE_BOX | own)["Command watch"])
    assert (request["backup"], request["certificate"], request["off"]) == (True, False, ["clamd"])
    assert request["thresholds"]["disk_percent"] == 70


def test_the_addresses_of_those_who_are_told_are_secrets() -> None:
    watch = run_program(Cloud(KEY), heartbeat={"url": PING})["Command watch"]
    assert isinstance(watch.inputs["stdin"], Secret)
    assert told(watch)["heartbeat"] == {"url": PING, "ntfy": None, "webhook": None}


def test_the_watch_begins_when_mail_works_and_ends_before_the_volume_goes() -> None:
    watch = run_program(Cloud(KEY))["Command watch"]
    assert {"DnsRecord example.com-mx", "Command dkim-signers"} <= watch.depends_on
    assert watch.inputs["delete"] == "python3 /opt/poste-mail/watch.py stop"
    assert watch.goes_with.endswith("::server")
    assert watch.delete_first


@pytest.mark.parametrize(
    ("heartbeat", "opened"),
    [
        ({"url": PING}, []),
        ({"url": PING, "ntfy": "https://ntfy.example.net:8443/topic"}, [("8443", ["0.0.0.0/0", "::/0"])]),
        ({"webhook": "https://192.0.2.9:9443/hook"}, [("9443", ["192.0.2.9/32"])]),
    ],
)
def test_the_firewall_lets_out_what_the_addresses_need(
    heartbeat: dict[str, str], opened: list[tuple[str, list[str]]]
) -> None:
    rules = run_program(Cloud(KEY), heartbeat=heartbeat)["Firewall ssh"].inputs["rules"]
    found = [(rule["port"], rule["destinationIps"]) for rule in rules if "Alarms" in rule["description"]]
    assert found == opened


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ({"protect": "true"}, True),
        ({"protect": "true", "heartbeat": {"ntfy": "https://ntfy.example.net/topic"}}, False),
        ({"protect": "false"}, False),
    ],
)
def test_a_protected_stack_is_warned_where_an_alarm_reaches_nobody(
    config: dict[str, Any], warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda text, *_: said.append(text))
    run_program(Cloud(KEY), **config)
    assert any(NOBODY_TOLD in text for text in said) is warned
