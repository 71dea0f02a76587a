"""What only the server can tell: container, disk, memory, signing key, and the way out."""

import asyncio
import copy
import json
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from components.records import dkim
from tests.unit.verify_world import DOMAIN, IPV4, LOOPBACK, stack
from verify import container, outbound
from verify.context import Context
from verify.names import Dns
from verify.result import Finding, Status
from verify.runner import Shared
from verify.server_shell import SCRIPT
from verify.stack import Domain

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
DIGEST = "sha256:" + "a" * 64
PINNED = f"analogic/poste.io:2.5.11@{DIGEST}"
KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
REPORT: dict[str, Any] = {
    "container": {
        "status": "running",
        "health": "healthy",
        "reference": "analogic/poste.io:2.5.11",
        "image": "sha256:0",
        "digests": [DIGEST],
        "tags": ["analogic/poste.io:2.5.11"],
        "data": "/mnt/poste",
    },
    "disk": {"mounted": True, "size": 20 * 2**30, "free": 10 * 2**30, "inodes": 1000, "free_inodes": 900},
    "memory": {"total": 4 * 2**30, "available": 2**30},
    "keys": {
        DOMAIN: {
            "selector": "s20260101123",
            "public": f"-----BEGIN PUBLIC KEY-----\n{KEY[:20]}\n{KEY[20:]}\n-----END PUBLIC KEY-----",
            "blind": [],
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
    assert status(container.data(gone())) is FAIL


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OK),
        ({"public": KEY}, OK),
        ({"public": f'"k=rsa; p={KEY}"'}, OK),
        ({"public": "AAAA"}, FAIL),  # another key than published
        ({"selector": "s20260202123"}, FAIL),
        ({"selector": ""}, FAIL),
        ({"blind": ["haraka-submission"]}, FAIL),  # the link was lost with the old container
    ],
)
def test_signers_have_the_published_key(changes: dict[str, Any], expected: Status) -> None:
    assert status(container.signs(told("key", **changes), PUBLISHED)) is expected


def test_full_disk_is_red_in_bytes_and_in_inodes_and_little_memory_is_noted() -> None:
    assert status(container.disk(told("disk"))) is OK
    assert status(container.disk(told("disk", free=2**30))) is FAIL
    assert status(container.disk(told("disk", free_inodes=10))) is FAIL
    assert status(container.memory(told("memory"))) is OK
    assert status(container.memory(told("memory", available=2**28))) is WARN


def run_script(call: str) -> Any:
    """Run the server's script here."""
    done = subprocess.run(
        [sys.executable, "-"], input=f"{SCRIPT.read_text()}\n{call}\n", capture_output=True, text=True, check=True
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
        (answer,) = run_script(f"reached([('{LOOPBACK}', {number})])")
        thread.join()
    assert answer == {"greeting": "220 mx.other.example ESMTP"}
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


def test_blocked_port_25_is_red_with_what_to_write_to_support() -> None:
    blocked = way_out({"error": "timed out"}, {"error": "timed out"})
    assert (blocked.status, blocked.remedy) == (FAIL, "Write to support.")
    assert way_out({"error": "timed out"}, {"greeting": "220 mx00.gmx.net"}).status is OK


def test_remedy_for_the_block_names_the_server_and_the_smart_host_takes_its_place() -> None:
    async def remedy(**own: str) -> tuple[str, list[Any]]:
        plain = stack()
        settings = plain.own.model_validate(own)
        changed = type(plain)(**{**vars(plain), "own": settings})
        (job,) = outbound.jobs(Context(changed, Dns(Shared(), [LOOPBACK]), Shared(), plain.domains))
        _, targets, text = job.run.args  # type: ignore[attr-defined]
        return text, targets

    text, targets = asyncio.run(remedy())
    assert IPV4 in text
    assert "unblock" in text
    assert {port for _, port in targets} == {25}
    _, targets = asyncio.run(remedy(smart_host="smtp.relay.example:587"))
    assert targets == [("smtp.relay.example", 587)]
