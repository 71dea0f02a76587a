"""Who sends in a domain's name, and whether its policy may be stricter: a verdict with its reasons, never on little."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from operate.reports import aggregate as dmarc
from operate.reports import tls
from operate.reports.aggregate import AggregateReport
from operate.reports.collected import Collected
from operate.reports.encryption import Encryption
from operate.reports.providers import provider
from operate.reports.summary import DomainSummary, Summary, summarized
from operate.reports.table import lines
from operate.reports.tls import TlsReport
from tests.support.reports import DOMAIN, NOW, OWN, Row, aggregate, tls_report
from tests.support.verify_world import IPV6, Records, stack

SENDGRID = {("1.2.0.192.in-addr.arpa", "PTR"): ["o1.ptr.sendgrid.net"], ("o1.ptr.sendgrid.net", "A"): ["192.0.2.1"]}
BAD = {"spf": "fail", "dkim": "fail"}


def report(*rows: Row, back: int = 1, reporter: str = "One", domain: str = DOMAIN) -> AggregateReport:
    """A report of one day."""
    text = aggregate(*rows, back=back, reporter=reporter, identifier=f"{reporter}{back}", domain=domain)
    return dmarc.parse(text.encode(), NOW)


def month(*rows: Row, days: int = 30, reporters: Sequence[str] = ("One", "Two")) -> list[AggregateReport | TlsReport]:
    """The same each day: that many days of each reporter."""
    return [report(*rows, back=back, reporter=reporter) for back in range(1, days + 1) for reporter in reporters]


def summary(
    reports: Sequence[AggregateReport | TlsReport],
    monkeypatch: pytest.MonkeyPatch,
    names: Mapping[tuple[str, str], Sequence[str]] | None = None,
    **settings: object,
) -> Summary:
    """What reports say."""
    monkeypatch.setattr("operate.reports.summary.Dns", lambda *_: Records(names or {}))
    found = Collected(list(reports), mailboxes=["admin@example.com"])
    return asyncio.run(summarized(stack(**settings), found, NOW.date()))


def domain_of(
    reports: Sequence[AggregateReport | TlsReport],
    monkeypatch: pytest.MonkeyPatch,
    names: Mapping[tuple[str, str], Sequence[str]] | None = None,
    **domain: object,
) -> DomainSummary:
    """What reports say about the one domain."""
    return summary(reports, monkeypatch, names, domains=[{"name": DOMAIN, **domain}]).domains[0]


def test_four_quiet_weeks_are_enough_for_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = domain_of(month(Row(count="5")), monkeypatch).verdict
    assert (verdict.enough, verdict.safe) == (True, "reject")
    said = "300 of 300 messages of known senders passed (100 %), as 2 organizations reported on 30 days."
    assert verdict.reasons == (said,)


@pytest.mark.parametrize(
    ("reports", "reason"),
    [
        ([], "Reports cover 0 of the 14 days that are needed."),
        (month(Row(count="50"), days=13), "Reports cover 13 of the 14 days that are needed."),
        (month(Row(count="1")), "Reports are about 60 of the 100 messages of known senders that are needed."),
        (month(Row(count="50"), reporters=["One"]), "Reports came from 1 of the 2 organizations that are needed."),
        (month(), "A domain from which nothing is sent needs no watching: it may be at reject at once."),
    ],
)
def test_little_data_gives_no_verdict_but_says_what_is_lacking(
    reports: list[AggregateReport | TlsReport], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = domain_of(reports, monkeypatch).verdict
    assert (verdict.enough, verdict.safe) == (False, "")
    assert reason in verdict.reasons


def test_two_weeks_are_enough_for_quarantine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = domain_of(month(Row(count="5"), days=20), monkeypatch, dmarc={"policy": "none"}).verdict
    assert verdict.safe == "quarantine"
    assert verdict.reasons[1:] == ("Not yet reject: reports cover 20 of the 28 days that are needed.",)


@pytest.mark.parametrize(("failed", "safe"), [("1", ""), ("0", "reject")])
def test_mail_of_this_server_that_fails_stands_in_the_way(
    failed: str, safe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Row(count="9"), Row(IPV6, failed, **BAD)]
    verdict = domain_of(month(*rows), monkeypatch).verdict
    assert verdict.safe == safe
    said = any(f"this server ({IPV6}): 60 of 60 messages failed. ./run mail verify" in one for one in verdict.reasons)
    assert said is (failed == "1")


def test_where_all_of_ones_own_mail_fails_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = domain_of(month(Row(count="9", **BAD)), monkeypatch).verdict
    assert (verdict.enough, verdict.safe) == (True, "")
    assert "0 of 540 messages of known senders passed (0 %)" in verdict.reasons[0]
    assert verdict.reasons[-1] == "The policy is reject already: receivers put aside or turn away what fails."


def test_a_sender_of_the_spf_policy_that_is_not_aligned_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        ("spf.news.example", "TXT"): ["v=spf1 ip4:203.0.113.0/28 include:more.example -all"],
        ("more.example", "TXT"): ["v=spf1 a:out.news.example include:spf.news.example -all"],
        ("out.news.example", "AAAA"): ["2001:db8:9::1"],
    }
    rows = [Row(count="20"), Row("203.0.113.9", **BAD), Row("2001:db8:9::1", **BAD)]
    found = domain_of(month(*rows), monkeypatch, names, senders=["include:spf.news.example"])
    assert {source.address: source.kind for source in found.sources} == {
        OWN: "own",
        "203.0.113.9": "sender",
        "2001:db8:9::1": "sender",
    }
    assert found.verdict.safe == ""
    told = (
        "include:spf.news.example (203.0.113.9): 60 of 60 messages failed. Have it sign with a DKIM key of example.com"
    )
    assert any(told in reason for reason in found.verdict.reasons)


@pytest.mark.parametrize(
    ("terms", "address", "kind"),
    [
        (["ip4:192.0.2.0/24"], "192.0.2.77", "sender"),
        (["ip4:192.0.2.0/24"], "192.0.3.77", "unknown"),
        (["ip6:2001:db8:7::/48"], "2001:db8:7:1::9", "sender"),
        (["a:out.example"], "192.0.2.1", "sender"),
        (["mx:out.example"], "192.0.2.2", "sender"),
        (["include:out.example"], "192.0.2.3", "unknown"),
        ([], "192.0.2.4", "sender"),
    ],
)
def test_each_kind_of_spf_term_is_known(
    terms: list[str], address: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {
        ("out.example", "A"): ["192.0.2.1"],
        ("out.example", "MX"): ["10 mx.out.example"],
        ("mx.out.example", "A"): ["192.0.2.2"],
        ("out.example", "TXT"): ["v=spf1 -ip4:192.0.2.3 -all"],
        (DOMAIN, "A"): ["192.0.2.4"],
    }
    found = domain_of([report(Row(address, **BAD))], monkeypatch, names, senders=terms, spfA=True)
    assert [source.kind for source in found.sources] == [kind]


def test_a_provider_that_fails_steadily_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(count="40"), Row("192.0.2.1", "1", **BAD)]
    found = domain_of(month(*rows), monkeypatch, SENDGRID, dmarc={"policy": "none"})
    assert (found.sources[1].name, found.sources[1].kind) == ("SendGrid", "provider")
    assert found.verdict.safe == "quarantine"
    assert found.verdict.reasons[1].startswith(
        "Not yet reject: 60 messages of SendGrid (192.0.2.1) failed, on 30 days. If it sends for you: Have it sign"
    )


def test_a_service_that_nobody_knows_is_known_by_its_own_domain_whatever_its_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of its addresses alone would be overlooked, and a tenth of all mail be lost."""
    rows = [Row(f"203.0.113.{place}", "1", **BAD, signed=["crm.example"]) for place in range(40)]
    verdict = domain_of(month(Row(count="400"), *rows), monkeypatch, dmarc={"policy": "none"}).verdict
    assert verdict.safe == ""
    assert "2400 messages of 203.0.113.0 and 39 more failed, on 30 days. If it sends for you:" in verdict.reasons[1]


def test_a_domain_all_of_whose_mail_a_forgotten_service_sends_is_not_taken_for_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons = domain_of(month(Row("203.0.113.9", "10", **BAD)), monkeypatch).verdict.reasons
    assert any(reason.startswith("600 messages of 203.0.113.9 failed, on 30 days.") for reason in reasons)
    assert not any("nothing is sent" in reason for reason in reasons)


def test_an_organization_is_one_however_it_writes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    found = domain_of(month(Row(count="50"), reporters=["Receiver", "RECEIVER"]), monkeypatch)
    assert not found.verdict.enough
    assert found.reporters == ("Receiver",)


def test_a_provider_that_takes_another_address_each_time_fails_steadily_too(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = [
        report(Row(f"192.0.2.{back}", "30", **BAD, signed=["mail.amazonses.com"]), back=back, reporter="Three")
        for back in (3, 10, 17)
    ]
    verdict = domain_of([*month(Row(count="40")), *letters], monkeypatch, dmarc={"policy": "none"}).verdict
    assert verdict.safe == "quarantine"
    assert verdict.reasons[1].startswith(
        "Not yet reject: 90 messages of Amazon SES (192.0.2.10) and 2 more failed, on 3 days. If it sends for you:"
    )


def test_forgers_from_many_places_or_of_one_day_do_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what the policy is for."""
    rows = [Row("203.0.113.250", "90", **BAD), *(Row(f"203.0.113.{place}", "1", **BAD) for place in range(1, 200))]
    assert domain_of([*month(Row(count="40")), report(*rows, reporter="Three")], monkeypatch).verdict.safe == "reject"


def test_forwarded_mail_does_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Row("192.0.2.9", "10", reasons=["mailing_list"], **BAD)
    found = domain_of(month(Row(count="20"), listed), monkeypatch)
    assert found.verdict.safe == "reject"
    assert (found.sources[1].failed, found.sources[1].forwarded, found.sources[1].lost) == (600, 600, 0)


def test_a_source_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [
        report(Row(count="3"), Row(count="2", spf="fail"), back=9),
        report(Row(count="4", **BAD, disposition="quarantine", signed=["x.example", f"a.{DOMAIN}"]), back=2),
    ]
    (source,) = domain_of(reports, monkeypatch).sources
    assert (source.passed, source.failed, source.spf, source.dkim) == (5, 4, 3, 5)
    assert source.dispositions == {"none": 5, "quarantine": 4}
    assert (source.first.isoformat(), source.last.isoformat(), source.days) == ("2024-02-21", "2024-02-28", 2)
    assert source.vouched == ("x.example",)


def test_a_reverse_name_counts_only_if_it_leads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has an address can give it any reverse name."""
    for answer, name in ((["192.0.2.1"], "SendGrid"), (["192.0.2.99"], "")):
        names = SENDGRID | {("o1.ptr.sendgrid.net", "A"): answer}
        found = domain_of([report(Row("192.0.2.1", **BAD))], monkeypatch, names)
        assert found.sources[0].name == name


def test_without_a_reverse_name_a_provider_is_known_by_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    found = domain_of([report(Row("192.0.2.1", **BAD, signed=["mail.amazonses.com"]))], monkeypatch)
    assert (found.sources[0].name, found.sources[0].kind) == ("Amazon SES", "provider")


def test_a_name_belongs_to_a_provider_only_below_its_domain() -> None:
    assert provider("mail-a1.google.com") == "Google"
    assert provider("notgoogle.com") is None
    assert provider("google.com.evil.example") is None


def test_records_count_for_the_closest_domain_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy holds for the names below its domain, so a report may be about several of ours."""
    rows = [
        Row(count="1"),
        Row(count="2", author=f"news.{DOMAIN}"),
        Row(count="4", author=f"club.{DOMAIN}"),
        Row(count="8", author=f"x.club.{DOMAIN}"),
    ]
    told = summary(
        [report(*rows), report(Row(), domain="other.example")],
        monkeypatch,
        domains=[{"name": DOMAIN}, {"name": f"club.{DOMAIN}", "zone": DOMAIN}],
    )
    assert [(domain.name, domain.passed, domain.reports) for domain in told.domains] == [
        (DOMAIN, 3, 1),
        (f"club.{DOMAIN}", 12, 0),
    ]
    assert [domain.reporters for domain in told.domains] == [("One",), ("One",)]
    assert "No DMARC report came" not in "\n".join(lines(told))
    assert told.refused == ("reports about other.example, which is none of this stack's: 1",)


@pytest.mark.parametrize(
    ("policy", "applied", "said"),
    [("reject", "quarantine", "safe to go to reject"), ("quarantine", "none", "safe to go to reject")],
)
def test_a_policy_that_is_only_being_tried_counts_as_what_receivers_make_of_it(
    policy: str, applied: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next milder one (RFC 9989, section 4.7)."""
    settings = [{"name": DOMAIN, "dmarc": {"policy": policy, "testing": True}}]
    told = summary(month(Row(count="9")), monkeypatch, domains=settings)
    assert told.domains[0].policy == applied
    assert any(said in line for line in lines(told))


def encryption(reports: Sequence[TlsReport], monkeypatch: pytest.MonkeyPatch) -> Encryption:
    """What TLS reports say."""
    found = domain_of(reports, monkeypatch).encryption
    assert found is not None
    return found


def sessions(back: int, failed: int = 0, kind: str = "sts", succeeded: int = 10, result: str = "") -> TlsReport:
    """A TLS report of one day."""
    failures = [{"failed-session-count": failed, "result-type": result}] if failed else []
    text = tls_report(back, failures=failures, failed=failed, succeeded=succeeded)
    return tls.parse(text.replace('"sts"', f'"{kind}"').encode(), NOW)


@pytest.mark.parametrize("unseen", [{"kind": "no-policy-found"}, {"kind": "tlsa"}, {"succeeded": 0}])
def test_only_sessions_under_the_policy_of_mta_sts_speak_for_enforcing_it(
    unseen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not know the policy has not looked at the certificate (RFC 8460, section 4.2)."""
    found = encryption([sessions(back, **unseen) for back in range(1, 15)], monkeypatch)
    assert not found.enforce
    assert "Sessions under the policy of MTA-STS succeeded on 0 of the 7 days that are needed." in found.reasons


def test_a_quiet_week_allows_to_enforce_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = [sessions(back) for back in range(1, 8)]
    assert encryption(quiet, monkeypatch).enforce
    assert encryption([*quiet, sessions(20, failed=3)], monkeypatch).enforce
    assert encryption(quiet[:6], monkeypatch).reasons == (
        "Sessions under the policy of MTA-STS succeeded on 6 of the 7 days that are needed.",
    )
    loud = encryption([*quiet[1:], sessions(1, failed=3, result="sts-policy-fetch-error")], monkeypatch)
    assert not loud.enforce
    assert loud.reasons == ("Sessions that failed on the last 7 days with reports: 3.",)
    assert [(failure.kind, failure.sessions) for failure in loud.failures] == [("sts-policy-fetch-error", 3)]


@pytest.mark.parametrize(
    ("reports", "policy", "said"),
    [
        (month(Row(count="9")), "none", "Verdict: safe to go to reject."),
        (month(Row(count="9")), "reject", "Verdict: reject is safe, and set."),
        (month(Row(count="9"), days=20), "reject", "Verdict: quarantine is as strict as is known to be safe."),
        (month(Row(count="9", **BAD)), "none", "Verdict: none is as strict as is safe."),
        ([], "none", "Verdict: not enough is known"),
    ],
)
def test_the_verdict_is_told_in_words(
    reports: list[AggregateReport | TlsReport], policy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = summary(reports, monkeypatch, domains=[{"name": DOMAIN, "dmarc": {"policy": policy}}])
    assert any(line.strip().startswith(said) for line in lines(told))
