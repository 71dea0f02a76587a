"""How the sandbox's Cloudflare stores names, TXT content and records: the forms a program must send to see no drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.zone
import pytest

from offline.sandbox.internet.cloudflare import txt
from offline.sandbox.internet.cloudflare.names import record_name
from offline.sandbox.internet.cloudflare.problems import ApiError
from offline.sandbox.internet.cloudflare.records import Record, read_record
from offline.sandbox.internet.cloudflare.zonefile import zone_file
from offline.sandbox.internet.cloudflare.zones import conflict

ZONE = "club.example"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678900, UTC)


def read(previous: Record | None = None, **body: Any) -> Record:
    """Read a record for club.example from a request's body."""
    return read_record(body, ZONE, NOW, previous)


def codes(error: ApiError) -> list[int]:
    """The numbers of all problems, chained or not."""
    return [problem.code for problem in error.problems]


@pytest.mark.parametrize(
    ("sent", "stored", "why"),
    [
        ("@", "club.example", "@ is the apex"),
        ("club.example", "club.example", "the zone's name is the apex too"),
        ("mail", "mail.club.example", "a short name is relative"),
        ("mail.club.example", "mail.club.example", "an absolute name stays"),
        ("Mail.Club.Example.", "mail.club.example", "lower case, no trailing dot"),
        ("_dmarc", "_dmarc.club.example", "underscore labels are names (RFC 8552)"),
        ("s1._domainkey", "s1._domainkey.club.example", "DKIM selectors too"),
        ("_imaps._tcp", "_imaps._tcp.club.example", "and service labels"),
        ("*", "*.club.example", "a wildcard below the apex"),
        ("*.mail", "*.mail.club.example", "a wildcard below a name"),
        ("www.other.example", "www.other.example.club.example", "a name elsewhere is taken as relative"),
        ("bücher", "xn--bcher-kva.club.example", "Punycode for the rest"),
    ],
)
def test_a_name_is_stored_absolute_and_lower_case(sent: str, stored: str, why: str) -> None:
    """Names come back as lower-case names of the zone, whatever form was sent."""
    assert record_name(sent, ZONE) == stored, why


@pytest.mark.parametrize("sent", ["", "a b", "a..b", "-a", "a-", "x" * 64, "a.*.b", "*a", "a/b", ".".join("x" * 130)])
def test_what_is_no_name_is_refused(sent: str) -> None:
    """A name that cannot be one is error 9000."""
    with pytest.raises(ApiError) as refusal:
        read(type="A", name=sent, content="198.51.100.7")
    assert codes(refusal.value) == [9000]


@pytest.mark.parametrize("length", [0, 1, 254, 255])
def test_one_quoted_string_up_to_255_bytes_comes_back_as_sent(length: int) -> None:
    """Nothing is split that fits one character string (RFC 1035 section 3.3)."""
    content = f'"{"k" * length}"'
    assert txt.stored(content) == content


@pytest.mark.parametrize(("length", "chunks"), [(256, [255, 1]), (510, [255, 255]), (511, [255, 255, 1])])
def test_a_longer_quoted_string_comes_back_in_chunks(length: int, chunks: list[int]) -> None:
    """One long quoted string comes back as another text, which a client sees as drift."""
    expected = " ".join(f'"{"k" * size}"' for size in chunks)
    assert txt.stored(f'"{"k" * length}"') == expected
    assert txt.stored(expected) == expected, "the chunked form is stable"


def test_short_strings_in_a_row_keep_their_borders() -> None:
    """A row of short strings is not joined, only its spacing is made even."""
    assert txt.stored('"v=DKIM1; "  "p=abc"') == '"v=DKIM1; " "p=abc"'
    assert txt.strings('"v=DKIM1; ""p=abc"') == [b"v=DKIM1; ", b"p=abc"]


def test_unquoted_content_is_kept_as_sent_and_split_only_on_the_wire() -> None:
    """The API accepts content without quotation marks, whatever its length, and shows it unchanged."""
    content = "v=spf1 mx -all " + "x" * 300
    assert txt.stored(content) == content
    assert [len(part) for part in txt.strings(content)] == [255, 60]
    assert b"".join(txt.strings(content)).decode() == content


def test_escapes_stand_for_single_bytes() -> None:
    r"""\" \\ and \DDD are one byte each, also when the length is counted, and come back in one form."""
    assert txt.strings(r'"a\"b\\c\255"') == [b'a"b\\c\xff']
    assert txt.stored(r'"\097\"é"') == r'"a\"\195\169"'
    assert [len(part) for part in txt.strings('"' + r"\"" * 256 + '"')] == [255, 1]


@pytest.mark.parametrize("content", ['"open', '"a" b', '"a" "b', r'"a\"', r'"\256"'])
def test_broken_quoting_is_refused(content: str) -> None:
    """Content that begins as a quoted row must be one to its end."""
    with pytest.raises(ApiError) as refusal:
        read(type="TXT", name="@", content=content)
    assert codes(refusal.value) == [9051]


@pytest.mark.parametrize(
    ("kind", "extra", "stored"),
    [
        ("A", {"content": "198.51.100.7"}, "198.51.100.7"),
        ("AAAA", {"content": "2001:DB8:100:0:0:0:0:7"}, "2001:db8:100::7"),
        ("CNAME", {"content": "Mail.Club.Example."}, "mail.club.example"),
        ("MX", {"content": "Mail.Club.Example.", "priority": 10.0}, "mail.club.example"),
        ("MX", {"content": ".", "priority": 0}, "."),
        ("SRV", {"data": {"priority": 0, "weight": 1, "port": 993, "target": "Mail.club.example."}},
         "1 993 mail.club.example"),
        ("SRV", {"data": {"priority": 0, "weight": 0, "port": 0, "target": "."}}, "0 0 ."),
        ("CAA", {"data": {"flags": 0, "tag": "issue", "value": "letsencrypt.org"}}, '0 issue "letsencrypt.org"'),
        ("TLSA", {"data": {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "AB12"}}, "3 1 1 ab12"),
    ],
)  # fmt: skip
def test_content_comes_back_in_its_one_form(kind: str, extra: dict[str, Any], stored: str) -> None:
    """Addresses are compressed, host names absolute and lower case, SRV and CAA made from their data."""
    assert read(type=kind, name="_imaps._tcp", **extra).content.text == stored


@pytest.mark.parametrize(
    ("kind", "extra", "expected"),
    [
        ("A", {"content": "mail.club.example"}, [9005]),
        ("A", {"content": "2001:db8:100::7"}, [9005]),
        ("AAAA", {"content": "198.51.100.7"}, [9006]),
        ("CNAME", {"content": "198.51.100.7"}, [9007]),
        ("CNAME", {"content": "www.club.example"}, [9039]),
        ("MX", {"content": "mail.club.example"}, [9100]),
        ("MX", {"content": "198.51.100.7", "priority": 10}, [9009]),
        ("MX", {"content": "10 mail.club.example", "priority": 10}, [9009]),
        ("MX", {"data": {"priority": 10, "content": "mail.club.example"}}, [9100, 9009]),
        ("MX", {"content": "mail.club.example", "priority": 65536}, [9008]),
        ("TXT", {"content": ""}, [9100]),
        ("SRV", {"content": "0 1 993 mail.club.example"}, [9101, 9101, 9101, 9101, 9150]),
        ("CAA", {"content": '0 issue "letsencrypt.org"'}, [9101, 9101, 9101]),
        ("TLSA", {"data": {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "xyz"}}, [9060]),
        ("SPF", {"content": "v=spf1 -all"}, [9002]),
        ("A", {"content": "198.51.100.7", "ttl": 59}, [9021]),
        ("A", {"content": "198.51.100.7", "ttl": 86401}, [9021]),
        ("A", {"content": "198.51.100.7", "ttl": "300"}, [9022]),
        ("A", {"content": "198.51.100.7", "comment": "x" * 101}, [9313]),
        ("A", {"content": "198.51.100.7", "tags": ["team:mail"]}, [9300]),
        ("CNAME", {"content": "mail.club.example", "settings": {"flatten_cname": True}}, [9999]),
        ("A", {"content": "10.0.0.1", "proxied": True}, [9003]),
        ("TXT", {"content": '"x"', "proxied": True}, [9004]),
        ("A", {"content": "x", "ttl": 2, "comment": "x" * 101}, [9005, 9021, 9313]),
    ],
)  # fmt: skip
def test_each_fault_of_a_record_has_its_number(kind: str, extra: dict[str, Any], expected: list[int]) -> None:
    """All that is wrong is said at once, under the real API's numbers."""
    with pytest.raises(ApiError) as refusal:
        read(type=kind, name="www", **extra)
    assert codes(refusal.value) == expected
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("sent", "proxied", "stored"),
    [(None, False, 1), (1, False, 1), (60, False, 60), (300.0, False, 300), (86400, False, 86400), (300, True, 1)],
)
def test_the_time_to_live_is_automatic_when_proxied_or_not_given(
    sent: float | None, proxied: bool, stored: int
) -> None:
    """1 means automatic, and a proxied record has no other."""
    assert read(type="A", name="www", content="198.51.100.7", ttl=sent, proxied=proxied).ttl == stored


def test_a_record_is_shown_with_the_fields_the_real_api_shows() -> None:
    """Field for field what the real API answers for an MX record."""
    shown = read(type="MX", name="@", content="mail.club.example", priority=10, ttl=300, comment="by hand").shown()
    assert shown.pop("id").isalnum()
    assert shown == {
        "name": "club.example",
        "type": "MX",
        "content": "mail.club.example",
        "priority": 10,
        "proxiable": False,
        "proxied": False,
        "ttl": 300,
        "settings": {},
        "meta": {},
        "comment": "by hand",
        "tags": [],
        "created_on": "2026-01-02T03:04:05.678900Z",
        "modified_on": "2026-01-02T03:04:05.678900Z",
        "comment_modified_on": "2026-01-02T03:04:05.678900Z",
    }
    assert read(type="CNAME", name="www", content="mail.club.example").shown()["settings"] == {"flatten_cname": False}


def test_an_overwritten_record_keeps_its_identifier_and_its_birthday() -> None:
    """Only the time of the change moves, and that of the comment only with the comment."""
    first = read(type="A", name="www", content="198.51.100.7", comment="one")
    later = NOW + timedelta(hours=1)
    body = {"type": "A", "name": "www", "content": "198.51.100.8", "comment": "one"}
    second = read_record(body, ZONE, later, first)
    assert (second.id, second.created_on, second.modified_on) == (first.id, NOW, later)
    assert second.comment_modified_on == NOW
    assert read_record(body | {"comment": "two"}, ZONE, later, first).comment_modified_on == later
    assert read_record(body | {"comment": ""}, ZONE, later, first).comment_modified_on is None


A = {"type": "A", "name": "www", "content": "198.51.100.7"}
CNAME = {"type": "CNAME", "name": "www", "content": "mail.club.example"}
MX = {"type": "MX", "name": "www", "content": "mail.club.example", "priority": 10}
NS = {"type": "NS", "name": "www", "content": "ns1.sandbox.example"}
TXT = {"type": "TXT", "name": "www", "content": '"v=spf1 -all"'}


@pytest.mark.parametrize(
    ("there", "new", "expected"),
    [
        (A, A, 81058),
        (TXT, TXT | {"content": "v=spf1 -all"}, 81058),
        (MX, MX, 81058),
        (A, CNAME, 81053),
        (CNAME, CNAME | {"content": "other.example"}, 81053),
        (CNAME, A, 81054),
        (CNAME, TXT, 81054),
        (NS, A, 81056),
        (A, A | {"content": "198.51.100.8"}, None),
        (A, A | {"name": "ftp"}, None),
        (MX, MX | {"priority": 20}, None),
        (TXT, TXT | {"content": '"v=spf1 mx -all"'}, None),
        (A, MX, None),
        (CNAME, A | {"name": "x.www"}, None),
        (NS, CNAME, 81056),
        (NS, A | {"name": "x.www"}, 81056),
        (NS | {"content": "ns.www.club.example"}, A | {"name": "ns.www"}, None),  # the name server's own address
        (NS, TXT, None),
        (NS | {"name": "@"}, A | {"name": "@"}, None),
        (A, NS, 81053),
        (CNAME | {"name": "@"}, MX | {"name": "@"}, None),
        (CNAME | {"name": "@"}, TXT | {"name": "@"}, None),
        (TXT | {"name": "@"}, CNAME | {"name": "@"}, None),
        (CNAME | {"name": "@"}, A | {"name": "@"}, 81054),
        (A | {"name": "@"}, CNAME | {"name": "@"}, 81053),
    ],
)
def test_which_records_may_stand_beside_each_other(
    there: dict[str, Any], new: dict[str, Any], expected: int | None
) -> None:
    """A CNAME stands alone, but for the zone's own name, where it is flattened; a delegation takes no addresses."""
    problem = conflict([read(**there)], read(**new), ZONE)
    assert (problem.code if problem else None) == expected


def answers(*bodies: dict[str, Any], elsewhere: Sequence[tuple[str, str]] = ()) -> dict[str, list[str]]:
    """What a name server answers from these records: right sides by "name type", each with its time to live first."""
    text = zone_file(ZONE, [read(**body) for body in bodies], 7, elsewhere)
    parsed = dns.zone.from_text(text, origin=ZONE, relativize=False)
    return {
        f"{name} {dns.rdatatype.to_text(rdataset.rdtype)}": sorted(f"{rdataset.ttl} {rdata}" for rdata in rdataset)
        for name, rdataset in parsed.iterate_rdatasets()
    }


def test_the_wire_carries_what_the_api_holds() -> None:
    """Host names become absolute, TXT strings fit 255 bytes, and the zone has its SOA and NS."""
    served = answers(
        {"type": "MX", "name": "@", "content": "mail.club.example", "priority": 10, "ttl": 600},
        {"type": "MX", "name": "nomail", "content": ".", "priority": 0},
        {"type": "CNAME", "name": "autoconfig", "content": "mail.club.example"},
        {"type": "TXT", "name": "plain", "content": 'say "hi" \\ ' + "x" * 300},
        {"type": "SRV", "name": "_imaps._tcp",
         "data": {"priority": 5, "weight": 1, "port": 993, "target": "mail.club.example"}},
        {"type": "CAA", "name": "@", "data": {"flags": 0, "tag": "issue", "value": "letsencrypt.org"}},
        {"type": "TLSA", "name": "_25._tcp.mail",
         "data": {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "ab12" * 16}},
        {"type": "A", "name": "*.wild", "content": "198.51.100.7"},
    )  # fmt: skip
    assert served == {
        "club.example. SOA": ["300 ns1.sandbox.example. hostmaster.sandbox.example. 7 10000 2400 604800 1800"],
        "club.example. NS": ["300 ns1.sandbox.example."],
        "club.example. MX": ["600 10 mail.club.example."],
        "club.example. CAA": ['300 0 issue "letsencrypt.org"'],
        "nomail.club.example. MX": ["300 0 ."],
        "autoconfig.club.example. CNAME": ["300 mail.club.example."],
        "plain.club.example. TXT": ['300 "say \\"hi\\" \\\\ ' + "x" * 244 + '" "' + "x" * 56 + '"'],
        "_imaps._tcp.club.example. SRV": ["300 5 1 993 mail.club.example."],
        "_25._tcp.mail.club.example. TLSA": ["300 3 1 1 " + "ab12" * 16],
        "*.wild.club.example. A": ["300 198.51.100.7"],
    }


def test_a_cname_of_the_zone_itself_is_served_as_the_addresses_of_its_target() -> None:
    """Within the zone, over another CNAME too; of a name elsewhere as that zone has them."""
    apex = {"type": "CNAME", "name": "@", "content": "web.club.example"}
    mail = {"type": "MX", "name": "@", "content": "mail.club.example", "priority": 10}
    served = answers(
        apex,
        mail,
        {"type": "CNAME", "name": "web", "content": "host.club.example"},
        {"type": "A", "name": "host", "content": "198.51.100.7"},
        {"type": "AAAA", "name": "host", "content": "2001:db8:100::7"},
    )
    assert served["club.example. A"] == ["300 198.51.100.7"]
    assert served["club.example. AAAA"] == ["300 2001:db8:100::7"]
    assert served["club.example. MX"] == ["300 10 mail.club.example."]
    assert "club.example. CNAME" not in served
    served = answers(apex | {"content": "host.other.example"}, mail, elsewhere=[("A", "198.51.100.8")])
    assert served["club.example. A"] == ["300 198.51.100.8"]
    assert "club.example. CNAME" not in answers(apex | {"content": "nobody.example"}, mail)


def test_a_proxied_name_leads_to_the_edge_not_to_the_origin() -> None:
    """One proxied record hides all addresses of its name behind one that takes no mail, on both families."""
    served = answers(
        {"type": "A", "name": "mail", "content": "198.51.100.7", "proxied": True},
        {"type": "AAAA", "name": "mail", "content": "2001:db8:100::7", "ttl": 60},
    )
    assert served["mail.club.example. A"] == ["300 198.51.100.60"]
    assert served["mail.club.example. AAAA"] == ["300 2001:db8:100::60"]


def test_records_of_one_name_and_type_share_the_shortest_time_to_live() -> None:
    """One RRset has one time to live (RFC 2181 section 5.2)."""
    served = answers(
        {"type": "A", "name": "www", "content": "198.51.100.7", "ttl": 600},
        {"type": "A", "name": "www", "content": "198.51.100.8", "ttl": 120},
    )
    assert served["www.club.example. A"] == ["120 198.51.100.7", "120 198.51.100.8"]
