"""A deployed stack's certificate: trusted on every port, asked for once, and what keeps it away told and healed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from model.server_folders import CERTIFICATES
from tests.engine.conftest import DOMAIN, HOST
from tests.engine.test_verify import edited, failures, findings, firewall, not_ok, shows
from tests.support import clouds
from tests.support.certificates import the_one
from tests.support.stack import Stack

Trouble = Callable[[], AbstractContextManager[Any]]

ELSEWHERE = "2001:db8:100::80"
"""The other provider's address, where nobody answers on port 80."""


def test_a_deploy_ends_with_one_trusted_certificate_on_all_nine_ports(deployed: Stack) -> None:
    shows(lambda: not_ok(deployed, "tls"), [])
    assert len(findings(deployed, "tls.trust")) == 9
    assert deployed.outputs()["certificateAccount"].startswith("https://acme.example/")


def authority(**rule: Any) -> Trouble:
    """The authority misbehaves."""
    return lambda: clouds.faults(clouds.AUTHORITY, rule)


TROUBLES: dict[str, tuple[Trouble, list[str]]] = {
    "away": (authority(path="/dir$", status=503, cut=True, times=3), ["acme.example said:", "Deploy again later"]),
    "refusing": (
        authority(method="POST", path="/order-plz$", status=429),
        ["too many certificates (5) already issued", "Wait until the time that it names"],
    ),
    "led-elsewhere": (
        lambda: edited({("AAAA", HOST): ELSEWHERE}),
        [ELSEWHERE, "Compare A and AAAA in DNS with the stack's addresses"],
    ),
    "shut-out": (
        lambda: firewall("mail", lambda rules: [rule for rule in rules if rule.port != "80"]),
        ["acme.example said:", "whether anything in front closes port 80"],
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_what_keeps_a_certificate_away_is_told_keeps_no_mail_away_and_the_next_deploy_goes_on(
    deployed: Stack, name: str
) -> None:
    trouble, words = TROUBLES[name]
    address = deployed.outputs()["ipv4"]
    before = the_one(address, HOST)
    deployed.on_server(f"cd {CERTIFICATES}/acme.example-dir/config && rm -r live archive renewal")
    deployed.configure(certificateEmail=f"{name}@{DOMAIN}")
    with trouble():
        text = deployed.run("up", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
        clouds.eventually(lambda: failures(deployed, "tls.renewal"), 90)
    for word in [*words, "Mail works meanwhile"]:
        assert word in text
    assert the_one(address, HOST) == before
    deployed.up()
    assert the_one(address, HOST) != before
    shows(lambda: not_ok(deployed, "tls.trust,tls.renewal"), [])


def test_a_deploy_that_is_killed_while_it_gets_the_certificate_is_carried_on_without_asking_twice(
    deployed: Stack,
) -> None:
    deployed.on_server(f"cd {CERTIFICATES}/acme.example-dir/config && rm -r live archive renewal")
    deployed.configure(certificateEmail=None)
    with clouds.faults(clouds.AUTHORITY, {"method": "POST", "path": "/order-plz$", "delay": 3}):
        deployed.killed_up("Command certificate updating")
        deployed.up()
    lineages = deployed.on_server(f"ls {CERTIFICATES}/acme.example-dir/config/archive/{HOST}")
    assert "cert1.pem" in lineages
    assert "cert2.pem" not in lineages
