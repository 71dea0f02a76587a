"""What an earlier provider left in a zone and harms without being in the way."""

from typing import Any

import pytest

from model.existing_records import Record
from model.left_overs import left_overs
from tests.support.examples import settings


def found(name: str, kind: str, content: str, **changes: Any) -> list[str]:
    return list(left_overs(settings(**changes), [Record("id1", name, kind, content)], ["198.51.100.7"]))


@pytest.mark.parametrize(
    ("name", "kind", "content", "text"),
    [
        ("_mta-sts.example.com", "TXT", '"v=STSv1; id=20250101"', "names mx: mail.example.com, senders refuse"),
        ("_mta-sts.example.com", "CNAME", "_mta-sts.other.example", "senders refuse to deliver"),
        ("mta-sts.example.com", "CNAME", "mta-sts.other.example", "policy of an earlier server"),
        ("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1; rua=mailto:x@other.example"', "reports about TLS"),
        ("_25._tcp.mail.example.com", "TLSA", "3 1 1 abcdef", "DANE, RFC 7672"),
        ("autodiscover.example.com", "CNAME", "autodiscover.other.example", "leads mail programs to another server"),
        ("autoconfig.example.com", "A", "198.51.100.9", "leads mail programs to another server"),
        ("_autodiscover._tcp.example.com", "SRV", "0 443 other.example", "leads mail programs to another server"),
        ("example.com", "A", "198.51.100.9", "may send as example.com"),
        ("example.com", "CNAME", "web.other.example", "'domains[0].spfA' false"),
    ],
)
def test_what_harms_is_told_with_a_way_out(name: str, kind: str, content: str, text: str) -> None:
    (sentence,) = found(name, kind, content)
    assert f"{name} {kind} {content}" in sentence
    assert text in sentence


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("_mta-sts.example.com", "TXT", '"something else"'),
        ("autodiscover.example.com", "CNAME", "mail.example.com"),
        ("_25._tcp.other.example.com", "TLSA", "3 1 1 abcdef"),
        ("example.com", "A", "198.51.100.7"),
        ("example.com", "CNAME", "mail.example.com"),
        ("www.example.com", "A", "198.51.100.9"),
        ("example.com", "MX", "mx.other.example"),
    ],
)
def test_what_is_ours_or_somebody_elses_business_is_not_told(name: str, kind: str, content: str) -> None:
    assert found(name, kind, content) == []


def test_a_domain_that_does_not_receive_here_yet_keeps_its_policy_and_one_without_a_names_no_web_host() -> None:
    elsewhere = [{"name": "example.com", "receive": False}]
    assert found("_mta-sts.example.com", "TXT", '"v=STSv1; id=1"', domains=elsewhere) == []
    without = [{"name": "example.com", "spfA": False}]
    assert found("example.com", "A", "198.51.100.9", domains=without) == []
