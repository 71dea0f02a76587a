"""Records of an earlier provider that still lead mail programs to it."""

import asyncio
from collections.abc import Collection, Iterable
from functools import partial

from model.service_records import PREFERENCE
from model.web_hosts import AUTOCONFIG, AUTODISCOVER, web_hosts
from operate.verify.context import Context
from operate.verify.names import Names
from operate.verify.remedies import HOST
from operate.verify.result import Check, Finding, ok, warn
from operate.verify.runner import Job

SET_UP = Check(
    "dns.client-setup",
    "set-up of mail programs",
    "Outlook, Thunderbird and others set accounts up by what these names say, be it another provider's servers "
    "(RFC 6186; Microsoft's Autodiscover).",
    f"Delete the records of the former provider, or let them lead to {HOST}.",
    required=False,
    deadline=20,
)
CHECKS = (SET_UP,)


def jobs(context: Context) -> Iterable[Job]:
    """The check of each domain, but for those names that the stack has records of its own at."""
    stack = context.stack
    # While a domain's mail still goes to its former provider, that provider's records are right.
    for domain in [domain.name for domain in context.selected if stack.receives(domain.name)]:
        settings = stack.mail_domain(domain)
        own = {*web_hosts(settings, stack.settings)}
        hosts = [host for label in (AUTODISCOVER, AUTOCONFIG) if (host := f"{label}.{domain}") not in own]
        others = [] if settings.has_mailboxes else [port.service for port in PREFERENCE]
        services = [f"_{service}._tcp.{domain}" for service in (AUTODISCOVER, *others)]
        work = partial(set_up, context.names, hosts, services, stack.mail_host, [stack.ipv4, stack.ipv6])
        yield Job(SET_UP, domain, work)


async def set_up(
    names: Names, hosts: Collection[str], services: Collection[str], mail_host: str, addresses: Collection[str]
) -> Finding:
    """The names by which mail programs set accounts up are unused, or lead to the mail host."""
    found = await asyncio.gather(
        *(_elsewhere(names, host, mail_host, addresses) for host in hosts),
        *(_service_elsewhere(names, service, mail_host) for service in services),
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
