"""What senders are told about encryption: each check goes red on its fault and is green without it."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.mta_sts import Mode, policy, record
from model.records import tls_reports
from operate.verify import transport
from operate.verify.certificates import Look, Presented, presented
from operate.verify.container import Ask
from operate.verify.context import Context
from operate.verify.dane import next_key, tlsa
from operate.verify.https_page import PageUnreadableError
from operate.verify.mta_sts import Fetch, enforceable, fetch, former_policy, own_policy
from operate.verify.remedies import REFRESH
from operate.verify.result import Finding, Status
from operate.verify.runner import Shared
from operate.verify.trust import trusting
from tests.support.verify_world import DOMAIN, HOST, LOOPBACK, Records, make_certificate, port, server, stack

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL

STS = "v=STSv1; id=1"
POLICY_TEXT = "version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: 604800\r\n"
UNREADABLE = "mta-sts.example.com has no address"


def served(text: str | None) -> Fetch:
    """A host that serves this policy, or none."""

    async def fetched() -> str:
        if text is None:
            raise PageUnreadableError(UNREADABLE)
        return text

    return fetched


@pytest.mark.parametrize(
    ("texts", "text", "status"),
    [
        ([STS], None, FAIL),  # announced, but nobody serves it
        ([STS], "<html>", FAIL),
        ([STS], POLICY_TEXT.format(mode="enforce", host="mx.old.example"), FAIL),
        ([STS], POLICY_TEXT.format(mode="testing", host="mx.old.example"), WARN),
        ([STS], POLICY_TEXT.format(mode="none", host="mx.old.example"), OK),
        ([STS], POLICY_TEXT.format(mode="enforce", host=HOST), OK),
        ([STS], POLICY_TEXT.format(mode="enforce", host="*.example.com"), OK),
        ([STS], POLICY_TEXT.format(mode="enforce", host="*.com"), FAIL),
    ],
)
def test_mta_sts_policy_of_a_former_server_is_seen(texts: list[str], text: str | None, status: Status) -> None:
    names = Records({(f"_mta-sts.{DOMAIN}", "TXT"): texts})
    assert asyncio.run(former_policy(names, DOMAIN, HOST, served(text))).status is status


@pytest.mark.parametrize("texts", [[], ["a text"]])
def test_policy_is_recommended_where_there_is_none_with_the_rights_it_needs(texts: list[str]) -> None:
    names = Records({(f"_mta-sts.{DOMAIN}", "TXT"): texts})
    finding = asyncio.run(former_policy(names, DOMAIN, HOST, served(None)))
    assert finding.status is WARN
    assert "pulumi config set mtaSts testing" in finding.remedy
    assert "Workers Scripts: Edit" in finding.remedy


def own(
    mode: Mode, texts: Sequence[str] | None = None, text: str | None = "", receiving: Sequence[str] = (f"10 {HOST}",)
) -> Finding:
    """The check of the stack's own policy, for records and a policy other than they should be."""
    right = policy(mode, [HOST])
    records = {(f"_mta-sts.{DOMAIN}", "TXT"): [record(right)] if texts is None else texts, (DOMAIN, "MX"): receiving}
    return asyncio.run(own_policy(Records(records), DOMAIN, mode, [HOST], served(right if text == "" else text)))


@pytest.mark.parametrize(("mode", "status"), [("enforce", OK), ("none", OK), ("testing", WARN)])
def test_own_policy_as_the_settings_say_is_well_and_one_for_trials_is_noted(mode: Mode, status: Status) -> None:
    assert own(mode).status is status
    assert own(mode, [record(policy(mode, [HOST])), "another text"]).status is status


ENFORCED = policy("enforce", [HOST])


@pytest.mark.parametrize(
    ("texts", "text", "receiving", "shown"),
    [
        ([], "", [f"10 {HOST}"], "no record at _mta-sts"),
        ([record(ENFORCED), STS], "", [f"10 {HOST}"], STS),  # senders take none of several
        ([STS], "", [f"10 {HOST}"], STS),  # the id of another policy
        (None, None, [f"10 {HOST}"], UNREADABLE),
        (None, "<html>", [f"10 {HOST}"], "is no policy"),
        (None, policy("testing", [HOST]), [f"10 {HOST}"], "mode testing"),
        (None, policy("enforce", ["mx.old.example"]), [f"10 {HOST}"], "mx.old.example"),
        (None, ENFORCED.replace("604800", "86400"), [f"10 {HOST}"], "kept for 86400 s"),
        (None, "", [f"10 {HOST}", "20 mx.other.example"], "mx.other.example gets mail"),
    ],
)
def test_own_policy_that_is_not_what_the_settings_say_is_red(
    texts: list[str] | None, text: str | None, receiving: list[str], shown: str
) -> None:
    finding = own("enforce", texts, text, receiving)
    assert (finding.status, shown in finding.found) == (FAIL, True), finding.found


def test_domain_that_leaves_mta_sts_may_have_its_mail_anywhere() -> None:
    assert own("none", receiving=["10 mx.other.example"]).status is OK


def test_mta_sts_policy_without_a_server_cannot_be_fetched() -> None:
    with pytest.raises(PageUnreadableError, match=f"mta-sts.{DOMAIN} has no address"):
        asyncio.run(fetch(Records({}), DOMAIN, trusting(None)))


def look_at(folder: Path, names: Sequence[str], *, trusted: bool = False, days: float = 90) -> Presented:
    """What a port with a certificate for these names presents, to whom trusts it or not."""

    async def run() -> Presented:
        context = make_certificate(folder, names, days)
        authorities = folder / f"{names[0]}{days}.pem" if trusted else None
        async with server("+OK\r\n", lambda _: "+OK\r\n", context, direct=True) as number:
            return await presented(LOOPBACK, port(number, "pop3s", "TLS"), names[0], authorities)

    return asyncio.run(run())


def seen(found: Presented) -> Look:
    """A look that has been taken already."""

    async def look() -> Presented:
        return found

    return look


def test_enforced_policy_needs_a_trusted_certificate_for_each_of_its_hosts(tmp_path: Path) -> None:
    hosts = [HOST, "mx.example.com"]
    (tmp_path / "both").mkdir()
    both, one = look_at(tmp_path / "both", hosts, trusted=True), look_at(tmp_path, [HOST], trusted=True)
    assert asyncio.run(enforceable(hosts, seen(both))).status is OK
    assert asyncio.run(enforceable([HOST], seen(one))).status is OK
    lacking = asyncio.run(enforceable(hosts, seen(one)))
    assert (lacking.status, "not for mx.example.com" in lacking.found) == (FAIL, True)
    distrusted = asyncio.run(enforceable([HOST], seen(look_at(tmp_path, [HOST]))))
    assert (distrusted.status, "self-signed" in distrusted.found) == (FAIL, True)


def subjects(check: str, **changes: object) -> list[str]:
    """What a check is made for."""
    changed = stack(**changes)
    jobs = transport.jobs(Context(changed, Records({}), Shared(), changed.domains))
    return [job.subject for job in jobs if job.check.name == check]


def test_certificate_of_port_25_is_looked_at_for_a_policy_that_is_enforced_only() -> None:
    assert subjects("dns.mta-sts", mtaSts="testing") == [DOMAIN]
    assert subjects("dns.mta-sts", mtaSts="enforce") == [DOMAIN, "port 25"]
    assert subjects("dns.mta-sts", domains=[{"name": DOMAIN, "mtaSts": "enforce"}]) == [DOMAIN, "port 25"]


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([f"v=TLSRPTv1; rua=mailto:admin@{DOMAIN}"], OK),
        ([f"v=TLSRPTv1; rua=mailto:admin@{DOMAIN}", "a text"], OK),
        ([], FAIL),
        (["a text"], FAIL),
        (["v=TLSRPTv1; rua=mailto:tls@old.example"], FAIL),
        ([f"v=TLSRPTv1; rua=mailto:admin@{DOMAIN}", "v=TLSRPTv1; rua=mailto:tls@old.example"], FAIL),
    ],
)
def test_tls_reports_go_where_the_settings_say_by_one_record(texts: list[str], status: Status) -> None:
    names = Records({(f"_smtp._tls.{DOMAIN}", "TXT"): texts})
    expected = tls_reports([f"admin@{DOMAIN}"])
    assert asyncio.run(transport.tls_reports(names, DOMAIN, expected)).status is status


def dane(presented_: Presented, *records: str, validated: bool = True, own: bool = False) -> Finding:
    """The check of TLSA records for a certificate."""
    names = Records({(f"_25._tcp.{HOST}", "TLSA"): records}, signed=validated)
    return asyncio.run(tlsa(names, HOST, seen(presented_), own=own))


def digest(what: Presented) -> str:
    """What a TLSA record 3 1 1 holds."""
    key = what.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def test_tlsa_record_that_fits_no_certificate_is_red(tmp_path: Path) -> None:
    found, former = look_at(tmp_path, [HOST]), look_at(tmp_path, [HOST], days=80)
    whole = found.certificate.public_bytes(Encoding.DER)
    assert dane(found).status is OK
    assert dane(found, f"3 1 1 {digest(found).upper()}").status is OK
    assert dane(found, f"3 0 1 {hashlib.sha256(whole).hexdigest()}").status is OK
    assert dane(found, f"3 0 0 {whole.hex()[:128]} {whole.hex()[128:]}").status is OK
    assert dane(found, f"3 1 2 {digest(found)}").status is FAIL
    assert dane(found, f"3 1 1 {digest(former)}").status is FAIL
    assert dane(found, f"1 1 1 {digest(found)}").status is FAIL  # counts for nobody who sends mail
    # Beside the present key's stands the next one's.
    assert dane(found, f"3 1 1 {digest(former)}", f"3 1 1 {digest(found)}").status is OK
    assert dane(found, f"2 1 1 {digest(former)}").status is WARN


def test_tlsa_records_that_nobody_heeds_and_missing_ones_that_would_be_heeded_are_noted(tmp_path: Path) -> None:
    found = look_at(tmp_path, [HOST])
    useless = dane(found, f"3 1 1 {digest(found)}", validated=False)
    assert (useless.status, "without DNSSEC" in useless.found) == (WARN, True)
    missing = dane(found, own=True)
    assert (missing.status, REFRESH in missing.remedy) == (WARN, True)
    assert dane(found, own=True, validated=False).status is OK
    assert dane(found, own=False).status is OK  # without a certificate of its own, the stack publishes none


def telling(digest_: str) -> Ask:
    """A server that has this next key."""

    async def ask() -> dict[str, object]:
        return {"certificate": {"next": digest_}}

    return ask


@pytest.mark.parametrize(
    ("records", "ready", "status"),
    [
        ([], "", OK),
        (["3 1 1 " + "aa" * 32, "3 1 1 " + "BB" * 32], "bb" * 32, OK),
        (["3 1 1 " + "aa" * 32], "bb" * 32, FAIL),
        (["3 1 1 " + "aa" * 32, "3 1 1 " + "cc" * 32], "bb" * 32, FAIL),  # of a server before this one
        (["3 1 1 " + "aa" * 32], "", FAIL),
    ],
)
def test_next_key_is_announced_before_it_is_used(records: list[str], ready: str, status: Status) -> None:
    names = Records({(f"_25._tcp.{HOST}", "TLSA"): records}, signed=True)
    assert asyncio.run(next_key(names, HOST, telling(ready))).status is status
    names.signed = False  # nobody heeds any of them
    assert asyncio.run(next_key(names, HOST, telling(ready))).status is OK


def test_server_without_a_next_key_is_told_apart_from_one_whose_key_is_not_announced() -> None:
    names = Records({(f"_25._tcp.{HOST}", "TLSA"): ["3 1 1 " + "aa" * 32]}, signed=True)
    assert asyncio.run(next_key(names, HOST, telling(""))).found == "the server has no next key"


def test_server_is_asked_for_its_next_key_only_where_the_stack_has_a_certificate() -> None:
    assert subjects("dns.tlsa-next") == [f"_25._tcp.{HOST}"]
    assert subjects("dns.tlsa-next", certificate="none, in tests") == []
