"""DNS of the mail host: its addresses, and who may issue a certificate for it."""

import ipaddress
from collections.abc import Iterable
from functools import partial

from operate.verify.caa import Authority, caa
from operate.verify.context import Context
from operate.verify.names import Answer, Names
from operate.verify.remedies import REFRESH
from operate.verify.result import Check, Finding, equal, fail, ok, warn
from operate.verify.runner import Job
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
    "Signed answers cannot be forged on their way (RFC 9364); without them DANE is impossible (RFC 7672).",
    "Enable DNSSEC for the zone at Cloudflare (DNS, Settings) and enter the DS record at your registrar.",
    required=False,
)
CHECKS = (A, AAAA, ALIAS, PROXY, CAA, DNSSEC)

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
    """The checks of the mail host's names."""
    stack, names = context.stack, context.names
    host = stack.mail_host
    ipv6 = stack.ipv6 if stack.settings.serves_ipv6 else None
    yield from [
        Job(A, host, lambda: addresses(names, host, "A", stack.ipv4)),
        Job(AAAA, host, lambda: addresses(names, host, "AAAA", ipv6)),
        Job(ALIAS, host, lambda: alias(names, host)),
        Job(PROXY, host, lambda: proxied(names, host)),
        Job(DNSSEC, host, lambda: dnssec(names, host)),
    ]
    if stack.settings.acme_directory:
        authority, tls = Authority(stack.settings.acme_directory, stack.account), trusting(stack.own.authorities)
        for name in stack.settings.certificate_names:
            yield Job(CAA, name, partial(caa, names, name, authority, tls))


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


async def dnssec(names: Names, host: str) -> Finding:
    """Whether the resolver vouches for the host's address."""
    answer = await names.public(host, "A")
    return ok("signed and validated") if answer.authenticated else warn("not signed, or not validated", "signed")
