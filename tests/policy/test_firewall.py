"""The rules for the cloud firewalls."""

from dataclasses import replace
from typing import Any

import pytest

from model.cloud_firewall import egress_rules
from model.labels import label_selector
from policy.model import FIREWALL, FIREWALL_ATTACHMENT, SERVER, UNKNOWN, Resource
from tests.support.case import LABELS, Case, findings, holds, sentence, stack
from tests.support.examples import RELAY

WORLD = ["0.0.0.0/0", "::/0"]
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]
BEHIND_PROXY = stack(reverseProxyCidrs=["198.51.100.80/32"])
SEARCHING = stack(elasticsearch="10.0.0.5:9200")
RELAYED = stack(relay=RELAY | {"port": 2525})
DEV = stack(protect=False, adminCidrs=WORLD)


def rule(port: Any, sources: Any = WORLD, *, protocol: Any = "tcp") -> dict[str, Any]:
    return {"direction": "in", "protocol": protocol, "port": port, "sourceIps": sources}


def out(port: Any, protocol: Any = "tcp") -> dict[str, Any]:
    return {"direction": "out", "protocol": protocol, "port": port, "destinationIps": WORLD}


def firewall(*rules: Any, **props: Any) -> Resource:
    return Resource(FIREWALL, "mail", {"rules": list(rules), "applyTos": [{"labelSelector": SELECTOR}]} | props, "f")


SELECTOR = label_selector(LABELS)
EGRESS = [{"direction": "out", "protocol": rule.protocol, "port": str(rule.port or "")} for rule in egress_rules()]
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
        stack=stack(optionalPorts=[143]),
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
    Case(
        "SSH from the world",
        "firewall-ssh",
        [firewall(rule("22"))],
        "whole world in a protected stack",
    ),
    Case("SSH from both halves of the world", "firewall-ssh", [firewall(rule("22", HALVES))], "whole world"),
    Case(
        "SSH from the halves of the world in two rules",
        "firewall-ssh",
        [firewall(rule("22", HALVES[:1]), rule("22", HALVES[1:]))],
        "whole world",
        stack=stack(adminCidrs=HALVES),
    ),
    Case(
        "SSH from a half of the world",
        "firewall-ssh",
        [firewall(rule("22", HALVES[:1]))],
        "whole world",
        stack=stack(adminCidrs=HALVES),
    ),
    Case(
        "SSH from all of the Internet's IPv6 addresses",
        "firewall-ssh",
        [firewall(rule("22", ["2000::/3"]))],
        "whole world",
        stack=stack(adminCidrs=["2000::/3"]),
    ),
    *(
        Case(
            f"SSH in port {port}", "firewall-ssh", [firewall(rule(port, ["203.0.113.7/32"]))], "open to 203.0.113.7/32"
        )
        for port in ("1-65535", "20-25", "22-22", "any", "ANY", "", None, " 22", "022", 22)
    ),
    Case(
        "SSH over TCP in capitals",
        "firewall-ssh",
        [firewall(rule("22", ["203.0.113.7/32"], protocol="TCP"))],
        "203.0.113",
    ),
    Case("ranges of ports without SSH's", "firewall-ssh", [firewall(rule("23-25"), rule("1-21"), rule("221"))]),
    Case(
        "SSH from the halves of the world by two firewalls, each of which is refused by itself",
        "firewall-ssh-together",
        [firewall(rule("22", HALVES[:1])), replace(firewall(rule("22", HALVES[1:])), urn="g")],
        None,
        stack=stack(adminCidrs=HALVES),
    ),
    Case(
        "SSH from a great part of the Internet by two firewalls",
        "firewall-ssh-together",
        [
            firewall(rule("22", [f"{first}.0.0.0/8" for first in range(16)])),
            replace(firewall(rule("22", [f"{first}.0.0.0/8" for first in range(16, 32)])), urn="g"),
        ],
        "together open SSH to the whole world",
    ),
    Case(
        "SSH by two firewalls, each to an administrator",
        "firewall-ssh-together",
        [firewall(rule("22", ["198.51.100.7/32"])), replace(firewall(rule("22", ["198.51.100.6/32"])), urn="g")],
    ),
    Case(
        "SSH by two firewalls of a stack that is not protected",
        "firewall-ssh-together",
        [firewall(rule("22")), replace(firewall(rule("22")), urn="g")],
        stack=DEV,
    ),
    Case(
        "SSH by two firewalls of which one is not known yet",
        "firewall-ssh-together",
        [firewall(rule("22", [UNKNOWN])), replace(firewall(rules=UNKNOWN), urn="g")],
    ),
    Case(
        "SSH from the world by a protected stack's own adminCidrs",
        "firewall-ssh",
        [firewall(rule("22"))],
        "whole world",
        stack=stack(adminCidrs=WORLD),
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
    Case(
        "outbound to the stack's Elasticsearch",
        "firewall-outbound",
        [firewall(out("9200") | {"destinationIps": ["10.0.0.5/32"]})],
        stack=SEARCHING,
    ),
    Case(
        "outbound to the port of the stack's Elasticsearch on another machine",
        "firewall-outbound",
        [firewall(out("9200") | {"destinationIps": ["10.0.0.6/32"]})],
        "Outbound tcp 9200 is allowed to 10.0.0.6/32",
        stack=SEARCHING,
    ),
    Case(
        "no outbound traffic to the stack's Elasticsearch",
        "firewall-covers-server",
        [MACHINE, SSH, MAIL],
        "do not allow outbound tcp 9200",
        stack=SEARCHING,
    ),
    Case("outbound to the relay's port", "firewall-outbound", [firewall(out("2525"))], stack=RELAYED),
    *(
        Case(
            f"outbound to port {port} beside the relay's",
            "firewall-outbound",
            [firewall(out("2525"), out(port))],
            f"Outbound tcp {port} is allowed",
            stack=RELAYED,
        )
        for port in ("25", "465", "587")
    ),
    Case(
        "outbound to a relay's port without a relay", "firewall-outbound", [firewall(out("2525"))], "Outbound tcp 2525"
    ),
    Case(
        "no outbound traffic to the relay",
        "firewall-covers-server",
        [MACHINE, SSH, MAIL],
        "do not allow outbound tcp 2525",
        stack=RELAYED,
    ),
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
