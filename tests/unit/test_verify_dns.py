"""Each check of names goes red on its fault and is green without it."""

import asyncio
import base64
import json
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.dmarc import DmarcError, parse
from model.records import dkim, permission, spf
from model.settings import AUTHORITIES
from operate.verify import domain_names, host_names, leftovers, reputation, reverse_dns
from operate.verify.caa import Authority, caa
from operate.verify.context import Context
from operate.verify.dkim_record import dkim_record
from operate.verify.dmarc_policy import dmarc_policy, organizational_domain
from operate.verify.dmarc_reports import report_addresses
from operate.verify.dnssec import dnssec
from operate.verify.names import Answer, Dns, LookupFailedError, answer_of
from operate.verify.no_mail import no_mail
from operate.verify.remedies import REFRESH
from operate.verify.result import Finding, Status
from operate.verify.runner import Shared, carry_out
from operate.verify.spf_policy import host_policy, spf_lookups, spf_policy
from operate.verify.stack import Domain
from operate.verify.trust import trusting
from tests.support.verify_world import DOMAIN, HOST, IPV4, IPV6, LOOPBACK, Records, make_certificate, server, stack

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


ACCOUNT = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
STAGING = AUTHORITIES["staging"]


def permitted(records: dict[tuple[str, str], list[str]], directory: str = "", account: str = "") -> Finding:
    """The check of CAA records, for Let's Encrypt unless told otherwise."""
    authority = Authority(directory or AUTHORITIES["letsencrypt"], account)
    return asyncio.run(caa(Records(records), HOST, authority, trusting(None)))


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([], OK),
        (['0 issue "letsencrypt.org"'], OK),
        (['0 issue "LetsEncrypt.org"'], OK),
        (['0 ISSUE "letsencrypt.org"'], OK),
        (['0 issue "other.example"'], FAIL),
        (['0 issue "other.example"', '0 issue "letsencrypt.org"'], OK),
        (['0 issue ";"'], FAIL),
        (['0 issue ""'], FAIL),
        (['0 issue ";"', '0 issue "letsencrypt.org"'], OK),
        (['0 iodef "mailto:a@example.com"'], OK),  # RFC 8659, section 4.1: no issue tag, no limit
        (['0 issuewild ";"'], OK),  # nothing for a plain name
        (['0 issuewild "letsencrypt.org"', '0 issue "other.example"'], FAIL),
        (['0 issue "letsencrypt.org; validationmethods=http-01"'], OK),
        (['0 issue "letsencrypt.org;validationmethods=dns-01,http-01"'], OK),
        (['0 issue "letsencrypt.org; validationmethods=dns-01"'], FAIL),
        (['0 issue "letsencrypt.org; validationmethods="'], FAIL),
        (['0 issue "letsencrypt.org; validationmethods=dns-01"', '0 issue "letsencrypt.org"'], OK),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}"'], WARN),  # which account is the stack's, nobody tells
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01"'], FAIL),
        (['0 issue "letsencrypt.org; accounturi=https://ca.example/acct/1"'], FAIL),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}"', '0 issue "letsencrypt.org"'], OK),
        ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}; accounturi={ACCOUNT}2"'], FAIL),  # cannot be satisfied
        (['0 issue "letsencrypt.org; %%%"'], FAIL),  # malformed, so it permits nobody
        (['128 issue "letsencrypt.org"'], OK),
        (['128 tbs "unknown"', '0 issue "letsencrypt.org"'], FAIL),  # critical and unknown
        (['0 tbs "unknown"', '0 issue "letsencrypt.org"'], OK),
    ],
)
def test_caa_permits_the_issuer_by_the_method_in_use(texts: list[str], status: Status) -> None:
    assert permitted({(DOMAIN, "CAA"): texts}).status is status


def for_account(account: str) -> dict[tuple[str, str], list[str]]:
    return {(DOMAIN, "CAA"): [f'0 issue "letsencrypt.org; accounturi={account}"']}


def test_caa_for_an_account_is_held_against_the_stacks_own() -> None:
    assert permitted(for_account(ACCOUNT), account=ACCOUNT).status is OK
    other = permitted(for_account(f"{ACCOUNT}2"), account=ACCOUNT)
    assert other.status is FAIL
    assert f"for the account {ACCOUNT}2 only, and this stack's is {ACCOUNT}" in other.found
    both = {(DOMAIN, "CAA"): [*for_account(ACCOUNT)[DOMAIN, "CAA"], *for_account(f"{ACCOUNT}2")[DOMAIN, "CAA"]]}
    assert permitted(both, account=ACCOUNT).status is OK


def test_accounts_for_trials_are_others_under_the_same_name() -> None:
    trials = ACCOUNT.replace("v02", "staging-v02")
    assert permitted(for_account(trials), STAGING).status is WARN
    assert permitted(for_account(ACCOUNT), STAGING).status is FAIL
    assert permitted(for_account(trials)).status is FAIL


def with_directory(
    folder: Path, directory: object, *texts: str, status: int = 200, issuer: str = "", holder: str = DOMAIN
) -> Finding:
    """The check for an authority of one's own, whose directory is served so."""

    def reply(line: str) -> str:
        text = json.dumps(directory)
        answer = f"HTTP/1.1 {status} x\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        return answer if line.startswith("GET /acme/directory?x ") else ""

    async def run() -> Finding:
        name = "acme.example.net"
        async with server("", reply, make_certificate(folder, [name]), direct=True) as number:
            names = Records({(holder, "CAA"): texts, (name, "A"): [LOOPBACK]})
            authority = Authority(f"https://{name}:{number}/acme/directory?x", issuer=issuer)
            return await caa(names, HOST, authority, trusting(folder / f"{name}90.pem"))

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('0 issue "ca.example.net"', OK),
        ('0 issue "second.example.net; validationmethods=http-01"', OK),
        ('0 issue "letsencrypt.org"', FAIL),
        ('0 issue "ca.example.net; accounturi=https://acme.example.net/1"', WARN),
        ('0 iodef "mailto:a@example.com"', OK),
    ],
)
def test_caa_permits_another_authority_by_the_names_that_its_directory_tells(
    tmp_path: Path, text: str, expected: Status
) -> None:
    directory = {"meta": {"caaIdentities": ["CA.example.net", "second.example.net"]}}
    assert with_directory(tmp_path, directory, text).status is expected


@pytest.mark.parametrize(("issuer", "status"), [("ca.example.net", OK), ("other.example", FAIL)])
def test_authority_that_tells_no_name_is_called_what_the_settings_call_it(
    tmp_path: Path, issuer: str, status: Status
) -> None:
    text = f'0 issue "{issuer}; validationmethods=http-01"'
    assert with_directory(tmp_path, {}, text, issuer="ca.example.net", holder=HOST).status is status


@pytest.mark.parametrize("directory", [{}, {"meta": {}}, {"meta": {"caaIdentities": None}}, [], "x"])
def test_authority_that_tells_no_name_for_caa_leaves_the_answer_open(tmp_path: Path, directory: object) -> None:
    finding = with_directory(tmp_path, directory, '0 issue "ca.example.net"')
    assert finding.status is UNKNOWN
    assert "has no caaIdentities" in finding.found
    assert with_directory(tmp_path, directory).status is OK  # nothing to ask for, where no record is


def test_authority_that_does_not_answer_leaves_the_answer_open_with_the_reason(tmp_path: Path) -> None:
    finding = with_directory(tmp_path, {}, '0 issue "ca.example.net"', status=503)
    assert (finding.status, "answers 503" in finding.found) == (UNKNOWN, True)
    distrusted = Authority("https://acme.example.net:1/directory")
    names = Records({(DOMAIN, "CAA"): ['0 issue "x"'], ("acme.example.net", "A"): [LOOPBACK]})
    finding = asyncio.run(caa(names, HOST, distrusted, trusting(None)))
    assert (finding.status, "refused" in finding.found) == (UNKNOWN, True)


def test_caa_of_ones_own_is_missed_where_the_stack_publishes_it() -> None:
    def own(records: dict[tuple[str, str], list[str]]) -> Finding:
        authority = Authority(AUTHORITIES["letsencrypt"], ACCOUNT, "letsencrypt.org")
        return asyncio.run(caa(Records(records), HOST, authority, trusting(None)))

    published = [f"0 issue {json.dumps(permission('letsencrypt.org', ACCOUNT))}"]
    assert own({(HOST, "CAA"): published}).status is OK
    assert own({}).status is WARN
    assert own({(DOMAIN, "CAA"): published}).status is WARN  # the zone's may go, or be for others
    assert own({(DOMAIN, "CAA"): ['0 issue "other.example"']}).status is FAIL
    zones_own = stack(mailHost=DOMAIN)
    (job,) = [
        job for job in host_names.jobs(Context(zones_own, Records({}), Shared(), ())) if job.check.name == "dns.caa"
    ]
    assert asyncio.run(carry_out(job)).finding.status is OK  # the program publishes none at a zone's own name


def test_caa_is_looked_at_for_each_name_of_the_certificate_and_not_where_none_is_asked_for() -> None:
    def subjects(**changes: object) -> list[str]:
        context = Context(stack(**changes), Records({}), Shared(), ())
        return [job.subject for job in host_names.jobs(context) if job.check.name == "dns.caa"]

    assert subjects(formerMailHosts=["mx.example.com"]) == [HOST, "mx.example.com"]
    assert subjects(certificate="none, in tests") == []


@pytest.mark.parametrize(
    ("near", "far", "status"),
    [
        ("letsencrypt.org", "other.example", OK),
        ("other.example", "letsencrypt.org", FAIL),
    ],
)
def test_closest_caa_set_counts_alone(near: str, far: str, status: Status) -> None:
    records = {(HOST, "CAA"): [f'0 issue "{near}"'], (DOMAIN, "CAA"): [f'0 issue "{far}"']}
    assert permitted(records).status is status
    climbed = {("com", "CAA"): [f'0 issue "{near}"']}
    assert permitted(climbed).status is status


DS = "2371 13 2 " + "ab" * 32
OTHER_DS = "2371 13 2 " + "cd" * 32
NEEDED = f"{DOMAIN}. 3600 IN DS {DS.upper()}"


def signing(
    at_parent: str = "", *, needed: str = "", place: int | None = 0, validated: bool = False, bogus: bool = False
) -> Finding:
    """The check of a zone's signatures, with this DS record at its parent."""
    names = Records({(DOMAIN, "DS"): [at_parent] if at_parent else []}, signed=validated)
    names.bogus = {(DOMAIN, "SOA")} if bogus else set()
    return asyncio.run(dnssec(names, DOMAIN, needed, place=place))


def test_unsigned_zone_is_noted_with_the_setting_that_signs_it() -> None:
    assert signing(validated=True).status is OK
    finding = signing(place=2)
    assert (finding.status, f"--path 'dnssec[2]' {DOMAIN}" in finding.remedy) == (WARN, True)
    assert REFRESH in signing(place=None).remedy  # it is set, and not deployed


def test_signed_zone_whose_registrar_does_not_know_yet_tells_the_ds_record_it_needs() -> None:
    finding = signing(needed=NEEDED)
    assert (finding.status, NEEDED in finding.remedy, "registrar" in finding.remedy) == (WARN, True, True)
    later = signing(DS, needed=NEEDED)  # the resolver does not validate, or not yet
    assert (later.status, "--resolver" in later.remedy) == (WARN, True)
    assert signing(DS, needed=NEEDED, validated=True).status is OK


@pytest.mark.parametrize(
    ("at_parent", "needed", "advice"),
    [
        (OTHER_DS, NEEDED, f"replace its DS record by: {NEEDED}"),
        (DS, NEEDED, "has Cloudflare sign the zone"),
        (OTHER_DS, "", "take its DS record away"),  # of an earlier DNS provider
    ],
)
def test_ds_record_that_fits_no_signature_is_red_with_what_to_do(at_parent: str, needed: str, advice: str) -> None:
    finding = signing(at_parent, needed=needed, bogus=True)
    assert (finding.status, advice in finding.remedy) == (FAIL, True)
    assert " ".join(at_parent.upper().split()) in finding.found


def test_another_ds_record_is_red_even_where_the_resolver_does_not_validate() -> None:
    finding = signing(OTHER_DS, needed=NEEDED)
    assert (finding.status, NEEDED in finding.remedy) == (FAIL, True)


def test_resolver_that_does_not_answer_at_all_says_nothing_of_signatures() -> None:
    class Silent(Records):
        async def unvalidated(self, name: str, kind: str) -> Answer:
            if kind == "SOA":
                raise LookupFailedError(f"{name} {kind}: SERVFAIL")
            return await super().unvalidated(name, kind)

    context = Context(stack(), Silent({}), Shared(), ())
    (job,) = [job for job in host_names.jobs(context) if job.check.name == "dns.dnssec"]
    assert asyncio.run(carry_out(job)).finding.status is UNKNOWN


def test_resolver_that_knows_no_ds_records_is_no_failure_of_the_zone() -> None:
    names = Records({})
    names.bogus = {(DOMAIN, "DS")}
    finding = asyncio.run(dnssec(names, DOMAIN, NEEDED, place=None))
    assert (finding.status, "cannot be looked up" in finding.found) == (WARN, True)
    names.bogus.add((DOMAIN, "SOA"))  # yet wrong signatures are
    assert asyncio.run(dnssec(names, DOMAIN, NEEDED, place=None)).status is FAIL
    names.signed, names.bogus = True, {(DOMAIN, "DS")}
    assert asyncio.run(dnssec(names, DOMAIN, NEEDED, place=None)).status is OK


def test_each_zone_is_looked_at_once_by_the_name_that_it_has_at_cloudflare() -> None:
    def zones(*domains: dict[str, str]) -> list[str]:
        several = stack(domains=list(domains), dnssec=["example.net"])
        selected = tuple(Domain(domain["name"], "", "") for domain in domains)
        jobs = host_names.jobs(Context(several, Records({}), Shared(), selected))
        return [job.subject for job in jobs if job.check.name == "dns.dnssec"]

    other = {"name": "club.example.net", "zoneId": "0" * 32}
    assert zones({"name": DOMAIN}, {"name": f"a.{DOMAIN}", "zone": DOMAIN}, other) == [DOMAIN, "example.net"]


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        (["v=spf1 a -all"], OK),
        (["v=spf1 a -all", "another text"], OK),
        ([], FAIL),
        (["v=spf1 -all"], FAIL),
        (["v=spf1 a -all", "v=spf1 a ~all"], FAIL),
        ([f"v=spf1 ip4:{IPV4} -all"], FAIL),  # IPv6 left out
        (["v=spf1 include:broken.example -all"], UNKNOWN),
    ],
)
def test_bounces_pass_by_the_policy_of_the_mail_host(texts: list[str], status: Status) -> None:
    names = Records(BASE | {(HOST, "TXT"): texts})
    names.broken.add("broken.example")
    assert asyncio.run(host_policy(names, HOST, SENDERS)).status is status


@pytest.mark.parametrize(
    ("receiving", "policies", "status"),
    [
        (["0 ."], ["v=spf1 -all"], OK),
        (["0 ."], ["v=spf1 -all", "another text"], OK),
        ([], ["v=spf1 -all"], FAIL),
        (["0 .", f"10 {HOST}"], ["v=spf1 -all"], FAIL),
        (["0 ."], [], FAIL),
        (["0 ."], ["v=spf1 a -all"], FAIL),
    ],
)
def test_host_without_mail_says_so_by_null_mx_and_a_policy_that_permits_nobody(
    receiving: list[str], policies: list[str], status: Status
) -> None:
    names = Records({("mx.example.com", "MX"): receiving, ("mx.example.com", "TXT"): policies})
    assert asyncio.run(no_mail(names, "mx.example.com")).status is status


def test_hosts_without_mail_are_former_mail_hosts_and_those_that_the_worker_serves() -> None:
    def subjects(check: str, **changes: object) -> list[str]:
        changed = stack(**changes)
        return [
            job.subject
            for job in host_names.jobs(Context(changed, Records({}), Shared(), changed.domains))
            if job.check.name == check
        ]

    served = {"formerMailHosts": ["mx.example.com"], "mtaSts": "testing", "clientSetup": True}
    webs = [f"{label}.{DOMAIN}" for label in ("mta-sts", "autoconfig", "autodiscover")]
    assert subjects("dns.no-mail", **served) == ["mx.example.com", *webs]
    assert subjects("dns.no-mail") == []
    # A mail host that is a mail domain, too, has that domain's policy.
    assert subjects("dns.spf-host") == [HOST]
    assert subjects("dns.spf-host", mailHost=DOMAIN) == []


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([f"10 {HOST}"], OK),
        ([f"10 {HOST}", f"20 {HOST}"], OK),
        ([], FAIL),
        (["10 other.example"], FAIL),
        ([f"10 {HOST}", "20 old.example"], FAIL),
        (["0 ."], FAIL),  # takes no mail (RFC 7505)
        (["10 mx.sibling.example"], WARN),  # the same server, under a name that its certificate lacks
        ([f"10 {HOST}", "20 mx.sibling.example"], WARN),
        (["10 mx.sibling.example", "20 old.example"], FAIL),
        (["10 half.example"], FAIL),  # a part of its mail goes elsewhere
    ],
)
def test_mx_is_the_mail_host_alone(found: list[str], status: Status) -> None:
    others = {
        ("mx.sibling.example", "A"): [IPV4],
        ("mx.sibling.example", "AAAA"): [IPV6],
        ("half.example", "A"): [IPV4, "198.51.100.9"],
        ("old.example", "A"): ["198.51.100.9"],
    }
    names = Records(others | {(DOMAIN, "MX"): found})
    assert asyncio.run(domain_names.mx(names, DOMAIN, HOST, SENDERS)).status is status


def test_null_mx_is_called_what_it_is() -> None:
    finding = asyncio.run(domain_names.mx(Records({(DOMAIN, "MX"): ["0 ."]}), DOMAIN, HOST, SENDERS))
    assert "takes no mail" in finding.found


@pytest.mark.parametrize(("found", "status"), [([], OK), (["10 mx.old.example"], OK), ([f"10 {HOST}"], WARN)])
def test_mx_of_a_domain_that_is_being_prepared_is_another(found: list[str], status: Status) -> None:
    names = Records({(DOMAIN, "MX"): found})
    moving = stack(domains=[{"name": DOMAIN, "receive": False}])
    (job,) = [
        job for job in domain_names.jobs(Context(moving, names, Shared(), moving.domains)) if job.check.name == "dns.mx"
    ]
    assert asyncio.run(carry_out(job)).finding.status is status


def test_domain_without_mx_works_where_its_own_address_is_the_servers() -> None:
    for address, status in ((IPV4, WARN), ("198.51.100.9", FAIL)):
        finding = asyncio.run(domain_names.mx(Records({(DOMAIN, "A"): [address]}), DOMAIN, HOST, SENDERS))
        assert finding.status is status


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


@pytest.mark.parametrize(("size", "status"), [(450, OK), (451, WARN)])
def test_spf_that_may_not_fit_in_an_answer_by_udp_is_noted(size: int, status: Status) -> None:
    """With the name it belongs to (RFC 7208, section 3.4)."""
    networks = "".join(f" ip4:192.0.2.{number}" for number in range(20))
    policy = POLICY.replace(" ~all", f"{networks} ~all")
    policy = policy.replace(" ~all", f" x={'y' * (size - len(DOMAIN) - len(policy) - 3)} ~all")
    names = Records(BASE | {(DOMAIN, "TXT"): [policy, "another text" * 50]})
    assert len(DOMAIN) + len(policy) == size
    found = asyncio.run(spf_lookups(names, DOMAIN, HOST, SENDERS))
    assert (found.status, found.found) == (status, "the policy has 451 bytes, with its name" if status is WARN else "2")


@pytest.mark.parametrize(
    ("policy", "address", "status"),
    [
        (POLICY, IPV4, OK),
        (POLICY, "198.51.100.9", WARN),  # whoever shares that web host may send as the domain
        (POLICY.replace(" a ", " "), "198.51.100.9", OK),
        (POLICY.replace(" a ", " a:other.example "), "198.51.100.9", OK),
    ],
)
def test_web_host_that_may_send_is_noted(policy: str, address: str, status: Status) -> None:
    names = Records(BASE | {(DOMAIN, "A"): [address], (DOMAIN, "TXT"): [policy]})
    assert asyncio.run(spf_policy(names, DOMAIN, HOST, SENDERS)).status is status


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (POLICY, WARN),  # the relay's mail would be forged by this
        (POLICY.replace("~all", "include:spf.relay.example ~all"), OK),
        (POLICY.replace("~all", "include:SPF.relay.example ~all"), OK),
        ("v=spf1 include:spf.relay.example -all", FAIL),  # our own addresses come first
    ],
)
def test_spf_has_to_have_the_terms_of_other_senders_too(policy: str, status: Status) -> None:
    relay = {("spf.relay.example", "TXT"): ["v=spf1 ip4:198.51.100.64/26 -all"]}
    names = Records(BASE | relay | {(DOMAIN, "TXT"): [policy]})
    found = asyncio.run(spf_policy(names, DOMAIN, HOST, SENDERS, ["include:spf.relay.example"]))
    assert found.status is status


def test_records_are_read_as_dns_writes_them() -> None:
    def read(kind: str, *values: str) -> tuple[str, ...]:
        response = dns.message.make_response(dns.message.make_query("example.com", kind))
        response.answer.append(dns.rrset.from_text("example.com.", 60, "IN", kind, *values))
        return answer_of(response, kind).values

    assert read("MX", "0 .") == ("0 .",)
    assert read("MX", "10 MAIL.Example.com.") == ("10 mail.example.com",)
    assert read("SRV", "0 0 0 .") == ("0 0 0 .",)
    assert read("TXT", '"v=DMARC1; " "p=reject."') == ("v=DMARC1; p=reject.",)
    assert read("TLSA", f"3 1 2 {'AB' * 64}") == (f"3 1 2 {'ab' * 64}",)
    assert read("CAA", '0 issue "letsencrypt.org; validationmethods=dns-01"') == (
        '0 issue "letsencrypt.org; validationmethods=dns-01"',
    )


def test_resolver_that_refuses_wrong_signatures_is_asked_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers SERVFAIL unless whoever asks does the checking (CD, RFC 4035, section 3.2.2)."""

    async def answer(query: dns.message.QueryMessage, *_: object, **__: object) -> tuple[dns.message.Message, bool]:
        response = dns.message.make_response(dns.message.from_wire(query.to_wire()))
        assert query.flags & dns.flags.RD
        if query.flags & dns.flags.CD:
            response.answer.append(dns.rrset.from_text(f"{HOST}.", 60, "IN", "A", IPV4))
        else:
            response.set_rcode(dns.rcode.SERVFAIL)
        return response, False

    monkeypatch.setattr("dns.asyncquery.udp_with_fallback", answer)

    async def run() -> None:
        names = Dns(Shared(), [LOOPBACK])
        with pytest.raises(LookupFailedError, match="SERVFAIL"):
            await names.public(HOST, "A")
        assert (await names.unvalidated(HOST, "A")).values == (IPV4,)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["spf..example.com", f"{'a' * 64}.example.com", "a" + 130 * ".a", r"\999.example.com"])
def test_what_is_no_name_cannot_be_looked_up_like_one_that_nobody_answers_for(name: str) -> None:
    """Others' SPF policies and reverse zones may hold anything, which must not end a whole command."""
    with pytest.raises(LookupFailedError, match="no name of the DNS"):
        asyncio.run(Dns(Shared(), [LOOPBACK]).public(name, "TXT"))


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
        (["v = DMARC1 ; p = reject ;"], OK),
        (["v=DMARC1; rua=mailto:a@example.com; p=reject; np=reject; sp=none; psd=n; t=n; new=1"], OK),
        (["another text", "v=DMARC1; p=reject"], OK),
        (["v=DMARC12; p=none", "v=DMARC1; p=reject"], OK),  # another version is no policy
        (["v=DMARC1; p=reject; pct=100; rf=afrf; ri=86400"], OK),  # gone in RFC 9989, and so ignored
        (["v=DMARC1; p=none"], WARN),
        (["v=DMARC1; p=reject; t=y"], WARN),
        (["v=DMARC1; p=reject; pct=10"], WARN),  # all mail for receivers of today
        (["v=DMARC1; p=reject; psd=y"], WARN),
        ([], FAIL),
        (["another text"], FAIL),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], FAIL),
        (["v=DMARC1; p=rejct"], FAIL),
        (["v=DMARC1; p=reject; np=nothing"], FAIL),
        (["v=DMARC1; p=reject; t=yes"], FAIL),
        (["v=DMARC1; p=reject; adkim=strict"], FAIL),
        (["v=DMARC1; rua=mailto:a@example.com"], FAIL),
        (["v=DMARC1; p=reject; sp"], FAIL),
        (["v=dmarc1; p=reject"], FAIL),  # the version counts in capitals only
        (["p=reject; v=DMARC1"], FAIL),
    ],
)
def test_dmarc_has_one_policy_that_parses(texts: list[str], status: Status) -> None:
    names = Records({(f"_dmarc.{DOMAIN}", "TXT"): texts})
    assert asyncio.run(dmarc_policy(names, DOMAIN)).status is status


def test_dmarc_tags_may_not_stand_twice() -> None:
    with pytest.raises(DmarcError, match="p more than once"):
        parse("v=DMARC1; p=none; p=reject")


@pytest.mark.parametrize(
    ("domain", "published", "expected"),
    [
        ("example.com", {}, "example.com"),
        ("a.example.com", {}, "a.example.com"),  # nobody says more
        ("a.example.com", {"example.com": ""}, "example.com"),
        ("a.example.com", {"a.example.com": "", "example.com": ""}, "example.com"),
        ("a.example.com", {"a.example.com": "psd=n", "example.com": ""}, "a.example.com"),
        ("a.b.example.co.uk", {"co.uk": "psd=y", "a.b.example.co.uk": ""}, "example.co.uk"),
        ("shop.example.com", {"shop.example.com": "psd=y", "example.com": ""}, "example.com"),
        ("1.2.3.4.5.6.7.8.example.com", {"3.4.5.6.7.8.example.com": "psd=n"}, "1.2.3.4.5.6.7.8.example.com"),
        ("1.2.3.4.5.6.7.8.example.com", {"8.example.com": ""}, "8.example.com"),
    ],
)
def test_organizational_domain_is_found_by_walking_up(domain: str, published: dict[str, str], expected: str) -> None:
    names = Records({(f"_dmarc.{name}", "TXT"): [f"v=DMARC1; p=none; {tag}"] for name, tag in published.items()})
    assert asyncio.run(organizational_domain(names, domain)) == expected


OTHERS = {("other.example", "MX"): ["10 mx.other.example"]}
AGREED = {(f"{DOMAIN}._report._dmarc.other.example", "TXT"): ["v=DMARC1"]}


@pytest.mark.parametrize(
    ("address", "records", "status"),
    [
        (f"a@{DOMAIN}", {}, OK),
        (f"nobody@{DOMAIN}", {}, FAIL),  # our own server has no such mailbox
        ("a@other.example", OTHERS, FAIL),  # has not agreed
        ("a@other.example", OTHERS | {(f"{DOMAIN}._report._dmarc.other.example", "TXT"): ["welcome"]}, FAIL),
        ("a@other.example!10m", OTHERS | AGREED, OK),
        ("a@other.example", {("other.example", "A"): ["198.51.100.80"]} | AGREED, OK),  # without MX (RFC 5321, 5.1)
        (
            "a@other.example",
            {("other.example", "MX"): ["0 ."], ("other.example", "A"): ["198.51.100.80"]} | AGREED,
            FAIL,
        ),
        ("a@nowhere.example", {}, FAIL),  # takes no mail
        (f"a@reports.{DOMAIN}", {(f"reports.{DOMAIN}", "MX"): [f"10 {HOST}"]}, OK),  # the same owner
        ("a@sibling.example", {("sibling.example", "MX"): [f"10 {HOST}"]}, FAIL),
    ],
)
def test_reports_go_only_where_they_are_welcome(
    address: str, records: dict[tuple[str, str], list[str]], status: Status
) -> None:
    assert reports(address, records).status is status


def reports(address: str, records: dict[tuple[str, str], list[str]]) -> Finding:
    """What becomes of reports to an address; another text stands before the policy."""
    policy = {(f"_dmarc.{DOMAIN}", "TXT"): ["a text", f"v=DMARC1; p=reject; rua=mailto:{address}"]}
    names = Records(BASE | policy | records)

    async def refused(recipient: str) -> bool:
        return recipient == f"nobody@{DOMAIN}"

    return asyncio.run(report_addresses(names, DOMAIN, HOST, [DOMAIN, "sibling.example"], refused))


def test_what_a_sibling_lacks_the_stack_publishes_and_what_a_stranger_lacks_he_does() -> None:
    assert REFRESH in reports("a@sibling.example", {("sibling.example", "MX"): [f"10 {HOST}"]}).remedy
    assert "The owner of other.example" in reports("a@other.example", OTHERS).remedy


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ({}, OK),
        ({(f"autodiscover.{DOMAIN}", "CNAME"): ["autodiscover.outlook.com"]}, WARN),
        ({(f"autoconfig.{DOMAIN}", "A"): ["198.51.100.9"]}, WARN),
        ({(f"autoconfig.{DOMAIN}", "A"): [IPV4], (f"autoconfig.{DOMAIN}", "AAAA"): [IPV6]}, OK),
        ({(f"autodiscover.{DOMAIN}", "CNAME"): [HOST], (f"autodiscover.{DOMAIN}", "A"): [IPV4]}, OK),
        ({(f"_autodiscover._tcp.{DOMAIN}", "SRV"): ["0 1 443 autodiscover.old.example"]}, WARN),
        ({(f"_autodiscover._tcp.{DOMAIN}", "SRV"): [f"0 1 443 {HOST}"]}, OK),
        ({(f"_autodiscover._tcp.{DOMAIN}", "SRV"): ["0 0 0 ."]}, OK),  # not offered
    ],
)
def test_set_up_that_leads_to_another_provider_is_noted(
    records: dict[tuple[str, str], list[str]], status: Status
) -> None:
    (job,) = leftovers.jobs(Context(stack(), Records(records), Shared(), stack().domains))
    assert asyncio.run(carry_out(job)).finding.status is status


def test_what_leads_mail_programs_to_the_stacks_own_is_no_left_over() -> None:
    served = stack(clientSetup=True)
    names = Records({(f"autoconfig.{DOMAIN}", "A"): ["198.51.100.60"], (f"_imaps._tcp.{DOMAIN}", "SRV"): ["0 1 9 x"]})
    (job,) = leftovers.jobs(Context(served, names, Shared(), served.domains))
    assert asyncio.run(carry_out(job)).finding.status is OK
    # Without mailboxes of its own a domain has no such records, and those there are of others.
    forwarded = stack(domains=[{"name": DOMAIN, "forwardTo": "example.net"}])
    names = Records({(f"_imaps._tcp.{DOMAIN}", "SRV"): ["0 1 993 mx.old.example"]})
    (job,) = leftovers.jobs(Context(forwarded, names, Shared(), forwarded.domains))
    assert asyncio.run(carry_out(job)).finding.status is WARN


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
    assert asyncio.run(domain_names.mx(names, DOMAIN, HOST, SENDERS)).status is OK


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
