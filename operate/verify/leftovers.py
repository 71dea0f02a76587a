"""Records of an earlier server or provider that still tell others what is no longer so.

The program makes none of these, so whatever is found here was there before, or came by hand.
"""

import asyncio
from collections.abc import Collection, Iterable
from functools import partial

from model.ports import SMTP
from model.values import is_within
from operate.verify.certificates import presented
from operate.verify.context import Context
from operate.verify.dane import tlsa, tlsa_name
from operate.verify.mta_sts import fetch, mta_sts
from operate.verify.names import Names
from operate.verify.remedies import HOST
from operate.verify.result import Check, Finding, ok, warn
from operate.verify.runner import Job
from operate.verify.trust import trusting

MTA_STS = Check(
    "dns.mta-sts",
    "MTA-STS policy",
    "Senders that find a policy deliver to the hosts it names only, over trusted TLS, and remember it for its max_age "
    "(RFC 8461, sections 3 and 5).",
    f"Let the policy name {HOST}; or replace it by one with mode: none and change the id in the TXT record, and delete "
    "both records, _mta-sts and mta-sts, once the old policy's max_age is over (RFC 8461, section 8.3).",
    deadline=30,
)
TLSA = Check(
    "dns.tlsa",
    "TLSA record",
    "Senders that heed DANE deliver only where the record fits the certificate that port 25 presents (RFC 7672).",
    f"Delete the TLSA records at _25._tcp.{HOST}, or let one fit the certificate and every renewal of it.",
    deadline=30,
)
TLS_REPORTS = Check(
    "dns.tls-reports",
    "TLS report addresses",
    "Whoever gets these reports learns who sends mail to the domain, and what fails (RFC 8460).",
    "Delete the TXT record at _smtp._tls, or let it name an address of yours, or keep it, if you chose that service.",
    required=False,
)
SET_UP = Check(
    "dns.client-setup",
    "set-up of mail programs",
    "Outlook, Thunderbird and others set accounts up by what these names say, be it another provider's servers "
    "(RFC 6186; Microsoft's Autodiscover).",
    f"Delete the records of the former provider, or let them lead to {HOST}.",
    required=False,
    deadline=20,
)
CHECKS = (MTA_STS, TLSA, TLS_REPORTS, SET_UP)

HOSTS = ("autodiscover", "autoconfig")
SERVICES = ("autodiscover", "imaps", "imap", "pop3s", "pop3", "submissions", "submission")


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the mail host's port 25, and of each domain."""
    names, stack = context.names, context.stack
    certificate = partial(presented, stack.ipv4, SMTP, stack.mail_host, stack.own.authorities)
    look = partial(context.shared.once, ("certificate", SMTP.number), certificate)
    yield Job(TLSA, tlsa_name(stack.mail_host), partial(tlsa, names, stack.mail_host, look))
    own = [domain.name for domain in stack.domains]
    # While a domain's mail still goes to its former provider, that provider's records are right.
    for domain in [domain for domain in context.selected if stack.receives(domain.name)]:
        policy = partial(fetch, names, domain.name, trusting(stack.own.authorities))
        yield Job(MTA_STS, domain.name, partial(mta_sts, names, domain.name, stack.mail_host, policy))
        yield Job(TLS_REPORTS, domain.name, partial(tls_reports, names, domain.name, own))
        addresses = [stack.ipv4, stack.ipv6]
        yield Job(SET_UP, domain.name, partial(set_up, names, domain.name, stack.mail_host, addresses))


async def tls_reports(names: Names, domain: str, own: Collection[str]) -> Finding:
    """Reports of failed TLS go to nobody, or to one of the stack's own domains (RFC 8460, section 3)."""
    expected = "none, or an address of your own"
    texts = (await names.authoritative(f"_smtp._tls.{domain}", "TXT")).values
    records = [text for text in texts if text.lower().startswith("v=tlsrptv1")]
    targets = [uri.strip() for record in records for uri in record.partition("rua=")[2].partition(";")[0].split(",")]
    foreign = [uri for uri in targets if uri and not any(is_within(_host_of(uri), name) for name in own)]
    if foreign:
        return warn(f"reports go to {', '.join(foreign)}", expected)
    return ok(", ".join(targets) or "nobody gets reports", expected)


def _host_of(uri: str) -> str:
    """The domain of a mailto or https address."""
    scheme, _, rest = uri.lower().partition(":")
    return rest.rpartition("@")[2] if scheme == "mailto" else rest.strip("/").partition("/")[0].partition(":")[0]


async def set_up(names: Names, domain: str, mail_host: str, addresses: Collection[str]) -> Finding:
    """The names by which mail programs set accounts up are unused, or lead to the mail host."""
    found = await asyncio.gather(
        *(_elsewhere(names, f"{label}.{domain}", mail_host, addresses) for label in HOSTS),
        *(_service_elsewhere(names, f"_{service}._tcp.{domain}", mail_host) for service in SERVICES),
    )
    foreign, expected = [text for text in found if text], f"none, or {mail_host}"
    return warn("; ".join(foreign), expected) if foreign else ok("nothing that leads elsewhere", expected)


async def _elsewhere(names: Names, name: str, mail_host: str, own: Collection[str]) -> str:
    """Where a name leads, if it is not the mail host; else nothing."""
    alias, *answers = await asyncio.gather(
        names.authoritative(name, "CNAME"), *(names.public(name, kind) for kind in ("A", "AAAA"))
    )
    addresses = [address for answer in answers for address in answer.values]
    ours = set(addresses) <= set(own) if addresses else alias.values in ((), (mail_host,))
    return "" if ours else f"{name} is {', '.join([*alias.values, *addresses])}"


async def _service_elsewhere(names: Names, name: str, mail_host: str) -> str:
    hosts = [record.split()[-1] for record in (await names.authoritative(name, "SRV")).values]
    # A dot says that the service is not offered (RFC 6186, section 3.4).
    return "" if all(host in (mail_host, ".") for host in hosts) else f"{name} is {', '.join(hosts)}"
