"""The rules for the cloud firewalls."""

from dataclasses import replace
from typing import Any

import pytest

from components.firewall import egress_rules
from components.labels import label_selector
from policy.model import FIREWALL, FIREWALL_ATTACHMENT, SERVER, UNKNOWN, Resource
from tests.policy.case import LABELS, PROD, Case, findings, holds, sentence

WORLD = ["0.0.0.0/0", "::/0"]
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]
BEHIND_PROXY = replace(PROD, web_cidrs=("198.51.100.80/32",))
DEV = replace(PROD, protected=False, admin_cidrs=("0.0.0.0/0", "::/0"))


def rule(port: Any, sources: Any = WORLD, *, protocol: Any = "tcp") -> dict[str, Any]:
    return {"direction": "in", "protocol": protocol, "port": port, "sourceIps": sources}


def out(port: Any, protocol: Any = "tcp") -> dict[str, Any]:
    return {"direction": "out", "protocol": protocol, "port": port, "destinationIps": WORLD}


def firewall(*rules: Any, **props: Any) -> Resource:
    return Resource(FIREWALL, "mail", {"rules": list(rules), "applyTos": [{"labelSelector": SELECTOR}]} | props, "f")


SELECTOR = label_selector(LABELS)
EGRESS = [{"direction": "out", "protocol": rule["protocol"], "port": rule.get("port", "")} for rule in egress_rules()]
MACHINE = Resource(SERVER, "mail", {"labels": LABELS | {"more": "x"}}, "s")
SSH = firewall(rule("22", ["198.51.100.7/32"]), *EGRESS)
MAIL = replace(firewall(rule("25"), rule("443")), urn="g")


def changed(props: dict[str, Any]) -> Resource:
    return replace(MAIL, props={**MAIL.props, **props})


CASES = [
    Case("an open row of the port table is allowed", "firewall-inbound", [firewall(rule("993"))]),
    Case("a web port, when there is no reverse proxy", "firewall-inbound", [firewall(rule("443"))]),
    Case("ICMP is allowed", "firewall-inbound", [firewall(rule(None, protocol="icmp"))]),
    Case("SSH is another rule's matter", "firewall-inbound", [firewall(rule("22"))]),
    Case("a port outside the table", "firewall-inbound", [firewall(rule("3306"))], "tcp port 3306"),
    Case("any port", "firewall-inbound", [firewall(rule("any"))], "port any"),
    Case("a range of ports", "firewall-inbound", [firewall(rule("25-143"))], "port 25-143"),
    Case("UDP on SSH's port", "firewall-inbound", [firewall(rule("22", protocol="udp"))], "udp port 22"),
    Case("UDP", "firewall-inbound", [firewall(rule("993", protocol="udp"))], "udp port 993"),
    Case(
        "an optional port that the stack closes",
        "firewall-inbound",
        [firewall(rule("110"))],
        "port 110",
        stack=replace(PROD, ports=tuple(port for port in PROD.ports if port.number != 110)),
    ),
    Case(
        "a web port that goes round the reverse proxy",
        "firewall-inbound",
        [firewall(rule("443", ["203.0.113.0/24"]))],
        "open to 203.0.113.0/24",
        stack=BEHIND_PROXY,
    ),
    Case(
        "a web port for the reverse proxy only",
        "firewall-inbound",
        [firewall(rule("443", ["198.51.100.80/32"]), rule("25"))],
        stack=BEHIND_PROXY,
    ),
    Case("a port that is not known yet", "firewall-inbound", [firewall(rule(UNKNOWN))]),
    Case("rules that are not known yet", "firewall-inbound", [firewall(rules=UNKNOWN)]),
    Case("SSH from an administrator", "firewall-ssh", [firewall(rule("22", ["198.51.100.7/32", "2001:db8:7::5/128"]))]),
    Case("SSH from elsewhere", "firewall-ssh", [firewall(rule("22", ["203.0.113.7/32"]))], "open to 203.0.113.7/32"),
    Case("SSH from a wider network", "firewall-ssh", [firewall(rule("22", ["198.51.100.0/24"]))], "198.51.100.0/24"),
    Case("SSH from elsewhere by IPv6", "firewall-ssh", [firewall(rule("22", ["2001:db8:8::/64"]))], "2001:db8:8::/64"),
    Case(
        "other ports and protocols are another rule's matter",
        "firewall-ssh",
        [firewall(rule("25"), rule("22", protocol="udp"))],
    ),
    Case("SSH from no network at all", "firewall-ssh", [firewall(rule("22", ["office"]))], "open to office"),
    Case("SSH from the world", "firewall-ssh", [firewall(rule("22"))], "whole world in a protected stack"),
    Case("SSH from both halves of the world", "firewall-ssh", [firewall(rule("22", HALVES))], "whole world"),
    Case(
        "SSH from the world by a protected stack's own adminCidrs",
        "firewall-ssh",
        [firewall(rule("22"))],
        "whole world",
        stack=replace(DEV, protected=True),
    ),
    Case(
        "SSH from the world where a stack that is not protected wants it",
        "firewall-ssh",
        [firewall(rule("22"))],
        stack=DEV,
    ),
    Case(
        "SSH from an administrator's network that the policy configuration does not have",
        "firewall-ssh",
        [firewall(rule("22", ["198.51.100.7/32"]))],
        "198.51.100.7/32",
        settings={"networks": ["198.51.100.1/32"]},
    ),
    Case("SSH from networks that are not known yet", "firewall-ssh", [firewall(rule("22", UNKNOWN))]),
    Case("SSH from one network that is not known yet", "firewall-ssh", [firewall(rule("22", [UNKNOWN]))]),
    Case("outbound traffic of the list", "firewall-outbound", [firewall(*EGRESS)]),
    Case("outbound to another port", "firewall-outbound", [firewall(out("6667"))], "Outbound tcp 6667"),
    Case("outbound to any port", "firewall-outbound", [firewall(out("any"))], "Outbound tcp any"),
    Case("outbound over another protocol", "firewall-outbound", [firewall(out("443", "udp"))], "Outbound udp 443"),
    Case("outbound to a port that is not known yet", "firewall-outbound", [firewall(out(UNKNOWN))]),
    Case("a firewall that finds servers by label", "firewall-by-label", [MAIL]),
    Case("a server that names no firewalls", "firewall-by-label", [MACHINE]),
    Case("an attachment", "firewall-by-label", [Resource(FIREWALL_ATTACHMENT, "x")], "attachment binds"),
    Case("a server with firewall_ids", "firewall-by-label", [Resource(SERVER, "x", {"firewallIds": [7]})], "itself"),
    Case("a firewall with a server's id", "firewall-by-label", [firewall(applyTos=[{"server": UNKNOWN}])], "its id"),
    Case("firewall_ids that are not known yet", "firewall-by-label", [Resource(SERVER, "x", {"firewallIds": UNKNOWN})]),
    Case("a server behind both firewalls", "firewall-covers-server", [MACHINE, SSH, MAIL]),
    Case(
        "a server that only the mail firewall matches",
        "firewall-covers-server",
        [MACHINE, changed({"rules": [rule("25"), *EGRESS]})],
        "opens SSH (port 22)",
    ),
    Case("a server that only the SSH firewall matches", "firewall-covers-server", [MACHINE, SSH], "opens mail"),
    Case(
        "a mail firewall for other labels",
        "firewall-covers-server",
        [MACHINE, SSH, changed({"applyTos": [{"labelSelector": "stack=dev"}]})],
        "opens mail",
    ),
    Case(
        "no list of outbound traffic, so that all of it flows",
        "firewall-covers-server",
        [MACHINE, firewall(rule("22"), *EGRESS[1:]), MAIL],
        "do not allow outbound tcp 22",
    ),
    Case("labels that are not known yet", "firewall-covers-server", [Resource(SERVER, "x", {"labels": UNKNOWN})]),
    Case(
        "a selector that is not known yet",
        "firewall-covers-server",
        [MACHINE, SSH, changed({"applyTos": [{"labelSelector": UNKNOWN}]})],
    ),
    Case(
        "a firewall that is not known yet",
        "firewall-covers-server",
        [MACHINE, SSH, changed({"applyTos": UNKNOWN})],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)


def test_a_server_without_labels_stands_behind_no_firewall() -> None:
    bare = Resource(SERVER, "mail", {}, "s")
    no_selector = changed({"applyTos": [{"server": 7}]})
    assert len(findings(Case("", "firewall-covers-server", [bare, SSH, no_selector]))) == 3
