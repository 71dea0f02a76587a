"""DNS of the hosts: the mail host's addresses, who may issue its certificate and send as it, and hosts without mail."""

import ipaddress
from collections.abc import Collection, Iterable
from functools import partial

from model.settings import MailDomainSettings
from model.values import is_within
from model.wanted_records import issuer_records
from model.web_hosts import web_hosts
from operate.verify.caa import Authority, caa
from operate.verify.context import Context
from operate.verify.dnssec import dnssec
from operate.verify.names import Answer, Names
from operate.verify.no_mail import no_mail
from operate.verify.remedies import HOST, REFRESH
from operate.verify.result import Check, Finding, equal, fail, ok
from operate.verify.runner import Job
from operate.verify.spf_policy import host_policy
from operate.verify.trust import trusting

A = Check(
    "dns.a",
    "A record of the mail host",
    "Other servers and clients find the server by it (RFC 5321, section 5.1).",
    f"{REFRESH} restores the record.",
)
AAAA = Check(
    "dns.aaaa",
    "AAAA record of the mail host",
    "Mail over IPv6 comes to this address (RFC 5321, section 5.2); a wrong one delays every mail.",
    f"{REFRESH} restores the record.",
)
ALIAS = Check(
    "dns.no-cname",
    "mail host is no alias",
    "An MX must not point to a CNAME: some senders refuse to deliver (RFC 2181, section 10.3; RFC 5321, section 5.1).",
    f"Delete the CNAME record at Cloudflare, then {REFRESH}.",
)
PROXY = Check(
    "dns.not-proxied",
    "mail host is not proxied",
    "Cloudflare's proxy carries web traffic only: a proxied mail host gets no mail.",
    f"{REFRESH} switches the record's proxy status back to 'DNS only'.",
)
CAA = Check(
    "dns.caa",
    "CAA permits the certificate",
    "A CAA record that does not name the certificate's authority, or names another account there, forbids it to issue "
    "(RFC 8659, RFC 8657).",
    "Let the zone's CAA records, at the name that is shown, name the authority of the stack's certificate.",
    deadline=30,
)
DNSSEC = Check(
    "dns.dnssec",
    "DNSSEC",
    "Signed answers cannot be forged on their way (RFC 9364); without them DANE is impossible (RFC 7672). Signatures "
    "that do not fit the parent's DS record take the zone away from all who validate.",
    "Name the zone in dnssec, and give its registrar the DS record that the output dnssec tells.",
)
SPF_HOST = Check(
    "dns.spf-host",
    "SPF policy of the mail host",
    "A bounce has no sender, so receivers judge it by the policy of the host's name (RFC 7208, section 2.4).",
    f"Keep exactly one TXT record at {HOST} that begins with v=spf1. {REFRESH} restores it.",
    required=False,
)
NO_MAIL = Check(
    "dns.no-mail",
    "hosts without mail say so",
    "Mail to such a host fails at once and not after days (RFC 7505), and nobody can send as it (RFC 7208).",
    f"Delete other MX records and SPF policies there. {REFRESH} restores the stack's.",
    required=False,
)
CHECKS = (A, AAAA, ALIAS, PROXY, SPF_HOST, NO_MAIL, CAA, DNSSEC)

# fmt: off
CLOUDFLARE = [
    ipaddress.ip_network(network)
    for network in (  # https://www.cloudflare.com/ips/
        "173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
        "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17",
        "162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22", "2400:cb00::/32",
        "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
    )
]
# fmt: on


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the mail host's names, of the other hosts, and of the zones that hold them all."""
    stack, names, settings = context.stack, context.names, context.stack.settings
    host = stack.mail_host
    ipv6 = stack.ipv6 if settings.serves_ipv6 else None
    yield from [
        Job(A, host, lambda: addresses(names, host, "A", stack.ipv4)),
        Job(AAAA, host, lambda: addresses(names, host, "AAAA", ipv6)),
        Job(ALIAS, host, lambda: alias(names, host)),
        Job(PROXY, host, lambda: proxied(names, host)),
    ]
    domains = [stack.mail_domain(domain.name) for domain in context.selected]
    without_mail = [*settings.former_mail_hosts, *(web for domain in domains for web in web_hosts(domain, settings))]
    mail_domains = {domain.name for domain in settings.domains}
    if host not in mail_domains:
        yield Job(SPF_HOST, host, partial(host_policy, names, host, list(stack.families.values())))
    for name in without_mail:
        if name not in mail_domains:
            yield Job(NO_MAIL, name, partial(no_mail, names, name))
    if settings.acme_directory:
        tls = trusting(stack.own.authorities)
        for name in settings.certificate_names:
            issuer = (settings.issuer or "") if any(issuer_records(name, settings)) else ""
            authority = Authority(settings.acme_directory, stack.account, issuer)
            yield Job(CAA, name, partial(caa, names, name, authority, tls))
    known = {*settings.dnssec, *stack.delegations}
    for zone in dict.fromkeys(_zone(domain, known) for domain in (settings.zone_holder(host), *domains)):
        place = None if zone in settings.dnssec else len(settings.dnssec)
        yield Job(DNSSEC, zone, partial(dnssec, names, zone, stack.delegations.get(zone, ""), place=place))


def _zone(domain: MailDomainSettings, known: Collection[str]) -> str:
    """The name of a domain's zone; of one that is set by its identifier, as it is called elsewhere."""
    if domain.zone_id and not domain.zone:
        return max((zone for zone in known if is_within(domain.name, zone)), key=len, default=domain.name)
    return domain.zone_name


async def addresses(names: Names, host: str, kind: str, expected: str | None) -> Finding:
    """The zone has exactly the server's address; none, where the server has none of this family."""
    answer = await names.authoritative(host, kind)
    wanted = () if expected is None else (str(ipaddress.ip_address(expected)),)
    return equal(answer.shown, Answer(wanted).shown)


async def alias(names: Names, host: str) -> Finding:
    """The mail host's name is no CNAME."""
    answer = await names.authoritative(host, "CNAME")
    return equal(answer.shown, "nothing")


async def proxied(names: Names, host: str) -> Finding:
    """None of the host's addresses is Cloudflare's."""
    answers = [await names.authoritative(host, kind) for kind in ("A", "AAAA")]
    found = [address for answer in answers for address in answer.values]
    foreign = [address for address in found if any(ipaddress.ip_address(address) in network for network in CLOUDFLARE)]
    if foreign:
        return fail(f"{', '.join(foreign)} belongs to Cloudflare", "the server's own addresses")
    return ok("DNS only")
