"""The rules for the server, its addresses and its volume."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from model.settings import Part
from policy.model import DNS_RECORD, FIREWALL, PRIMARY_IP, RDNS, SERVER, STACK, UNKNOWN, VOLUME, ZONE_DNSSEC, Resource
from policy.rules.server import PARTS
from tests.support.case import LABELS, Case, findings, holds, sentence, stack

DEV = stack(protect=False)
NETS = {"ipv4Enabled": True, "ipv4": 42, "ipv6Enabled": True, "ipv6": UNKNOWN}


def server(**props: Any) -> Resource:
    return Resource(SERVER, "mail", props)


def nets(**changes: Any) -> Resource:
    return server(publicNets=[{key: value for key, value in (NETS | changes).items() if value is not None}])


def guarded(kind: str, **props: Any) -> Resource:
    return Resource(kind, "mail", {"deleteProtection": True, "rebuildProtection": True} | props, protect=True)


ADDRESS = Resource(PRIMARY_IP, "mail-ipv4", {"id": "42"}, "address")
PTR = Resource(RDNS, "mail-ipv4", {"primaryIpId": UNKNOWN}, "ptr", uses={"primaryIpId": frozenset({"address"})})

RECORD = Resource(DNS_RECORD, "x", {"type": "MX", "name": "example.com", "content": "mail.example.com"})

CASES = [
    Case("both primary addresses, known or not", "server-own-addresses", [nets()]),
    Case("no addresses named", "server-own-addresses", [nets(ipv4=None)], "no primary IPv4"),
    Case("an IPv6 address that Hetzner makes", "server-own-addresses", [nets(ipv6=0)], "no primary IPv6"),
    Case("IPv6 turned off", "server-own-addresses", [nets(ipv6Enabled=False, ipv6=None)], "IPv6 turned off"),
    Case("networks that are not known yet", "server-own-addresses", [server(publicNets=UNKNOWN)]),
    Case("auto_delete off", "primary-ip-kept", [Resource(PRIMARY_IP, "x", {"autoDelete": False})]),
    Case("auto_delete on", "primary-ip-kept", [Resource(PRIMARY_IP, "x", {"autoDelete": True})], "auto_delete"),
    Case("auto_delete not said", "primary-ip-kept", [Resource(PRIMARY_IP, "x")], "auto_delete"),
    Case("auto_delete not known yet", "primary-ip-kept", [Resource(PRIMARY_IP, "x", {"autoDelete": UNKNOWN})]),
    Case("a PTR to the mail host", "ptr-is-mail-host", [Resource(RDNS, "x", {"dnsPtr": "mail.example.com"})]),
    Case(
        "a PTR to another name",
        "ptr-is-mail-host",
        [Resource(RDNS, "x", {"dnsPtr": "example.com"})],
        "says example.com; the mail host is mail.example.com",
    ),
    Case("a PTR that is not known yet", "ptr-is-mail-host", [Resource(RDNS, "x", {"dnsPtr": UNKNOWN})]),
    Case("an address whose PTR depends on it, its id not being known yet", "ptr-for-each-address", [ADDRESS, PTR]),
    Case(
        "an address whose PTR names its id", "ptr-for-each-address", [ADDRESS, Resource(RDNS, "x", {"primaryIpId": 42})]
    ),
    Case(
        "an address without a PTR",
        "ptr-for-each-address",
        [ADDRESS, Resource(RDNS, "x", {"primaryIpId": 43})],
        "no PTR record",
    ),
    Case("a protected server", "protection", [guarded(SERVER)]),
    Case("a protected address and volume", "protection", [guarded(PRIMARY_IP), guarded(VOLUME)]),
    Case("a server that may be rebuilt", "protection", [guarded(SERVER, rebuildProtection=False)], "rebuildProtection"),
    Case(
        "a volume that may be deleted at Hetzner",
        "protection",
        [guarded(VOLUME, deleteProtection=None)],
        "deleteProtection",
    ),
    Case("a volume that Pulumi may delete", "protection", [replace(guarded(VOLUME), protect=False)], "option protect"),
    Case("a firewall that Pulumi may delete", "protection", [Resource(FIREWALL, "x")], "protects its server"),
    Case("a record that Pulumi may delete", "protection", [RECORD], "protects its records"),
    Case(
        "a consent to reports, on which no mail hangs",
        "protection",
        [Resource(DNS_RECORD, "x", {"type": "TXT", "name": "example.org._report._dmarc.example.com"})],
    ),
    Case(
        "a null MX and a host that sends no mail, on which none hangs",
        "protection",
        [
            Resource(DNS_RECORD, "x", {"type": "MX", "name": "old.example.com", "content": "."}),
            Resource(DNS_RECORD, "x", {"type": "TXT", "name": "old.example.com", "content": '"v=spf1 -all"'}),
        ],
    ),
    Case(
        "a signed zone that may lose its signatures", "protection", [Resource(ZONE_DNSSEC, "x")], "protects its records"
    ),
    Case(
        "protected firewalls and records, of which Hetzner and Cloudflare protect none",
        "protection",
        [Resource(FIREWALL, "x", protect=True), Resource(DNS_RECORD, "x", protect=True)],
    ),
    *(
        Case(
            f"nothing protected but the others where the {part} is unprotected",
            "protection",
            [
                resource
                for kind, other in PARTS.items()
                for resource in [Resource(kind, "x") if other == part else guarded(kind)]
            ],
            stack=stack(unprotected=[part]),
        )
        for part in get_args(Part)
    ),
    *(
        Case(
            f"a {kind} that is not protected where all else may be so",
            "protection",
            [Resource(kind, "x", {"deleteProtection": True, "rebuildProtection": True} | dict(RECORD.props))],
            f"protects its {part}",
            stack=stack(unprotected=[other for other in get_args(Part) if other != part]),
        )
        for kind, part in PARTS.items()
    ),
    Case("nothing protected in a stack that is not", "protection", [server(), Resource(VOLUME, "x")], stack=DEV),
    Case("protection that is not known yet", "protection", [guarded(VOLUME, deleteProtection=UNKNOWN)]),
    Case(
        "an address beside a server's PTR",
        "ptr-for-each-address",
        [Resource(PRIMARY_IP, "x"), Resource(RDNS, "x", {"serverId": 42})],
        "no PTR record",
    ),
    Case("protect turned off", "stack-protected", [Resource(STACK, "x")], stack=DEV),
    Case(
        "protect turned off where it is required",
        "stack-protected",
        [Resource(STACK, "x")],
        "protect is false",
        stack=DEV,
        settings={"required": True},
    ),
    Case(
        "the volume unprotected where protection is required",
        "stack-protected",
        [Resource(STACK, "x")],
        "unprotected has volume",
        stack=stack(unprotected=["server", "volume"]),
        settings={"required": True},
    ),
    Case(
        "the server unprotected, to be replaced, where protection is required",
        "stack-protected",
        [Resource(STACK, "x")],
        stack=stack(unprotected=["server"]),
        settings={"required": True},
    ),
    Case(
        "protect turned on where it is required",
        "stack-protected",
        [Resource(STACK, "x", {"out": UNKNOWN})],
        settings={"required": True},
    ),
    Case("a location", "location-set", [server(location="nbg1"), Resource(VOLUME, "x", {"location": "nbg1"})]),
    Case("no location", "location-set", [Resource(PRIMARY_IP, "x")], "No location"),
    Case("a location that is not known yet", "location-set", [server(location=UNKNOWN)]),
    Case("the stack's labels and one more", "labels-present", [server(labels=LABELS | {"more": "x"})]),
    Case(
        "another stack's label",
        "labels-present",
        [Resource(FIREWALL, "x", {"labels": LABELS | {"stack": "dev"}})],
        "stack=prod is missing",
    ),
    Case(
        "a label less",
        "labels-present",
        [server(labels={"managed-by": "pulumi", "stack": "prod"})],
        "project=poste-mail",
    ),
    Case(
        "labels that are not known yet",
        "labels-present",
        [server(labels=UNKNOWN), server(labels=LABELS | {"stack": UNKNOWN})],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)


def test_a_resource_without_any_labels_misses_all_of_them() -> None:
    assert len(findings(Case("", "labels-present", [server()]))) == 3
