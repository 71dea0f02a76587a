"""`verify --fix`: what it mends, over real SSH with the server's own scripts, and what it leaves to its remedy."""

import asyncio
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from model.records import dkim
from operate.command_line import DONE, FAILED, UNUSABLE
from operate.errors import ServerError
from operate.verify import backup, command, container, fix, server, watch
from operate.verify.remedies import filled
from operate.verify.result import Finding, Mend, Result, Status
from operate.verify.signing_key import bare
from operate.verify.stack import Domain, Stack
from tests.support.mend_server import DOWN, UP, MendServer
from tests.support.ssh_server import serving_ssh
from tests.support.verify_world import LOOPBACK, stack

ONLY = "container.healthy,container.services,container.dkim,server.firewall"
SERVICES = ("haraka-smtp", "haraka-submission", "dovecot")


@dataclass
class Case:
    """The command, run against the server."""

    server: MendServer
    stack: Stack
    lines: list[str]
    capture: pytest.CaptureFixture[str]
    said: str = ""

    def verify(self, *arguments: str, only: str = ONLY) -> tuple[int, dict[str, Any]]:
        """Exit status and result; what people are told meanwhile is in `said`."""
        with self.server.engine.serving(self.server.folder / "engine"):
            status = command.main(["--stack", "test", "--json", "--only", only, *arguments])
        output = self.capture.readouterr()
        self.said = output.err
        return status, json.loads(output.out)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Case]:
    server = MendServer(tmp_path)
    server.service("dovecot", UP)
    domain = Domain(server.domain, f"{server.selector}._domainkey.{server.domain}", dkim(bare(server.key["public"])))
    deployed = replace(stack(), ipv4=LOOPBACK, domains=(domain,))

    with serving_ssh(deployed.settings, server.command, server.environment, monkeypatch) as lines:
        case = Case(server, deployed, lines, capsys)

        async def read_stack(*_: object) -> Stack:
            return case.stack

        monkeypatch.setattr(command, "read_stack", read_stack)
        monkeypatch.setattr(fix, "PAUSE", 0.05)
        yield case


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {result["check"]: result["status"] for result in answer["results"]}


def mended(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"mend": mend, "name": name, "error": ""} for mend, name in pairs]


def break_all(server: MendServer) -> None:
    server.link().unlink()
    server.service("nginx", DOWN)
    server.flush()
    server.end_timer("poste-certificate.timer")


def test_all_that_can_be_mended_is_in_one_go_and_a_second_one_has_nothing_to_do(case: Case) -> None:
    break_all(case.server)
    status, answer = case.verify("--fix", only=f"{ONLY},tls.renewal")
    assert statuses(answer) == {
        **dict.fromkeys(ONLY.split(","), "ok"),
        "tls.renewal": "fail",  # the timer runs, and has not tried yet
    }
    assert (status, answer["ok"]) == (FAILED, False)
    assert answer["mended"] == mended(
        ("service", "nginx"),
        ("signers", "example.com"),
        ("firewall", "mail_host"),
        ("timer", "poste-certificate.timer"),
    )
    assert answer["results"][0]["found"] == "no try yet"
    assert case.server.link().exists()
    before = case.server.calls
    status, answer = case.verify("--fix")
    assert (status, answer["mended"]) == (DONE, [])
    assert case.server.calls == before
    assert "There is nothing that can be mended without risk." in case.said


def test_a_stack_without_what_is_to_be_looked_at_is_not_called_well(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "test", "--only", "relay.sign-in,relay.direct"]) == UNUSABLE
    said = capsys.readouterr()
    assert (said.out, "has nothing for relay.sign-in, relay.direct to look at" in said.err) == ("", True)


def test_without_the_option_nothing_is_mended_and_it_is_said_that_it_can_be(case: Case) -> None:
    break_all(case.server)
    status, answer = case.verify()
    assert (status, case.server.calls, "mended" in answer) == (FAILED, [], False)
    remedies = {result["check"]: result["remedy"] for result in answer["results"]}
    advice = "./run mail verify --stack test --fix mends it without risk. Else: "
    for check in ("container.services", "container.dkim", "server.firewall"):
        assert remedies[check].startswith(advice), remedies
        assert len(remedies[check]) > len(advice) + 20
    assert remedies["container.healthy"] == ""


def test_each_thing_is_told_before_it_is_done(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int]] = []

    async def run_script(*arguments: object) -> None:
        told.append(("done", len(told)))

    monkeypatch.setattr(fix, "run_script", run_script)

    async def look(_: object) -> list[Result]:
        return []

    finding = Finding(Status.FAIL, "", mends=((Mend.SERVICE, "nginx"), (Mend.SERVICE, "dovecot")))
    results = [Result(container.SERVICES, "host", finding)]
    asyncio.run(fix.fixed(case.stack, results, look, lambda text: told.append((text, len(told)))))
    assert [text for text, _ in told] == [
        "Mending: starting dovecot in the container, which is down",
        "done",
        "Mending: starting nginx in the container, which is down",
        "done",
    ]


def test_a_container_that_has_stopped_is_started_and_then_what_shows_only_in_one_that_runs_is_mended(
    case: Case,
) -> None:
    case.server.stop()
    case.server.service("dovecot", DOWN)
    status, answer = case.verify("--fix")
    assert answer["mended"] == mended(("container", "poste"), ("service", "dovecot"))
    assert (status, case.server.engine.changes) == (DONE, ["start poste"])


def test_what_cannot_be_mended_is_left_to_its_remedy_and_the_rest_is_mended(case: Case) -> None:
    break_all(case.server)
    case.server.service("nginx", DOWN, broken=True)
    status, answer = case.verify("--fix")
    errors = {each["name"]: each["error"] for each in answer["mended"]}
    assert "nginx does not stay up" in errors.pop("nginx")
    assert set(errors.values()) == {""}
    assert "Not mended: nginx does not stay up" in case.said
    assert statuses(answer) == {**dict.fromkeys(ONLY.split(","), "ok"), "container.services": "fail"}
    # A service is recommended only: that mail works without it, the other checks would not say.
    assert status == DONE


def test_a_server_that_was_deployed_before_there_was_a_script_for_it_says_so_and_is_asked_once(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.server.flush()
    monkeypatch.setattr(fix, "run_script", fails := Failing())
    _, answer = case.verify("--fix")
    assert answer["mended"] == [{"mend": "firewall", "name": "mail_host", "error": "no such file"}]
    assert fails.asked == 1


@dataclass
class Failing:
    """Scripts that are not there."""

    asked: int = 0

    async def __call__(self, *_: object) -> None:
        self.asked += 1
        raise ServerError("no such file")


def test_only_what_was_looked_at_is_mended(case: Case) -> None:
    break_all(case.server)
    _, answer = case.verify("--fix", only="server.firewall")
    assert answer["mended"] == mended(("firewall", "mail_host"))
    assert set(statuses(answer)) == {"server.firewall"}
    assert not case.server.link().exists()


def test_of_what_was_looked_at_only_what_is_concerned_is_looked_at_again(case: Case) -> None:
    async def look(*concerned: str) -> set[str]:
        results, _ = await command.look(case.stack, [], ["container", "server"], Console(quiet=True), concerned)
        return {result.check.name for result in results}

    assert {"container.disk", "server.firewall"} <= asyncio.run(look())
    assert asyncio.run(look("container.dkim", "mail")) == {"container.dkim"}


def test_a_server_that_is_out_of_reach_is_not_mended(case: Case) -> None:
    case.server.flush()
    case.stack = replace(case.stack, ipv4="127.0.0.9")
    status, answer = case.verify("--fix")
    assert (status, answer["mended"], case.lines) == (FAILED, [], [])
    assert set(statuses(answer).values()) == {"unknown"}


REPORT: dict[str, Any] = {
    "container": {"status": "exited", "health": "none", "restart": "unless-stopped"},
    "disk": {"mounted": True},
    "services": {},
    "firewall": {},
    "backup": {"status": None},
    "watch": {"status": None},
}


def finding(check: Any, *more: Any, **changes: Any) -> Finding:
    """What a check finds where the server tells this."""
    report = copy.deepcopy(REPORT)
    for part, change in changes.items():
        report[part] = change if change is None else report[part] | change

    async def ask() -> dict[str, Any]:
        return report

    found: Finding = asyncio.run(check(ask, *more))
    return found


def test_a_container_is_started_only_where_nobody_keeps_it_down_and_its_volume_is_mounted() -> None:
    assert finding(container.healthy).mends == ((Mend.CONTAINER, "poste"),)
    for status in ("created", "paused", "restarting", "dead", "removing"):
        assert finding(container.healthy, container={"status": status}).mends == ()
    assert finding(container.healthy, container={"restart": "no"}).mends == ()
    assert finding(container.healthy, disk={"mounted": False}).mends == ()
    assert finding(container.healthy, disk=None).mends == ()
    assert finding(container.healthy, container={"status": "running", "health": "unhealthy"}).mends == ()
    assert finding(container.healthy, container=None).mends == ()


def test_a_firewall_that_lets_more_in_is_loaded_as_one_that_is_gone_is() -> None:
    for chains in ({}, {"input": "drop"}, {"input": "accept", "forward": "drop"}):
        assert finding(server.firewall, firewall=chains).mends == ((Mend.FIREWALL, "mail_host"),)
    assert finding(server.firewall, firewall={"input": "drop", "forward": "drop"}).mends == ()


def test_a_timer_that_does_not_run_is_started_and_what_failed_under_one_that_does_is_left_to_its_remedy() -> None:
    alarms = partial(watch.alarms, told=True, protected=True)
    for timer in ("inactive", "active, disabled", "failed"):
        assert finding(backup.age, backup={"timer": timer}).mends == ((Mend.TIMER, "poste-backup.timer"),)
        assert finding(alarms, watch={"timer": timer}).mends == ((Mend.TIMER, "poste-watch.timer"),)
    assert finding(backup.age, backup={"timer": "active"}).mends == ()
    assert finding(alarms, watch={"timer": "active"}).mends == ()


OFF, CRASHING = "down (exitcode 0) 9 seconds", "down (exitcode 1) 0 seconds, normally up, want up, ready 0 seconds"


@pytest.mark.parametrize(
    ("services", "off", "status", "found", "mends"),
    [
        ({"nginx": UP, "dovecot": UP}, (), Status.OK, "dovecot, nginx", ()),
        ({"nginx": UP, "dovecot": DOWN}, (), Status.FAIL, "dovecot is down", ("dovecot",)),
        ({"nginx": DOWN, "dovecot": DOWN}, (), Status.FAIL, "dovecot is down, nginx is down", ("dovecot", "nginx")),
        ({"nginx": UP, "clamd": DOWN}, ("clamd",), Status.OK, "nginx", ()),
        ({"nginx": UP, "p0f": OFF}, (), Status.OK, "nginx", ()),
        ({"nginx": CRASHING}, (), Status.FAIL, "nginx does not stay up", ()),
        ({"nginx": ""}, (), Status.UNKNOWN, "the container does not run, or does not tell", ()),
        ({}, (), Status.UNKNOWN, "the container does not run, or does not tell", ()),
    ],
)
def test_a_service_that_is_to_run_and_does_not_is_told_and_one_that_the_supervisor_starts_anyway_is_left_to_it(
    services: dict[str, str], off: tuple[str, ...], status: Status, found: str, mends: tuple[str, ...]
) -> None:
    seen = finding(container.services, off, services=services)
    assert (seen.status, seen.found) == (status, found)
    assert seen.mends == tuple((Mend.SERVICE, name) for name in mends)


def test_advice_of_its_own_stays_behind_the_fix() -> None:
    seen = Finding(Status.FAIL, "", remedy="Do {rerun}.", mends=((Mend.TIMER, "a.timer"),))
    told = filled(Result(container.SERVICES, "host", seen), stack()).remedy
    assert told.startswith(
        "./run mail verify --stack test --fix mends it without risk. Else: Do pulumi config set rerun"
    )
