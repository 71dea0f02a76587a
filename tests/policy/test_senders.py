"""The rules for SPF, DKIM and DMARC."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.records import REVOKED_DKIM, dkim, dmarc, spf, txt
from policy.model import DNS_RECORD, PRIMARY_IP, UNKNOWN, Resource
from tests.support.case import Case, holds, sentence

IPV4, IPV6 = "198.51.100.140", "2001:db8:100:101::1"
QUARANTINE, REJECT = {"minimum": "quarantine"}, {"minimum": "reject"}


def key(bits: int) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def record(name: Any, text: Any, kind: Any = "TXT") -> Resource:
    content = txt(text) if isinstance(text, str) else text
    return Resource(DNS_RECORD, "record", {"type": kind, "name": name, "content": content}, f"{name} {text}")


def policy(terms: str) -> Resource:
    return record("example.com", f"v=spf1 {terms}")


def reports(text: Any) -> Resource:
    return record("_dmarc.example.com", text)


ADDRESSES = [
    Resource(PRIMARY_IP, "ipv4", {"type": "ipv4", "ipAddress": IPV4}, "4"),
    Resource(PRIMARY_IP, "ipv6", {"type": "ipv6", "ipAddress": "2001:db8:100:101::"}, "6"),
]
LATER = [Resource(PRIMARY_IP, "ipv4", {"type": "ipv4", "ipAddress": UNKNOWN}, "4")]
OURS = record("example.com", spf(IPV4, IPV6))
STRONG, WEAK = dkim(key(2048)), dkim(key(1024))
SELECTOR = "s1._domainkey.example.com"

CASES = [
    Case("the program's own policy", "spf-valid", [OURS, policy("mx -all"), record("example.com", "unrelated text")]),
    Case("a neutral end", "spf-valid", [policy("mx ?all")], "ends in ?all"),
    Case("an open end", "spf-valid", [policy("mx +all")], "ends in +all"),
    Case("no end", "spf-valid", [policy("mx")], "ends in mx"),
    Case("nothing at all", "spf-valid", [record("example.com", "v=spf1")], "ends in nothing"),
    *(
        Case(f"the SPF policy {terms}", "spf-valid", [policy(terms)], finds)
        for terms, finds in (
            ("mx all", "ends in all"),
            ("+all ~all", "ends in +all"),
            ("all -all", "ends in all"),
            ("?all -all", "ends in ?all"),
            ("+ALL ~all", "ends in +all"),
            ("~all +all", "goes on after ~all"),
            ("-all -all", "goes on after -all"),
            ("-all mx", "goes on after -all"),
            ("redirect=example.net", "leaves it to another domain"),
            ("mx redirect=example.net ~all", "leaves it to another domain"),
            ("MX REDIRECT=example.net", "leaves it to another domain"),
            ("ip4:0.0.0.0/0 ~all", "ip4:0.0.0.0/0 allows"),
            ("IP4:0.0.0.0/0 ~ALL", "ip4:0.0.0.0/0 allows"),
            ("?ip4:0.0.0.0/0 -all", "ip4:0.0.0.0/0 allows"),
            ("ip4:0.0.0.0/1 mx ~all", "ip4:0.0.0.0/1 allows"),
            ("ip4:198.0.0.0/8 ip4:199.0.0.0/8 ~all", "lets in 198.0.0.0/7"),
            ("?ip4:198.0.0.0/8 +ip4:199.0.0.0/8 ~all", "lets in 198.0.0.0/7"),
            ("ip6:::/0 ~all", "ip6:::/0 allows"),
            ("ip6:2000::/3 ~all", "ip6:2000::/3 allows"),
            ("ip4:198.51.100.1/33 ~all", "ip4:198.51.100.1/33: "),
            ("ip4:2001:db8::1 ~all", "ip4:2001:db8::1 is of the other family"),
            ("ip6:198.51.100.1 ~all", "ip6:198.51.100.1 is of the other family"),
            ("a/0 ~all", "a/0 is no SPF term"),
            ("mx:example.net/8 ~all", "mx:example.net/8 is no SPF term"),
            ("a//0 ~all", "a//0 is no SPF term"),
            ("?mx//16 ~all", "mx//16 is no SPF term"),
            ("exists:%{i}._spf.example.net ~all", "exists:%{i}._spf.example.net can allow any"),
            ("exists:example.net ~all", "exists:example.net can allow any"),
            ("EXISTS:example.net ~all", "exists:example.net can allow any"),
            ("-exists:example.net ~all", "exists:example.net can allow any"),
            ("ptr ~all", "ptr must not be used"),
            ("+ptr:example.net ~all", "ptr:example.net must not be used"),
            ("include:%{i} ~all", "include:%{i} is no SPF term"),
            ("a:%{d} ~all", "a:%{d} is no SPF term"),
            ("include ~all", "include is no SPF term"),
            ("include: ~all", "include: is no SPF term"),
            ("inculde:example.net ~all", "inculde:example.net is no SPF term"),
            ("+-all ~all", "ends in +-all"),
            ("include:example.com ~all", "includes itself"),
            ("?INCLUDE:Example.com ~all", "includes itself"),
        )
    ),
    Case(
        "policies with networks and senders of one's own, and refusals as wide as one likes",
        "spf-valid",
        [
            policy("a mx ip4:198.51.100.0/24 ip6:2001:db8:100::/48 include:_spf.example.net ~all"),
            policy("-ip4:198.0.0.0/8 ~ip4:199.0.0.0/8 mx:mail.example.net ?a:news.example.net -all"),
            policy("mx include:%{ir}.%{v}.%{d}.spf.example.net ~all"),
            policy("A MX -ALL"),
            record("mail.example.com", "v=spf1 -all"),
            record("example.com", "v=spf10 +all"),
        ],
    ),
    Case(
        "ten look-ups, and terms that need none",
        "spf-valid",
        [policy("ip4:198.51.100.1 exp=e.example " + "include:i.example " * 8 + "a mx ~all")],
    ),
    Case(
        "eleven look-ups",
        "spf-valid",
        [policy("include:i.example " * 8 + "a a:b.example ?mx ~all")],
        "11 DNS look-ups",
    ),
    Case("a policy that is not known yet", "spf-valid", [record("example.com", UNKNOWN)]),
    Case("one policy with both addresses", "spf-one-per-domain", [OURS, *ADDRESSES]),
    Case(
        "addresses inside networks",
        "spf-one-per-domain",
        [policy("ip4:198.51.100.128/25 ip6:2001:db8:100:101::/64 ~all"), *ADDRESSES],
    ),
    Case(
        "two policies",
        "spf-one-per-domain",
        [OURS, policy("ip4:198.51.100.0/24 ip6:2001:db8::/32 -all")],
        "2 SPF records",
    ),
    Case(
        "two policies in different cases", "spf-one-per-domain", [OURS, record("example.com", "V=SPF1 -all")], "2 SPF"
    ),
    Case(
        "a text that only looks like a policy",
        "spf-one-per-domain",
        [record("example.com", "v=spf10 -all"), record("example.com", " v=spf1 -all")],
        "no SPF record",
    ),
    Case(
        "an address that is refused before it is let in",
        "spf-one-per-domain",
        [policy(f"-ip4:{IPV4} ip4:{IPV4} ip6:{IPV6} ~all"), *ADDRESSES],
        f"does not name the server's address {IPV4}",
    ),
    Case(
        "an address that is named behind the end",
        "spf-one-per-domain",
        [policy(f"ip4:{IPV4} ~all ip6:{IPV6}"), *ADDRESSES],
        IPV6,
    ),
    Case("no policy", "spf-one-per-domain", [record("example.com", "unrelated text")], "no SPF record"),
    Case(
        "a policy of another domain only",
        "spf-one-per-domain",
        [record("x.example.com", "v=spf1 ~all")],
        "example.com has no SPF record",
    ),
    Case("an address left out", "spf-one-per-domain", [policy(f"a mx ip4:{IPV4} ~all"), *ADDRESSES], IPV6),
    Case(
        "an address that is refused",
        "spf-one-per-domain",
        [policy(f"-ip4:{IPV4} ip6:{IPV6} ~all"), *ADDRESSES],
        f"does not name the server's address {IPV4}",
    ),
    Case("a policy that is not known yet", "spf-one-per-domain", [record("example.com", UNKNOWN), *LATER]),
    Case("a policy whose addresses are not known yet", "spf-one-per-domain", [policy("ip4:192.0.2.1 ~all"), *LATER]),
    Case("a key of 2048 bits", "dkim-strong-key", [record(SELECTOR, STRONG), OURS]),
    Case("a key of 1024 bits", "dkim-strong-key", [record(SELECTOR, WEAK)], "1024 bits"),
    Case("a weak key at a name that is not known yet", "dkim-strong-key", [record(UNKNOWN, WEAK)], "1024 bits"),
    Case("a weak key without a version", "dkim-strong-key", [record(SELECTOR, WEAK.partition("; ")[2])], "1024 bits"),
    Case("a key that is none", "dkim-strong-key", [record(SELECTOR, "v=DKIM1; k=rsa; p=AAAA")], "is no key"),
    Case("a key that is revoked", "dkim-strong-key", [record(SELECTOR, REVOKED_DKIM)]),
    Case("a record without a key", "dkim-strong-key", [record(SELECTOR, "v=DKIM1; k=rsa")], "is no key"),
    Case("another text at the key's name", "dkim-strong-key", [record(SELECTOR, "v=DKIM2; p=x")], "of the form"),
    Case("a key of another kind", "dkim-strong-key", [record(SELECTOR, "v=DKIM1; k=ed25519; p=AAAA")], "of the form"),
    Case(
        "a key beside another one in the same record",
        "dkim-strong-key",
        [record(SELECTOR, f"{STRONG}; p={WEAK.partition('p=')[2]}")],
        "has p more than once",
    ),
    *(
        Case(f"a key with {tag}", "dkim-strong-key", [record(SELECTOR, f"{STRONG}; {tag}")], f"has {tag}")
        for tag in ("t=y", "t=s:y", "h=sha1", "s=other")
    ),
    Case(
        "keys with tags that take nothing away",
        "dkim-strong-key",
        [record(SELECTOR, f"{STRONG}; {tag}") for tag in ("t=s", "h=sha1:sha256", "s=email", "s=*", "n=note")],
    ),
    Case("a key by CNAME", "dkim-strong-key", [record(SELECTOR, "s1.keys.example.net", "CNAME")]),
    Case("a key that is not known yet", "dkim-strong-key", [record(SELECTOR, UNKNOWN)]),
    Case("a key of the domain", "dkim-for-each-domain", [record(SELECTOR, STRONG)]),
    Case(
        "a key of another domain",
        "dkim-for-each-domain",
        [record("s1._domainkey.example.net", STRONG)],
        "example.com has no DKIM record",
    ),
    Case(
        "a revoked key beside the one that signs",
        "dkim-for-each-domain",
        [record(SELECTOR, REVOKED_DKIM), record("s2._domainkey.example.com", STRONG)],
    ),
    Case(
        "a revoked key alone",
        "dkim-for-each-domain",
        [record(SELECTOR, REVOKED_DKIM)],
        "example.com has no DKIM record with a key",
    ),
    Case("a key whose selector is not known yet", "dkim-for-each-domain", [record(UNKNOWN, UNKNOWN)]),
    Case("the program's own policy", "dmarc-strict", [reports(dmarc("reject", ["a@example.com"], [], {"fo": "1"}))]),
    Case(
        "mild policies where nothing is configured",
        "dmarc-strict",
        [
            reports("v=DMARC1; p=none"),
            reports("v=DMARC1; p=Quarantine; sp=none; np=reject; t=y"),
            reports("v = DMARC1;p = none"),
        ],
    ),
    Case(
        "a policy milder than configured",
        "dmarc-strict",
        [reports("v=DMARC1; p=quarantine")],
        "at least reject",
        settings=REJECT,
    ),
    Case(
        "a policy as strict as configured, and a stricter one",
        "dmarc-strict",
        [reports("v=DMARC1; p=quarantine"), reports("v=DMARC1; p=reject")],
        settings=QUARANTINE,
    ),
    Case(
        "a milder policy for sub-domains",
        "dmarc-strict",
        [reports("v=DMARC1; p=reject; sp=none")],
        "sp=none",
        settings=QUARANTINE,
    ),
    Case(
        "no policy that exists for sub-domains", "dmarc-strict", [reports("v=DMARC1; p=reject; sp=strict")], "sp=strict"
    ),
    Case(
        "a milder policy for subdomains that do not exist",
        "dmarc-strict",
        [reports("v=DMARC1; p=reject; np=quarantine")],
        "np=quarantine",
        settings=REJECT,
    ),
    Case(
        "a policy that is only tested",
        "dmarc-strict",
        [reports("v=DMARC1; p=quarantine; t=y")],
        "p=quarantine with t=y; at least quarantine",
        settings=QUARANTINE,
    ),
    Case(
        "the strictest policy that is only tested",
        "dmarc-strict",
        [reports("v=DMARC1; p=reject; t=Y"), reports("v=DMARC1; p=quarantine; t=n")],
        settings=QUARANTINE,
    ),
    Case("a policy that is tested perhaps", "dmarc-strict", [reports("v=DMARC1; p=reject; t=yes")], "t=yes"),
    *(
        Case(f"the DMARC policy {text}", "dmarc-strict", [reports(text)], finds)
        for text, finds in (
            ("v=DMARC1; p=none; p=reject", "has p more than once"),
            ("v=DMARC1; p=reject; p=none", "has p more than once"),
            ("v=DMARC1; p=reject; P=none", "has p more than once"),
            ("v=DMARC1; p=reject; sp=reject; sp=none", "has sp more than once"),
            ("v=DMARC1; p=reject; v=DMARC1", "has v more than once"),
            ("v=DMARC1; p=reject; pct=100", "has pct, which RFC 9989 does not know"),
            ("v=DMARC1; p=reject; ri=3600; rf=afrf", "has rf, ri, which"),
            ("v=DMARC1; p=reject; polizy=none", "has polizy, which"),
            ("v=dmarc1; p=reject", "no DMARC policy"),
            ("v=DMARC1; p=", "no DMARC policy"),
            ("v=DMARC1; p", "no DMARC policy"),
            ("", "no DMARC policy"),
        )
    ),
    Case("another record's text", "dmarc-strict", [OURS]),
    Case("a policy without its version", "dmarc-strict", [reports("p=reject; v=DMARC1")], "no DMARC policy"),
    Case("no policy at all", "dmarc-strict", [reports("v=DMARC1; rua=mailto:a@example.com")], "no DMARC policy"),
    Case("a policy that is not known yet", "dmarc-strict", [reports(UNKNOWN)]),
    Case("one policy", "dmarc-one-per-domain", [reports("v=DMARC1; p=reject")]),
    Case(
        "two policies",
        "dmarc-one-per-domain",
        [reports("v=DMARC1; p=reject"), reports("v=DMARC1; p=none")],
        "2 DMARC records",
    ),
    Case(
        "two policies, one of them with blanks",
        "dmarc-one-per-domain",
        [reports("v=DMARC1; p=reject"), reports(" v = DMARC1 ; p=none")],
        "2 DMARC records",
    ),
    Case("no policy", "dmarc-one-per-domain", [reports("unrelated text")], "no DMARC record"),
    Case("a policy that is not known yet", "dmarc-one-per-domain", [reports(UNKNOWN)]),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
