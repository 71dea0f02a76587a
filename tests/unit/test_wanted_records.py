"""The records that settings ask for."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.settings import Dmarc
from model.wanted_records import wanted_records
from tests.support.examples import settings


def wanted(**changes: Any) -> dict[str, tuple[str, str, str | None]]:
    return {want.resource: (want.name, want.type, want.content) for want in wanted_records(settings(**changes))}


def test_a_domain_that_receives_elsewhere_has_all_but_the_mx() -> None:
    there = wanted(domains=[{"name": "example.com"}]).keys()
    assert there - wanted(domains=[{"name": "example.com", "receive": False}]).keys() == {"example.com-mx"}


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
