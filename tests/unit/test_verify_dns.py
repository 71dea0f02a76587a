"""Each check of names goes red on its fault and is green without it."""

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.records import dkim, spf
from tests.unit.verify_world import DOMAIN, HOST, IPV4, IPV6, Records
from verify import domain_names, host_names, reputation, reverse_dns
from verify.dkim_record import dkim_record
from verify.dmarc_policy import PolicyError, dmarc_policy, parse, report_addresses
from verify.names import Answer
from verify.result import Finding, Status
from verify.spf_policy import spf_lookups, spf_policy
from verify.stack import Domain

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN
SENDERS = [IPV4, IPV6]
POLICY = spf(IPV4, IPV6)
BASE = {
    (HOST, "A"): [IPV4],
    (HOST, "AAAA"): [IPV6],
    (DOMAIN, "MX"): [f"10 {HOST}"],
    (DOMAIN, "TXT"): [POLICY],
}


def public_key(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


KEY, OTHER_KEY, SHORT_KEY = public_key(2048), public_key(2048), public_key(1024)


@pytest.mark.parametrize(
    ("found", "expected", "status"),
    [
        ([IPV4], IPV4, OK),
        ([], IPV4, FAIL),
        (["198.51.100.9"], IPV4, FAIL),
        ([IPV4, "198.51.100.9"], IPV4, FAIL),  # a second address takes part of the mail
        ([], None, OK),
        ([IPV4], None, FAIL),  # an address of a family that the server does not serve
    ],
)
def test_address_record_is_exactly_the_servers(found: list[str], expected: str | None, status: Status) -> None:
    names = Records({(HOST, "A"): found})
    assert asyncio.run(host_names.addresses(names, HOST, "A", expected)).status is status


def test_mail_host_must_not_be_an_alias() -> None:
    assert asyncio.run(host_names.alias(Records({}), HOST)).status is OK
    names = Records({(HOST, "CNAME"): ["server.example.com"]})
    assert asyncio.run(host_names.alias(names, HOST)).status is FAIL


def test_proxied_mail_host_is_recognised_by_cloudflares_addresses() -> None:
    assert asyncio.run(host_names.proxied(Records(BASE), HOST)).status is OK
    names = Records(BASE | {(HOST, "AAAA"): ["2606:4700::6810:84e5"]})
    assert asyncio.run(host_names.proxied(names, HOST)).status is FAIL


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ({}, OK),
        ({(DOMAIN, "CAA"): ['0 issue "letsencrypt.org"']}, OK),
        ({(DOMAIN, "CAA"): ['0 issue "letsencrypt.org; validationmethods=http-01"']}, OK),
        ({(DOMAIN, "CAA"): ['0 issue "other.example"']}, FAIL),
        ({(DOMAIN, "CAA"): ['0 issue ";"']}, FAIL),
        ({(DOMAIN, "CAA"): ['0 iodef "mailto:a@example.com"']}, OK),  # RFC 8659, section 4.1: no issue tag, no limit
        # The closest set counts, not the parent's.
        ({(HOST, "CAA"): ['0 issue "letsencrypt.org"'], (DOMAIN, "CAA"): ['0 issue "other.example"']}, OK),
    ],
)
def test_caa_permits_the_issuer(records: dict[tuple[str, str], list[str]], status: Status) -> None:
    assert asyncio.run(host_names.caa(Records(records), HOST)).status is status


def test_unsigned_zone_is_noted_but_no_failure() -> None:
    assert asyncio.run(host_names.dnssec(Records(BASE), HOST)).status is WARN
    assert asyncio.run(host_names.dnssec(Records(BASE, signed=True), HOST)).status is OK


@pytest.mark.parametrize(
    ("found", "status"),
    [([f"10 {HOST}"], OK), ([], FAIL), (["10 other.example"], FAIL), ([f"10 {HOST}", "20 old.example"], FAIL)],
)
def test_mx_is_the_mail_host_alone(found: list[str], status: Status) -> None:
    assert asyncio.run(domain_names.mx(Records({(DOMAIN, "MX"): found}), DOMAIN, HOST)).status is status


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([POLICY], OK),
        ([POLICY, "google-site-verification=x"], OK),
        ([], FAIL),
        ([POLICY, "v=spf1 -all"], FAIL),
        ([POLICY, POLICY.replace("~", "-")], FAIL),  # two are an error, though both pass (RFC 7208, section 4.5)
        ([f"v=spf1 ip4:{IPV4} -all"], FAIL),  # IPv6 left out
        (["v=spf1 ip4:198.51.100.9 -all"], FAIL),
        (["v=spf1 ipv4:198.51.100.130 -all"], FAIL),  # a typing mistake is a permanent error
    ],
)
def test_spf_has_one_policy_that_passes_both_addresses(texts: list[str], status: Status) -> None:
    names = Records(BASE | {(DOMAIN, "TXT"): texts})
    assert asyncio.run(spf_policy(names, DOMAIN, HOST, SENDERS)).status is status


def test_spf_that_cannot_be_looked_up_is_unknown_not_wrong() -> None:
    names = Records(BASE | {(DOMAIN, "TXT"): ["v=spf1 include:broken.example -all"]})
    names.broken.add("broken.example")
    assert asyncio.run(spf_policy(names, DOMAIN, HOST, SENDERS)).status is UNKNOWN


def test_spf_look_ups_are_counted_to_ten() -> None:
    records = BASE | {(f"h{number}.{DOMAIN}", "A"): ["198.51.100.9"] for number in range(11)}
    many = "v=spf1 " + " ".join(f"a:h{number}.{DOMAIN}" for number in range(11)) + " -all"
    finding = asyncio.run(spf_lookups(Records(records), DOMAIN, HOST, SENDERS))
    assert (finding.status, finding.found) == (OK, "2")
    finding = asyncio.run(spf_lookups(Records(records | {(DOMAIN, "TXT"): [many]}), DOMAIN, HOST, SENDERS))
    assert finding.status is FAIL


@pytest.mark.parametrize(
    ("texts", "expected", "status"),
    [
        ([dkim(KEY)], KEY, OK),
        ([f"k=rsa; p={KEY}"], KEY, OK),  # v is optional (RFC 6376, section 3.6.1)
        ([], KEY, FAIL),
        ([dkim(KEY), dkim(OTHER_KEY)], KEY, FAIL),
        ([dkim(KEY), "v=DKIM1; k=rsa; p=zzzz"], KEY, FAIL),  # receivers may take either (RFC 6376, section 3.6.2.2)
        ([dkim(OTHER_KEY)], KEY, FAIL),
        ([dkim(KEY[:-40])], KEY, FAIL),  # cut off at a character-string's end
        (["v=DKIM1; k=rsa; p="], KEY, FAIL),  # revoked
        ([dkim(SHORT_KEY)], SHORT_KEY, WARN),
    ],
)
def test_dkim_record_is_the_published_key(texts: list[str], expected: str, status: Status) -> None:
    name = f"s1._domainkey.{DOMAIN}"
    assert asyncio.run(dkim_record(Records({(name, "TXT"): texts}), name, dkim(expected))).status is status


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        (["v=DMARC1; p=reject; rua=mailto:a@example.com"], OK),
        (["v=DMARC1; p=none"], WARN),
        ([], FAIL),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], FAIL),
        (["v=DMARC1; p=rejct"], FAIL),
        (["v=DMARC1; rua=mailto:a@example.com"], FAIL),
        (["v=DMARC1; p=reject; pct=200"], FAIL),
        (["p=reject; v=DMARC1"], FAIL),
    ],
)
def test_dmarc_has_one_policy_that_parses(texts: list[str], status: Status) -> None:
    names = Records({(f"_dmarc.{DOMAIN}", "TXT"): texts})
    assert asyncio.run(dmarc_policy(names, DOMAIN)).status is status


def test_dmarc_tags_may_not_stand_twice() -> None:
    with pytest.raises(PolicyError, match="twice"):
        parse("v=DMARC1; p=none; p=reject")


@pytest.mark.parametrize(
    ("address", "records", "status"),
    [
        (f"a@{DOMAIN}", {}, OK),
        (f"nobody@{DOMAIN}", {}, FAIL),  # our own server has no such mailbox
        ("a@other.example", {("other.example", "MX"): ["10 mx.other.example"]}, FAIL),  # has not agreed
        (
            "a@other.example!10m",
            {
                ("other.example", "MX"): ["10 mx.other.example"],
                (f"{DOMAIN}._report._dmarc.other.example", "TXT"): ["v=DMARC1"],
            },
            OK,
        ),
        ("a@nowhere.example", {}, FAIL),  # takes no mail
    ],
)
def test_reports_go_only_where_they_are_welcome(
    address: str, records: dict[tuple[str, str], list[str]], status: Status
) -> None:
    policy = {(f"_dmarc.{DOMAIN}", "TXT"): [f"v=DMARC1; p=reject; rua=mailto:{address}"]}
    names = Records(BASE | policy | records)

    async def refused(recipient: str) -> bool:
        return recipient == f"nobody@{DOMAIN}"

    assert asyncio.run(report_addresses(names, DOMAIN, HOST, refused)).status is status


def test_wildcard_answers_for_a_name_that_nobody_made() -> None:
    class Wildcard(Records):
        async def authoritative(self, name: str, kind: str) -> Answer:
            return await super().authoritative("*" if name.startswith("wildcard-") else name, kind)

    assert asyncio.run(domain_names.wildcard(Wildcard({}), DOMAIN)).status is OK
    assert asyncio.run(domain_names.wildcard(Wildcard({("*", "MX"): ["10 x"]}), DOMAIN)).status is WARN


def test_old_answer_of_a_resolver_is_told_apart_from_the_zones() -> None:
    names = Records(BASE)
    domain = Domain(DOMAIN, f"s1._domainkey.{DOMAIN}", "")
    assert asyncio.run(domain_names.public(names, domain)).status is OK
    names.seen[(DOMAIN, "MX")] = ["10 old.example"]
    finding = asyncio.run(domain_names.public(names, domain))
    assert (finding.status, "example.com MX" in finding.found) == (WARN, True)
    assert asyncio.run(domain_names.mx(names, DOMAIN, HOST)).status is OK


def test_reverse_name_is_the_mail_host_and_leads_back() -> None:
    name = "130.100.51.198.in-addr.arpa"
    good = Records(BASE | {(name, "PTR"): [HOST]})
    assert asyncio.run(reverse_dns.ptr(good, IPV4, HOST)).status is OK
    assert asyncio.run(reverse_dns.confirmed(good, IPV4)).status is OK
    generic = Records(BASE | {(name, "PTR"): ["static.130.clients.example"]})
    assert asyncio.run(reverse_dns.ptr(generic, IPV4, HOST)).status is FAIL
    assert asyncio.run(reverse_dns.confirmed(generic, IPV4)).status is FAIL
    assert asyncio.run(reverse_dns.ptr(Records(BASE), IPV4, HOST)).status is FAIL


def listing(*codes: str) -> Finding:
    names = Records({("130.100.51.198.zen.spamhaus.org", "A"): list(codes)})
    return asyncio.run(reputation.listed(names, IPV4, reputation.LISTS[0]))


def test_listing_is_told_apart_from_a_refusal_to_answer() -> None:
    assert listing().status is OK
    assert listing("127.0.0.2").status is FAIL
    assert listing("127.255.255.254").status is UNKNOWN  # public resolver
    assert listing("198.51.100.99").status is UNKNOWN  # a lapsed list's parking page


def test_block_list_that_does_not_answer_is_unknown() -> None:
    names = Records({})
    names.broken.add("130.100.51.198.zen.spamhaus.org")
    assert asyncio.run(reputation.listed(names, IPV4, reputation.LISTS[0])).status is UNKNOWN


def test_ipv6_addresses_are_asked_for_in_nibbles() -> None:
    nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.1.0.8.b.d.0.1.0.0.2"
    assert reputation.query_name(IPV6, "zen.spamhaus.org") == f"{nibbles}.zen.spamhaus.org"
