"""What only the server can tell: container, disk, memory, signing key, and the way out."""

import asyncio
import copy
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from components import remote_scripts
from model.records import dkim
from operate.verify import backup, container, outbound, relay, renewal, server, signing_key, watch
from operate.verify.context import Context
from operate.verify.names import Dns
from operate.verify.remedies import RERUN
from operate.verify.result import Finding, Result, Status
from operate.verify.runner import Shared, carry_out
from operate.verify.server_shell import SCRIPT
from operate.verify.stack import Domain
from tests.support.examples import RELAY
from tests.support.relay_server import Sender
from tests.support.verify_world import DOMAIN, HOST, LOOPBACK, shut_port, stack

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN
DIGEST = "sha256:" + "a" * 64
PINNED = f"analogic/poste.io:2.5.11@{DIGEST}"
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
OTHER_KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEB"
SELECTOR = "s20260101123"


def signing(selector: str = SELECTOR, key: str = KEY) -> dict[str, str]:
    """A key as the server tells it."""
    public = f"-----BEGIN PUBLIC KEY-----\n{key[:20]}\n{key[20:]}\n-----END PUBLIC KEY-----\n"
    return {"selector": selector, "public": public}


REPORT: dict[str, Any] = {
    "container": {
        "status": "running",
        "health": "healthy",
        "restart": "unless-stopped",
        "reference": "analogic/poste.io:2.5.11",
        "image": "sha256:0",
        "digests": [DIGEST],
        "tags": ["analogic/poste.io:2.5.11"],
        "log": {"driver": "json-file", "max-size": "10m", "max-file": "3"},
        "device": 7,
        "data": "/mnt/poste/data",
    },
    "disk": {"device": 7, "mounted": True, "size": 20 * 2**30, "free": 10 * 2**30, "inodes": 1000, "free_inodes": 900},
    "memory": {"total": 4 * 2**30, "available": 2**30},
    "firewall": {"input": "drop", "forward": "drop"},
    "reboot": None,
    "certificate": {"status": None, "timer": "active"},
    "backup": {"status": None, "drill": None, "timer": "active"},
    "watch": {"status": None, "timer": "active"},
    "keys": {
        DOMAIN: {
            "files": signing(),
            "signers": {"haraka-smtp": signing(), "haraka-submission": signing()},
        }
    },
}
PUBLISHED = Domain(DOMAIN, f"s20260101123._domainkey.{DOMAIN}", dkim(KEY))


def told(part: str, **changes: Any) -> container.Ask:
    """A server that reports this, with some of a part changed."""
    report = copy.deepcopy(REPORT)
    target = report["keys"][DOMAIN] if part == "key" else report[part]
    target.update(changes)

    async def ask() -> container.Report:
        return report

    return ask


def renewal_of(timer: str = "active", *, hours: float = 1, left: float = 60, **status: Any) -> Finding:
    """The check of the renewal, for a last try of `hours` ago and a certificate of 90 days with `left` ones."""
    now = time.time()
    ends = now + left * 86400
    noted = {"tried": now - hours * 3600, "result": "current", "error": "", "begins": ends - 90 * 86400, "ends": ends}
    return asyncio.run(renewal.renewal(told("certificate", timer=timer, status=noted | status)))


def test_renewal_is_well_while_the_timer_runs_and_its_last_try_went_well() -> None:
    assert renewal_of().status is OK
    assert renewal_of(result="issued").status is OK
    assert asyncio.run(renewal.renewal(told("certificate", timer="active"))).status is FAIL  # no try yet


@pytest.mark.parametrize("timer", ["inactive", "active, disabled", "inactive, not-found", "unknown, unknown"])
def test_timer_that_does_not_run_or_will_not_after_a_boot_is_red(timer: str) -> None:
    assert renewal_of(timer).status is FAIL
    assert timer in renewal_of(timer).found


def test_renewal_that_was_not_tried_for_hours_is_red() -> None:
    assert renewal_of(hours=2.9).status is OK
    finding = renewal_of(hours=5)
    assert (finding.status, finding.found) == (FAIL, "the last try is 5 hours ago (current)")


@pytest.mark.parametrize(
    ("result", "left", "status"),
    [("refused", 29, WARN), ("refused", 20, FAIL), ("refused", -1, FAIL), ("not served", 60, FAIL)],
)
def test_refused_renewal_is_noted_in_the_authoritys_words_and_red_when_time_runs_out(
    result: str, left: float, status: Status
) -> None:
    finding = renewal_of(left=left, result=result, error="acme.example.net said: no.")
    assert (finding.status, finding.found) == (status, f"{result}: acme.example.net said: no.")
    assert RERUN in finding.remedy
    assert renewal_of(result="refused", begins=None, ends=None).status is FAIL  # there has never been one


def test_stack_that_asks_for_no_certificate_says_why_and_asks_the_server_nothing() -> None:
    (job,) = renewal.jobs(Context(stack(certificate="none, by hand"), Dns(Shared(), [LOOPBACK]), Shared(), ()))
    assert asyncio.run(carry_out(job)).finding == Finding(OK, "no certificate is asked for: by hand")


GB = 10**9


def backed_up(hours: float = 9, before: float | None = 10 * GB, timer: str = "active", **status: Any) -> container.Ask:
    """A server whose last good backup of 10 GB was made that long ago."""
    last = {"at": time.time() - hours * 3600, "snapshot": "1a2b", "size": 10 * GB, "away": 7.4, "seconds": 300}
    noted = {"result": "done", "error": "", "last_good": last, "previous_size": before}
    return told("backup", timer=timer, status=noted | status)


FULL_BOX = {"result": "failed", "error": "the box is full"}


def test_backup_of_last_night_is_well_and_tells_how_long_mail_was_away() -> None:
    assert asyncio.run(backup.age(backed_up())) == Finding(
        OK, "9 h ago; mail was away for 7 s of 5 min", backup.EXPECTED_AGE
    )


@pytest.mark.parametrize(
    ("changes", "status", "shown"),
    [
        ({"hours": 40}, FAIL, "40 h ago"),
        ({"hours": 96}, FAIL, "4 days ago"),
        ({"hours": 40} | FULL_BOX, FAIL, "since then: the box is full"),
        (FULL_BOX, WARN, "the last try failed: the box is full"),
        (FULL_BOX | {"last_good": None}, FAIL, "no backup yet: the box is full"),
        ({"timer": "inactive"}, FAIL, "the timer is inactive"),
        ({"last_good": None}, FAIL, "no backup yet"),
    ],
)
def test_backup_that_is_old_or_failed_says_so(changes: dict[str, Any], status: Status, shown: str) -> None:
    finding = asyncio.run(backup.age(backed_up(**changes)))
    assert finding.status is status
    assert shown in finding.found


def test_backup_that_was_never_tried_is_red() -> None:
    finding = asyncio.run(backup.age(told("backup")))
    assert (finding.status, finding.found) == (FAIL, "no backup yet")


def test_backup_that_shrank_by_half_is_noted() -> None:
    assert asyncio.run(backup.size(backed_up())).status is OK
    assert asyncio.run(backup.size(backed_up(before=None))).status is OK
    finding = asyncio.run(backup.size(backed_up(before=21 * GB)))
    assert (finding.status, finding.found) == (WARN, "10.0 GB, before 21.0 GB")


def drilled(days: float, **changes: Any) -> Finding:
    """The check of a drill of that long ago."""
    last = {"at": time.time() - days * 86400, "result": "done", "error": "", "seconds": 95, "boxes": 4, "messages": 10}
    return asyncio.run(backup.drill(told("backup", drill=last | changes)))


def test_drill_of_the_last_weeks_is_well_an_old_one_noted_and_a_failed_one_red() -> None:
    assert drilled(20).status is OK
    assert "20 days ago, in 95 s: 4 mailboxes, 10 messages read" in drilled(20).found
    assert drilled(41).status is WARN
    failed = drilled(1, result="failed", error="users.db is damaged")
    assert failed.status is FAIL
    assert "users.db is damaged" in failed.found
    assert asyncio.run(backup.drill(told("backup"))).status is WARN


@pytest.mark.parametrize(("protect", "status"), [(True, WARN), (False, OK)])
def test_stack_without_a_backup_is_told_so_where_it_is_protected(protect: bool, status: Status) -> None:
    (job,) = backup.jobs(Context(stack(protect=protect), Dns(Shared(), [LOOPBACK]), Shared(), ()))
    assert asyncio.run(carry_out(job)).finding.status is status


def watched(minutes: float = 4, *, heard: bool = True, protected: bool = True, **changes: Any) -> Finding:
    """The check of a watch whose last round was so long ago; `heard` is whether anybody is to be told."""
    status = {"at": time.time() - minutes * 60, "alarms": [], "told": {"url": "ok"} if heard else {}} | changes
    return asyncio.run(watch.alarms(told("watch", status=status), told=heard, protected=protected))


FULL = [{"kind": "disk", "text": "The volume is 92 % full, more than 85 %", "since": 600}]


@pytest.mark.parametrize(
    ("finding", "status", "shown"),
    [
        (watched(), OK, "no alarm 4 min ago"),
        (watched(minutes=16), FAIL, "the last round is 16 min ago"),
        (watched(alarms=FULL), FAIL, "The volume is 92 % full"),
        (watched(told={"url": "answers 404", "ntfy": "ok"}), FAIL, "url: answers 404"),
        (watched(heard=False), WARN, "Nobody is told"),
        (watched(heard=False, protected=False), OK, "no alarm"),
    ],
)
def test_watch_tells_its_alarms_and_whether_anybody_hears_them(finding: Finding, status: Status, shown: str) -> None:
    assert finding.status is status
    assert shown in finding.found


@pytest.mark.parametrize(
    ("changes", "shown", "remedy"),
    [
        ({"timer": "inactive"}, "the timer is inactive", RERUN),
        ({}, "no round yet", "./run mail logs watch --stack"),
    ],
)
def test_watch_that_makes_no_rounds_is_red(changes: dict[str, str], shown: str, remedy: str) -> None:
    finding = asyncio.run(watch.alarms(told("watch", **changes), told=True, protected=True))
    assert (finding.status, finding.found, remedy in finding.remedy) == (FAIL, shown, True)


def test_script_tells_how_the_last_backup_and_drill_went(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"result": "done"}')
    (tmp_path / "drill.json").write_text('{"result": "done"}')
    asked = '[ "$2" = poste-backup.timer ] || exit 9; case $1 in is-active) echo active;; *) echo enabled;; esac'
    found = run_script(f"print(json.dumps(backup('{tmp_path}')))", commands(tmp_path, systemctl=asked))
    assert found == {"status": {"result": "done"}, "drill": {"result": "done"}, "timer": "active"}


def gone() -> container.Ask:
    """A server without the container."""

    async def ask() -> container.Report:
        return {**REPORT, "container": None, "disk": None, "keys": {}}

    return ask


def status(finding: Any) -> Status:
    """How a check ends."""
    found: Finding = asyncio.run(finding)
    return found.status


def test_image_is_the_pinned_digest() -> None:
    assert status(container.image(told("container"), PINNED)) is OK
    assert status(container.image(told("container", digests=["sha256:" + "b" * 64]), PINNED)) is FAIL
    assert status(container.image(gone(), PINNED)) is FAIL


def test_image_by_tag_alone_is_noted_and_another_tag_is_red() -> None:
    assert status(container.image(told("container"), "analogic/poste.io:2.5.11")) is WARN
    assert status(container.image(told("container"), "analogic/poste.io:2.5.12")) is FAIL


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OK),
        ({"health": "unhealthy"}, FAIL),
        ({"health": "starting"}, WARN),
        ({"health": "none"}, OK),
        ({"status": "exited"}, FAIL),
    ],
)
def test_container_is_healthy(changes: dict[str, str], expected: Status) -> None:
    assert status(container.healthy(told("container", **changes))) is expected


def test_data_beside_the_volume_is_red() -> None:
    assert status(container.data(told("disk"))) is OK
    assert status(container.data(told("disk", mounted=False))) is FAIL
    assert status(container.data(told("container", device=0))) is OK  # does not run; another check says so
    assert status(container.data(gone())) is FAIL


ANEW = signing("s20260202123", OTHER_KEY)


def test_volume_mounted_under_a_running_container_is_not_what_it_has_open() -> None:
    finding = asyncio.run(container.data(told("container", device=8)))
    assert (finding.status, finding.remedy) == (FAIL, container.RESTART)


@pytest.mark.parametrize(
    ("changes", "found", "heals"),
    [
        ({"files": None}, "Poste has no key", RERUN),  # the domain was deleted in Poste
        ({"signers": {"haraka-smtp": signing(), "haraka-submission": None}}, "haraka-submission does not find", RERUN),
        ({"signers": {"haraka-smtp": ANEW}}, "haraka-smtp signs with another key than Poste keeps", "rm -r"),
        ({"signers": {"haraka-smtp": signing(key=OTHER_KEY)}}, "haraka-smtp signs with another key", "rm -r"),
        ({"files": ANEW, "signers": {"haraka-smtp": ANEW}}, "the key was made anew in Poste", RERUN),
        ({"files": signing(key=OTHER_KEY), "signers": {}}, "signs with another key than published", RERUN),
    ],
)
def test_what_is_wrong_with_the_signing_key_is_told_apart(changes: dict[str, Any], found: str, heals: str) -> None:
    assert status(signing_key.signs(told("key"), PUBLISHED)) is OK
    finding = asyncio.run(signing_key.signs(told("key", **changes), PUBLISHED))
    assert (finding.status, found in finding.found) == (FAIL, True)
    assert heals in Result(signing_key.SIGNS, DOMAIN, finding).remedy


def test_domain_that_the_server_does_not_tell_of_has_no_key() -> None:
    assert status(signing_key.signs(gone(), PUBLISHED)) is FAIL


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ({"driver": "json-file", "max-size": "10m"}, OK),
        ({"driver": "json-file"}, WARN),
        ({"driver": "json-file", "max-file": "3"}, WARN),  # three files of any size
        ({"driver": "local"}, OK),  # has a limit by itself
        ({"driver": "journald"}, OK),
    ],
)
def test_log_without_a_limit_is_noted(log: dict[str, str], expected: Status) -> None:
    assert status(container.logs(told("container", log=log))) is expected


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        ({"input": "drop", "forward": "drop"}, OK),
        ({}, FAIL),  # flushed
        ({"input": "accept", "forward": "drop"}, FAIL),
        ({"input": "drop"}, FAIL),
    ],
)
def test_host_firewall_that_lets_through_what_no_rule_permits_is_red(chains: dict[str, str], expected: Status) -> None:
    report = {**REPORT, "firewall": chains}

    async def ask() -> container.Report:
        return report

    assert status(server.firewall(ask)) is expected


def test_reboot_that_is_due_is_noted_with_its_reasons() -> None:
    async def ask() -> container.Report:
        return {**REPORT, "reboot": ["libc6", "linux-image-amd64"]}

    finding = asyncio.run(server.reboot(ask))
    assert (finding.status, finding.found) == (WARN, "due for libc6, linux-image-amd64")
    assert status(server.reboot(told("container"))) is OK


def test_full_disk_is_red_in_bytes_and_in_inodes_and_little_memory_is_noted() -> None:
    assert status(container.disk(told("disk"))) is OK
    assert status(container.disk(told("disk", free=2**30))) is FAIL
    assert status(container.disk(told("disk", free_inodes=10))) is FAIL
    assert status(container.memory(told("memory"))) is OK
    assert status(container.memory(told("memory", available=2**28))) is WARN


def run_script(call: str, environment: dict[str, str] | None = None) -> Any:
    """Run the server's script here."""
    done = subprocess.run(
        [sys.executable, "-"],
        input=f"{SCRIPT.read_text()}\n{call}\n",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_script_reaches_a_server_that_greets_and_reports_one_that_does_not() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        number = listener.getsockname()[1]

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mx.other.example ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        (answer,) = run_script(f"ANSWER = 60; reached([('{LOOPBACK}', {number})])")
        thread.join()
    assert answer == {"greeting": "220 mx.other.example ESMTP"}
    with shut_port() as number:
        (answer,) = run_script(f"reached([('{LOOPBACK}', {number})])")
    assert "refused" in answer["error"]


def test_script_reports_memory_and_disk() -> None:
    report = run_script("print(json.dumps({'memory': memory(), 'own': disk('/'), 'other': disk('/dev/shm')}))")
    assert report["memory"]["total"] >= report["memory"]["available"] > 0
    assert report["own"]["mounted"] is False
    assert report["other"]["mounted"] is True


TARGETS = [("gmail-smtp-in.l.google.com", 25), ("mx00.gmx.net", 25)]


def way_out(*answers: dict[str, str]) -> Finding:
    """The check of the way out for these answers."""

    async def ask() -> list[dict[str, Any]]:
        return list(answers)

    return asyncio.run(outbound.leaves(ask, TARGETS))


def test_blocked_port_25_is_red() -> None:
    blocked = way_out({"error": "timed out"}, {"error": "timed out"})
    assert blocked.status is FAIL
    assert way_out({"error": "timed out"}, {"greeting": "220 mx00.gmx.net"}).status is OK


def route_checks(found: dict[str, Any], **changes: Any) -> dict[str, Finding]:
    """What the checks of the way out make of what the server tells of its route."""

    async def ask() -> dict[str, Any]:
        return {"route": "", "digest": "", "ours": False, "applied": False, "why": ""} | found

    set_to = stack(relay=RELAY | changes).settings.relay
    assert set_to
    return {
        "sign-in": asyncio.run(relay.signs_in(ask, set_to)),
        "route": asyncio.run(relay.route(ask, set_to)),
        "none": asyncio.run(relay.no_route(ask)),
    }


SET = {
    "route": "smtp.relay.example:587",
    "digest": hashlib.sha256(b"*:smtp.relay.example;587|club|Relay-Pass-10").hexdigest(),
    "ours": True,
    "applied": True,
}


def test_a_relay_takes_the_place_of_the_direct_way_out() -> None:
    def names(**changes: Any) -> set[str]:
        context = Context(stack(**changes), Dns(Shared(), [LOOPBACK]), Shared(), stack().domains)
        return {job.check.name for group in (outbound, relay) for job in group.jobs(context)}

    assert names() == {"outbound.port-25", "relay.route"}
    assert names(relay=RELAY) == {"relay.sign-in", "relay.route", "relay.direct"}


def test_the_route_is_the_settings_own_or_red() -> None:
    assert {name: found.status for name, found in route_checks(SET).items()} == {
        "sign-in": OK, "route": OK, "none": FAIL,
    }  # fmt: skip
    other = route_checks(SET, password="Another-Pass-10")["route"]
    assert (other.status, other.found) == (FAIL, "smtp.relay.example:587 with another user or password")
    assert route_checks(SET | {"applied": False})["route"].status is FAIL
    assert route_checks({})["route"].found == "no route"


def test_a_refused_sign_in_is_red_and_of_another_relay_it_says_nothing() -> None:
    refused = route_checks(SET | {"why": "The relay refuses the sign-in of club: 535 no."})["sign-in"]
    assert (refused.status, "535" in refused.found) == (FAIL, True)
    assert route_checks(SET | {"route": "other.example.net:587"})["sign-in"].status is UNKNOWN


def test_without_a_relay_a_route_of_a_persons_is_noted_and_one_of_ours_is_red() -> None:
    assert route_checks({})["none"].status is OK
    assert route_checks({"route": "other.example.net:587"})["none"].status is WARN
    ours = route_checks(SET)["none"]
    assert (ours.status, ours.found, ours.remedy) == (FAIL, "smtp.relay.example:587, of an earlier deploy", "")


def test_with_a_relay_others_are_out_of_reach_or_it_is_red() -> None:
    async def ask(*answers: dict[str, str]) -> list[dict[str, Any]]:
        return list(answers)

    def direct(*answers: dict[str, str]) -> Finding:
        return asyncio.run(relay.nothing_direct(lambda: ask(*answers), TARGETS))

    assert direct({"error": "timed out"}, {"error": "timed out"}).status is OK
    leak = direct({"error": "timed out"}, {"greeting": "220 mx00.gmx.net"})
    assert (leak.status, leak.found) == (FAIL, "mx00.gmx.net answers")


def test_script_tells_the_route_without_its_password_and_signs_in_with_it(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    with sender.relay.serving() as sender.port:
        assert sender.run().status == 0
        sender.forget()
        folders = f"{str(tmp_path / 'data')!r}, {str(tmp_path / 'relay')!r}"
        call = f"SCRIPTS = {str(remote_scripts.SOURCE)!r}; relayed({folders}, {HOST!r})"
        trusting = os.environ | {"SSL_CERT_FILE": str(tmp_path / "localhost90.pem")}
        found = run_script(call, trusting)
        assert found | {"digest": ""} == {
            "route": f"localhost:{sender.port}", "digest": "", "ours": True, "applied": True, "why": "",
        }  # fmt: skip
        assert sender.relay.came[-1] == "club"
        sender.relay.refuses = True
        assert "refuses the sign-in of club" in run_script(call, trusting)["why"]
        sender.settings.write_text('[routing]\nsmtp_routes = "*:127.0.0.1|club|secret"\n')
        of_a_person = run_script(call, trusting)
        assert (of_a_person["route"], "127.0.0.1, port 25, does not" in of_a_person["why"]) == ("127.0.0.1", True)
        sender.settings.write_text(f'[routing]\nsmtp_routes = "*:localhost;{sender.port}"\n')
        assert run_script(call, trusting)["why"] == "Poste has no user and password for it"
        sender.settings.write_text("[routing]\n")
        assert run_script(call, trusting)["route"] == ""


def commands(folder: Path, **answers: str) -> dict[str, str]:
    """An environment in which these commands answer so."""
    for name, script in answers.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


NFT = json.dumps(
    {
        "nftables": [
            {"metainfo": {"version": "1.1.3"}},
            {"table": {"family": "inet", "name": "mail_host"}},
            {"chain": {"table": "mail_host", "name": "incoming", "hook": "input", "prio": 0, "policy": "drop"}},
            {"chain": {"table": "mail_host", "name": "helper"}},
            {"rule": {"chain": "input", "expr": []}},
        ]
    }
)


def test_script_reads_the_firewalls_chains_and_their_absence(tmp_path: Path) -> None:
    call = "print(json.dumps(firewall('mail_host')))"
    there = commands(tmp_path, nft=f'[ "$*" = "--json list table inet mail_host" ] && echo \'{NFT}\'')
    assert run_script(call, there) == {"input": "drop"}
    assert run_script(call, commands(tmp_path, nft="echo 'No such file or directory' >&2; exit 1")) == {}


def test_script_tells_of_a_server_without_docker_and_firewall(tmp_path: Path) -> None:
    found = run_script(
        f"report('poste', 'mail_host', ['{DOMAIN}'], '{tmp_path}', '{tmp_path}', '{tmp_path}')", {"PATH": str(tmp_path)}
    )
    assert found["certificate"] == {"status": None, "timer": "unknown, unknown", "next": ""}
    assert found["backup"] == {"status": None, "drill": None, "timer": "unknown, unknown"}
    assert found["watch"] == {"status": None, "timer": "unknown, unknown"}
    assert (found["container"], found["firewall"], found["keys"]) == (None, {}, {})
    assert found["memory"]["total"] > 0


@pytest.mark.parametrize(
    ("active", "enabled", "shown"),
    [
        ("echo active", "echo enabled", "active"),
        ("echo active", "echo disabled; exit 1", "active, disabled"),
        ("echo inactive; exit 3", "echo enabled", "inactive"),
        ("echo inactive; exit 4", "exit 1", "inactive, unknown"),
    ],
)
def test_script_tells_how_the_last_renewal_went_and_whether_more_will_follow(
    tmp_path: Path, active: str, enabled: str, shown: str
) -> None:
    status = {"result": "refused", "error": "no", "tried": 1.5}
    (tmp_path / "status.json").write_text(json.dumps(status))
    asked = (
        f'[ "$2" = poste-certificate.timer ] || exit 9; case $1 in is-active) {active};; is-enabled) {enabled};; esac'
    )
    found = run_script(f"print(json.dumps(certificate('{tmp_path}')))", commands(tmp_path, systemctl=asked))
    assert found == {"status": status, "timer": shown, "next": ""}


def test_script_tells_what_the_record_of_the_next_key_holds_and_never_the_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "keys.json").write_text(json.dumps({"next": private, "slot": 0, "rotation": 0, "made": 1}))
    source = SCRIPT.read_text().replace("/opt/poste-mail", str(remote_scripts.SOURCE))
    call = f"print(json.dumps(certificate('{tmp_path}')))"
    text = subprocess.run(
        [sys.executable, "-B", "-"], input=f"{source}\n{call}\n", capture_output=True, text=True, check=True
    ).stdout
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert json.loads(text)["next"] == hashlib.sha256(public).hexdigest()
    assert "PRIVATE KEY" not in text


def test_script_reads_the_keys_that_sign_not_the_files_beside_them(tmp_path: Path) -> None:
    data, smtp = tmp_path / "data/domains" / DOMAIN, tmp_path / "opt/haraka-smtp/config/dkim" / DOMAIN
    for folder in (data, smtp):
        folder.mkdir(parents=True)
        subprocess.run(["openssl", "genrsa", "-out", folder / "private", "2048"], check=True, capture_output=True)
        (folder / "selector").write_text(SELECTOR)
        (folder / "public").write_text("of another key")
    (tmp_path / "opt/haraka-submission").mkdir()
    # The container's file system lies in a folder here.
    there = "s#/data/#ROOT/data/#g; s#/opt/#ROOT/opt/#g"
    inside = f'shift 4; script=$1; shift; exec sh -c "$(echo "$script" | sed "{there}")" "$@"'
    environment = commands(tmp_path, docker=inside.replace("ROOT", str(tmp_path)))
    found = run_script(f"print(json.dumps(signing_keys('poste', ['{DOMAIN}', 'other.example'])))", environment)
    halves = {
        folder: subprocess.run(
            ["openssl", "pkey", "-in", folder / "private", "-pubout"], check=True, capture_output=True, text=True
        ).stdout
        for folder in (data, smtp)
    }
    assert found[DOMAIN]["files"] == {"selector": SELECTOR, "public": halves[data]}
    assert found[DOMAIN]["signers"] == {
        "haraka-smtp": {"selector": SELECTOR, "public": halves[smtp]},
        "haraka-submission": None,
    }
    assert found["other.example"] == {"files": None, "signers": {"haraka-smtp": None, "haraka-submission": None}}


def test_script_reads_how_docker_keeps_what_the_container_prints(tmp_path: Path) -> None:
    inspected = {
        "State": {"Status": "running"},
        "Image": "sha256:0",
        "Config": {"Image": "poste"},
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}},
        "Mounts": [{"Source": "/mnt/poste/data", "Destination": "/data"}],
    }
    answers = f"case $1 in inspect) echo '{json.dumps([inspected])}';; exec) echo 64513;; *) exit 1;; esac"
    environment = commands(tmp_path, docker=answers)
    found = run_script("print(json.dumps(container('poste')))", environment)
    assert found["log"] == {"driver": "json-file", "max-size": "10m"}
    assert (found["data"], found["device"]) == ("/mnt/poste/data", 64513)
