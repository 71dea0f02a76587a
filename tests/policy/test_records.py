"""The rules for DNS records of whatever purpose, and for MX."""

from dataclasses import replace
from typing import Any

import pytest

from policy.model import (
    COMMAND,
    CONTAINER,
    DNS_RECORD,
    IMAGE,
    PRIMARY_IP,
    SERVER,
    UNKNOWN,
    VOLUME,
    Resource,
)
from tests.support.case import Case, holds, sentence, stack

IPV4, IPV6 = "198.51.100.140", "2001:db8:100:101::1"
NOT_YET = stack(domains=[{"name": "example.com", "receive": False}])
BRIDGED = stack(networkMode="bridge")


def record(kind: Any, name: Any, content: Any = None, **props: Any) -> Resource:
    known = {"type": kind, "name": name, "content": content, "ttl": 3600} | props
    return Resource(DNS_RECORD, "record", known, urn=f"{kind} {name} {content}")


def text(content: Any) -> Resource:
    return record("TXT", "example.com", content)


def fields(port: Any) -> Resource:
    return record("SRV", "_imap._tcp.example.com", data={"port": port, "target": "mail.example.com"})


MX = record("MX", "example.com", "mail.example.com", priority=10)


def null_mx(name: Any, priority: Any = 0) -> Resource:
    return record("MX", name, ".", priority=priority)


A = record("A", "mail.example.com", IPV4)
AAAA = record("AAAA", "mail.example.com", IPV6)
ADDRESSES = [
    Resource(PRIMARY_IP, "ipv4", {"type": "ipv4", "ipAddress": IPV4}, "4"),
    Resource(PRIMARY_IP, "ipv6", {"type": "ipv6", "ipAddress": "2001:db8:100:101::"}, "6"),
]


def coming(found: Resource, **uses: list[str]) -> Resource:
    return replace(found, uses={name: frozenset(urns) for name, urns in uses.items()})


def origin(kind: str, urn: str, *sources: str) -> Resource:
    return Resource(kind, urn, {}, urn, uses={"stdin": frozenset(sources)})


ORIGINS = [
    origin(VOLUME, "volume"),
    origin(SERVER, "server"),
    origin(IMAGE, "image", "server"),
    origin(CONTAINER, "container", "image", "volume", "server"),
    origin(COMMAND, "key", "volume", "server"),
    origin(COMMAND, "late", "restarted"),
    origin(COMMAND, "restarted", "container"),
    *ADDRESSES,
]

CASES = [
    Case("names as Cloudflare keeps them", "dns-names-canonical", [MX, A, record("TXT", "_dmarc.example.com", '"x"')]),
    Case("a name in capitals", "dns-names-canonical", [record("A", "Mail.example.com", IPV4)], "'Mail.example.com'"),
    Case("a name with a trailing dot", "dns-names-canonical", [record("A", "mail.example.com.", IPV4)], "trailing dot"),
    Case("a relative name", "dns-names-canonical", [record("A", "mail", IPV4)], "'mail'"),
    Case("the zone as @", "dns-names-canonical", [record("TXT", "@", '"x"')], "'@'"),
    Case("a name outside the stack's zones", "dns-names-canonical", [record("A", "mail.example", IPV4)], "no"),
    Case(
        "an MX to a name with a trailing dot",
        "dns-names-canonical",
        [record("MX", "example.com", "mail.example.com.")],
        "It points at",
    ),
    Case(
        "an SRV to a name in capitals",
        "dns-names-canonical",
        [record("SRV", "_imaps._tcp.example.com", data={"target": "MAIL.example.com"})],
        "It points at",
    ),
    Case(
        "a null MX, and a service that is nowhere",
        "dns-names-canonical",
        [record("MX", "old.example.com", "."), record("SRV", "_imap._tcp.example.com", data={"target": "."})],
    ),
    *(
        Case(f"{found.get('type')} that leads to the root", "dns-names-canonical", [found], "It points at '.'")
        for found in (record("CNAME", "x.example.com", "."), record("X", "x.example.com", data={"target": "."}))
    ),
    Case("a name that is not known yet", "dns-names-canonical", [record("MX", UNKNOWN, UNKNOWN)]),
    Case("a record that is not proxied", "dns-not-proxied", [record("A", "x", "y", proxied=False), MX]),
    Case("a proxied record", "dns-not-proxied", [record("A", "x", "y", proxied=True)], "proxied"),
    Case("a record that may be proxied", "dns-not-proxied", [record("A", "x", "y", proxied=UNKNOWN)]),
    Case(
        "a TTL in range, and an automatic one",
        "dns-ttl-in-range",
        [replace(A, props={"ttl": ttl}) for ttl in (1, 60, 300, 86400)],
    ),
    Case("a TTL of half a minute", "dns-ttl-in-range", [replace(A, props={"ttl": 30})], "30 seconds"),
    Case("a TTL of a week", "dns-ttl-in-range", [replace(A, props={"ttl": 604800})], "60 to 86400"),
    Case("a TTL beyond what is configured", "dns-ttl-in-range", [A], "60 to 300", settings={"maximum": 300}),
    Case("a TTL that is not known yet", "dns-ttl-in-range", [replace(A, props={"ttl": UNKNOWN})]),
    Case("quoted text, in one string and in two", "dns-text-quoted", [text('"v=spf1 ~all"'), text('"a" "b\\" c"'), MX]),
    Case("a string of 255 bytes, escapes not counted", "dns-text-quoted", [text('"' + "a" * 254 + '\\""')]),
    Case("text without quotes", "dns-text-quoted", [text("v=spf1 ~all")], "double quotes"),
    Case("text after the quotes", "dns-text-quoted", [text('"v=spf1" ~all')], "double quotes"),
    *(
        Case(
            f"text with the escape {escape}", "dns-text-quoted", [text(f'"{escape}=spf1 +all"')], "only quotes and back"
        )
        for escape in ("\\118", "\\v", "\\x76")
    ),
    Case("a string of 256 bytes", "dns-text-quoted", [text('"' + "a" * 256 + '"')], "256 bytes"),
    Case("text that is not known yet", "dns-text-quoted", [text(UNKNOWN)]),
    Case(
        "records that come from the settings, from addresses, and from a script that reads the volume",
        "dns-from-what-lasts",
        [MX, coming(A, content=["4"]), coming(text(UNKNOWN), name=["key"], content=["key"]), *ORIGINS],
    ),
    Case(
        "a record whose zone comes from a script", "dns-from-what-lasts", [coming(MX, zoneId=["key"]), *ORIGINS], "zone"
    ),
    *(
        Case(
            f"a record that comes from the {what}",
            "dns-from-what-lasts",
            [coming(MX, content=[what]), *ORIGINS],
            "comes from",
        )
        for what in ("container", "image", "server")
    ),
    Case(
        "a record that comes from a script which comes from the container",
        "dns-from-what-lasts",
        [coming(text(UNKNOWN), name=["late"]), *ORIGINS],
        "comes from the container",
    ),
    Case("records that go together", "dns-no-contradictions", [MX, A, AAAA, text('"a"'), text('"b"')]),
    Case("a CNAME alone", "dns-no-contradictions", [record("CNAME", "x.example.com", "mail.example.com"), MX]),
    Case("records whose types are not known yet", "dns-no-contradictions", [record(UNKNOWN, "x.example.com")] * 2),
    Case("the same record twice", "dns-no-contradictions", [text('"a"'), text('"a"')], "same TXT record twice"),
    Case(
        "two addresses of one name",
        "dns-no-contradictions",
        [A, record("A", "mail.example.com", "198.51.100.141")],
        "2 A records",
    ),
    Case(
        "a CNAME beside another record",
        "dns-no-contradictions",
        [A, record("CNAME", "mail.example.com", "other.example.com")],
        "CNAME beside",
    ),
    Case(
        "different TTLs",
        "dns-no-contradictions",
        [text('"a"'), record("TXT", "example.com", '"b"', ttl=60)],
        "different TTLs",
    ),
    Case("the same fields twice", "dns-no-contradictions", [fields(1), fields(1)], "same SRV record twice"),
    Case(
        "fields that differ, or may", "dns-no-contradictions", [fields(1), fields(2), fields(UNKNOWN), fields(UNKNOWN)]
    ),
    *(
        Case(
            f"two texts at {name}",
            "dns-no-contradictions",
            [record("TXT", name, '"a"'), record("TXT", name, '"b"')],
            "2 TXT records, of which",
        )
        for name in ("_mta-sts.example.com", "_smtp._tls.example.com", "default._bimi.example.com")
    ),
    Case(
        "records that may become equal",
        "dns-no-contradictions",
        [text('"a"'), text(UNKNOWN), record("TXT", UNKNOWN, '"a"'), record(UNKNOWN, "mail.example.com", IPV4)],
    ),
    Case("an MX to a name", "mx-names-a-host", [MX, A]),
    Case("an MX to an IPv4 address", "mx-names-a-host", [record("MX", "example.com", IPV4)], f"address {IPV4}"),
    Case("an MX to an IPv6 address", "mx-names-a-host", [record("MX", "example.com", f"[{IPV6}]")], IPV6),
    *(
        Case(f"an MX to {address}", "mx-names-a-host", [record("MX", "example.com", address)], f"address {address}.")
        for address in (
            "1.2.3.4.",
            "[1.2.3.4]",
            "[IPv6:2001:db8::1]",
            "2001:db8::1.",
            "::ffff:198.51.100.1",
            "1.2.3",
            "0x7f.0x0.0x0.0x1",
            "0X7F000001",
            "127.0.0.0x1",
            "3325256707",
            "0306.063.0144.01",
            "1.2.3.4..",
            " 1.2.3.4",
        )
    ),
    Case(
        "an MX to names with digits in them",
        "mx-names-a-host",
        [
            record("MX", "example.com", name)
            for name in ("1.example.com", "1-2-3-4.example.com", "0x1.example.com", ".")
        ],
    ),
    Case("an MX to what is not known yet", "mx-names-a-host", [record("MX", "example.com", UNKNOWN)]),
    Case("an MX that leads to the server", "mx-leads-to-the-server", [MX, A, AAAA, *ADDRESSES]),
    Case(
        "an MX that leads to the server by IPv4, when there is no other",
        "mx-leads-to-the-server",
        [MX, A, *ADDRESSES],
        stack=BRIDGED,
    ),
    Case(
        "an MX to an address, which is another rule's matter",
        "mx-leads-to-the-server",
        [record("MX", "example.com", IPV4)],
    ),
    Case("no MX where mail is not received yet", "mx-leads-to-the-server", [A, AAAA], stack=NOT_YET),
    Case("an MX where mail is not received yet", "mx-leads-to-the-server", [MX, A, AAAA], "receive is false", NOT_YET),
    Case("no MX", "mx-leads-to-the-server", [A, AAAA], "has no MX record"),
    Case(
        "an MX to a CNAME",
        "mx-leads-to-the-server",
        [MX, record("CNAME", "mail.example.com", "x.example.com")],
        "is a CNAME",
    ),
    Case("an MX to a name without an address", "mx-leads-to-the-server", [MX, AAAA], "no A record"),
    Case("an MX to a name without an IPv6 address", "mx-leads-to-the-server", [MX, A], "no AAAA record"),
    Case(
        "an MX to another server",
        "mx-leads-to-the-server",
        [MX, record("A", "mail.example.com", "203.0.113.5"), AAAA, *ADDRESSES],
        "holds 203.0.113.5",
    ),
    Case(
        "an IPv6 address where Poste does not answer",
        "mx-leads-to-the-server",
        [MX, A, AAAA],
        "does not answer",
        stack=BRIDGED,
    ),
    Case(
        "addresses that are not known yet",
        "mx-leads-to-the-server",
        [
            MX,
            record("A", "mail.example.com", UNKNOWN),
            record("AAAA", "mail.example.com", UNKNOWN),
            Resource(PRIMARY_IP, "ipv4", {"type": "ipv4", "ipAddress": UNKNOWN}, "4"),
        ],
    ),
    Case(
        "records whose names are not known yet",
        "mx-leads-to-the-server",
        [record("MX", UNKNOWN, "mail.example.com"), record("A", UNKNOWN, IPV4), record("AAAA", UNKNOWN, IPV6)],
    ),
    Case("an MX to a name that is not known yet", "mx-leads-to-the-server", [record("MX", "example.com", UNKNOWN)]),
    Case("a null MX alone, beside others' MX", "mx-null-alone", [null_mx("old.example.com"), MX]),
    Case("a null MX where mail comes", "mx-null-alone", [null_mx("example.com")], "yet it receives mail here"),
    Case("a null MX of the mail host", "mx-null-alone", [null_mx("mail.example.com")], "The mail host"),
    Case("a null MX of priority 10", "mx-null-alone", [null_mx("old.example.com", 10)], "priority 10, not 0"),
    Case("a null MX without priority", "mx-null-alone", [null_mx("old.example.com", None)], "priority None, not 0"),
    Case(
        "a null MX beside another MX",
        "mx-null-alone",
        [null_mx("old.example.com"), record("MX", "old.example.com", "mail.example.com", priority=10)],
        "another MX record beside",
    ),
    Case(
        "what may be a null MX",
        "mx-null-alone",
        [
            null_mx(UNKNOWN),
            null_mx("old.example.com", UNKNOWN),
            record("MX", "example.com", UNKNOWN),
            record(UNKNOWN, "mail.example.com", "."),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
