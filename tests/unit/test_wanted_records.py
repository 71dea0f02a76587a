"""The records that settings ask for."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from model.settings import Dmarc
from model.wanted_records import wanted_records
from tests.support.examples import settings


def wanted(**changes: Any) -> dict[str, tuple[str, str, str | None]]:
    return {want.resource: (want.name, want.type, want.content) for want in wanted_records(settings(**changes))}


def test_a_domain_that_receives_elsewhere_has_no_mx_and_tells_senders_and_programs_nothing() -> None:
    told = {"mtaSts": "testing", "clientSetup": True}
    there = wanted(domains=[{"name": "example.com"}], **told).keys()
    gone = there - wanted(domains=[{"name": "example.com", "receive": False}], **told).keys()
    labels = ("mta-sts", "autoconfig", "autodiscover")
    assert gone == {
        *("example.com-mx", "example.com-tls-reports", "example.com-mta-sts"),
        *(f"example.com-{name}" for name in (*client_services(), "sieve")),
        *(f"{label}.example.com{part}" for label in labels for part in ("", "-mx", "-spf")),
    }


def client_services() -> tuple[str, ...]:
    return ("imap", "imaps", "pop3", "pop3s", "submission", "submissions")


def test_programs_are_told_which_services_there_are_and_which_there_are_not() -> None:
    found = {
        want.name.removesuffix("._tcp.example.com"): (want.priority, want.data)
        for want in wanted_records(settings(optionalPorts=[143]))
        if want.kind == "SRV"
    }
    host = "mail.example.com"
    nowhere = {"priority": 0, "weight": 0, "port": 0, "target": "."}
    assert found == {
        "_imaps": (0, {"priority": 0, "weight": 1, "port": 993, "target": host}),
        "_submissions": (0, {"priority": 0, "weight": 1, "port": 465, "target": host}),
        "_submission": (10, {"priority": 10, "weight": 1, "port": 587, "target": host}),
        "_imap": (10, {"priority": 10, "weight": 1, "port": 143, "target": host}),
        "_pop3s": (0, nowhere),
        "_pop3": (0, nowhere),
    }


def test_a_domain_that_forwards_all_its_mail_has_no_mailboxes_to_be_found() -> None:
    domains = [{"name": "example.com"}, {"name": "example.org", "forwardTo": "example.com"}]
    found = wanted(domains=domains, clientSetup=True, mtaSts="testing")
    assert "example.com-imaps" in found
    assert "mta-sts.example.org" in found
    assert not {"example.org-imaps", "autoconfig.example.org"} & found.keys()


def test_the_mail_host_sends_by_its_own_addresses_and_a_former_one_neither_sends_nor_gets_mail() -> None:
    found = wanted(formerMailHosts=["old.example.com"])
    assert found["mail.example.com-spf"] == ("mail.example.com", "TXT", "v=spf1 a -all")
    assert found["old.example.com-spf"] == ("old.example.com", "TXT", "v=spf1 -all")
    assert found["old.example.com-mx"] == ("old.example.com", "MX", ".")
    assert "mail.example.com-mx" not in found


def test_a_mail_host_that_is_a_mail_domain_has_that_ones_records_only_and_no_caa_for_the_whole_zone() -> None:
    found = wanted(mailHost="example.com", domains=[{"name": "example.com"}])
    assert sorted(name for name in found if name.endswith(("-spf", "-mx", "-caa"))) == [
        "example.com-mx", "example.com-spf",
    ]  # fmt: skip


def test_no_caa_record_stands_above_a_host_whose_certificate_is_cloudflares() -> None:
    config: dict[str, Any] = {"mailHost": "shop.example.com", "adminAddress": "admin@shop.example.com"}
    config |= {"domains": [{"name": "shop.example.com", "zone": "example.com"}]}
    assert "shop.example.com-caa" in wanted(**config)
    assert "shop.example.com-caa" not in wanted(**config, clientSetup=True)


def test_a_caa_record_stands_at_each_name_of_the_certificate_where_the_authority_is_known() -> None:
    names = {"mail.example.com-caa", "old.example.com-caa"}
    other = {"acmeServer": "https://acme.example.net/directory"}
    for config, expected in (
        ({}, names),
        ({"certificate": "staging"}, names),
        (other, set()),
        (other | {"acmeIssuer": "example.net"}, names),
        ({"certificate": "none, so"}, set()),
    ):
        found = wanted(formerMailHosts=["old.example.com"], **config)
        assert {name for name in found if name.endswith("-caa")} == expected, config


def test_the_keys_are_told_only_where_they_can_be_validated() -> None:
    keys = {"mail.example.com-tlsa-0", "mail.example.com-tlsa-1"}
    for validated, config, expected in (
        ((), {}, set()),
        (("example.com",), {}, keys),
        (("example.org",), {}, set()),
        (("example.com",), {"certificate": "none, so"}, set()),
        (
            ("example.com",),
            {"formerMailHosts": ["old.example.com"]},
            keys | {"old.example.com-tlsa-0", "old.example.com-tlsa-1"},
        ),
    ):
        found = {want.resource for want in wanted_records(settings(**config), validated=validated)}
        assert {name for name in found if "-tlsa-" in name} == expected, (validated, config)


def test_reports_about_encryption_go_to_the_administrator_unless_told_otherwise() -> None:
    place = ("_smtp._tls.example.com", "TXT")
    assert wanted()["example.com-tls-reports"] == (*place, "v=TLSRPTv1; rua=mailto:admin@example.com")
    told = wanted(tlsReports=["a@example.com", "b@example.net"])["example.com-tls-reports"]
    assert told == (*place, "v=TLSRPTv1; rua=mailto:a@example.com,mailto:b@example.net")


def test_a_policy_is_announced_by_an_id_that_changes_with_what_it_says() -> None:
    ids = {
        wanted(**config)["example.com-mta-sts"][2]
        for config in (
            {"mtaSts": "testing"},
            {"mtaSts": "enforce"},
            {"mtaSts": "testing", "mailHost": "mx.example.com"},
            {"mtaSts": "testing", "formerMailHosts": ["old.example.com"]},
        )
    }
    assert len(ids) == 4
    for text in ids:
        assert re.fullmatch(r"v=STSv1; id=[0-9a-f]{32}", text or "")
    assert "example.com-mta-sts" not in wanted()


def test_former_mail_hosts_keep_their_addresses() -> None:
    assert {"old.example.com-a", "old.example.com-aaaa", "mail.example.com-a"} <= wanted(
        formerMailHosts=["old.example.com"]
    ).keys()


def test_our_domains_consent_to_reports_about_each_other_and_to_no_more() -> None:
    domains = [
        {"name": "example.com"},
        {"name": "sub.example.com"},
        {"name": "example.org", "dmarc": {"rua": ["a@example.com", "b@reports.example.net"], "ruf": []}},
        {"name": "example.net", "dmarc": {"rua": ["dmarc@lists.example.org", "c@elsewhere.example"]}},
    ]
    reports = {name: value for name, value in wanted(domains=domains).items() if "-reports-to-" in name}
    assert reports == {
        "example.org-reports-to-example.com": ("example.org._report._dmarc.example.com", "TXT", "v=DMARC1"),
        "example.org-reports-to-reports.example.net": (
            "example.org._report._dmarc.reports.example.net", "TXT", "v=DMARC1",
        ),
        "example.net-reports-to-example.com": ("example.net._report._dmarc.example.com", "TXT", "v=DMARC1"),
        "example.net-reports-to-lists.example.org": (
            "example.net._report._dmarc.lists.example.org", "TXT", "v=DMARC1",
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dmarc", "policy"),
    [
        ({}, "p=reject; {reports}; fo=1"),
        ({"failureOptions": 1}, "p=reject; {reports}; fo=1"),
        ({"failureOptions": "1:d:s"}, "p=reject; {reports}; fo=1:d:s"),
        ({"failureOptions": "D : s"}, "p=reject; {reports}; fo=d:s"),
        ({"testing": True, "policy": "quarantine"}, "p=quarantine; {reports}; t=y; fo=1"),
        ({"subdomainPolicy": "none", "nonexistentSubdomainPolicy": "reject"},
         "p=reject; {reports}; sp=none; np=reject; fo=1"),
    ],
)  # fmt: skip
def test_a_dmarc_policy_says_what_is_set(dmarc: dict[str, Any], policy: str) -> None:
    reports = "rua=mailto:admin@example.com; ruf=mailto:admin@example.com"
    found = wanted(domains=[{"name": "example.com", "dmarc": dmarc}])["example.com-dmarc"]
    assert found == ("_dmarc.example.com", "TXT", "v=DMARC1; " + policy.format(reports=reports))


@pytest.mark.parametrize("value", ["2", "1:1", "1,d", "", "1:", 10, True])
def test_wrong_failure_options_are_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValidationError, match="for example 1 or 1:d:s"):
        Dmarc.model_validate({"failureOptions": value})


def test_a_percentage_is_refused_in_one_sentence_that_says_what_to_use() -> None:
    with pytest.raises(ValidationError, match=r"percentage 10 is gone.*RFC 9989.*Expected testing: true") as caught:
        Dmarc.model_validate({"percentage": 10})
    assert caught.value.error_count() == 1


@pytest.mark.parametrize("zone", ["example.com.", "Example.com", "", None])
def test_a_zone_is_known_with_a_trailing_dot_in_capitals_or_by_the_domain(zone: str | None) -> None:
    (domain,) = settings(domains=[{"name": "example.com", "zone": zone}]).domains
    assert domain.zone_name == "example.com"
