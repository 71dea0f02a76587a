"""DNS of a mail domain: where its mail goes, and which policies others find."""

import asyncio
import secrets
from collections.abc import Awaitable, Collection, Iterable, Iterator
from functools import partial

from model.records import dmarc_name
from operate.verify.bimi import bimi
from operate.verify.context import Context
from operate.verify.dkim_record import dkim_record
from operate.verify.dmarc_policy import dmarc_policy
from operate.verify.dmarc_reports import report_addresses
from operate.verify.mx import NULL, hosts
from operate.verify.names import Names
from operate.verify.recipients import refuses
from operate.verify.remedies import REFRESH, UP
from operate.verify.result import Check, Finding, fail, ok, warn
from operate.verify.runner import Job
from operate.verify.spf_policy import spf_lookups, spf_policy
from operate.verify.stack import Domain
from operate.verify.trust import trusting

REPAIR = f"{REFRESH} restores the record."

MX = Check(
    "dns.mx",
    "MX record",
    "It says where the domain's mail goes (RFC 5321, section 5.1); another host beside this one would take part of it.",
    f"Delete other MX records. {REPAIR}",
)
SPF = Check(
    "dns.spf",
    "SPF policy",
    "It says which addresses may send for the domain; with none or two, receivers treat mail as forged "
    "(RFC 7208, section 4.5).",
    f"Keep exactly one TXT record that begins with v=spf1. {REPAIR}",
)
SPF_LOOKUPS = Check(
    "dns.spf-lookups",
    "SPF look-ups",
    "A policy that takes more than 10 look-ups is an error, which receivers may refuse (RFC 7208, section 4.6.4).",
    "Replace include and a mechanisms by addresses; those that the program publishes, in domains[].senders.",
)
DKIM = Check(
    "dns.dkim",
    "DKIM key",
    "Receivers check signatures with it; a wrong key makes every mail look forged (RFC 6376, section 3.6).",
    REPAIR,
)
DMARC = Check(
    "dns.dmarc",
    "DMARC policy",
    "It says what becomes of mail that fails SPF and DKIM; large providers refuse domains without one (RFC 9989).",
    f"Keep exactly one TXT record at _dmarc. {REPAIR}",
)
REPORTS = Check(
    "dns.dmarc-reports",
    "DMARC report addresses",
    "Reports go only to domains that take mail and have agreed to get them (RFC 9990, section 4).",
    "Use an address in one of your domains (dmarc.rua), or have its owner publish the record that authorises it.",
    required=False,
    deadline=40,
)
BIMI = Check(
    "dns.bimi",
    "BIMI logo",
    "Receivers show the logo beside mail only where they find it in its form and the DMARC policy is strict (BIMI; "
    "draft-brand-indicators-for-message-identification).",
    f"Put the file at its address; {REFRESH} restores the record.",
    required=False,
    deadline=40,
)
WILDCARD = Check(
    "dns.no-wildcard",
    "no wildcard records",
    "A wildcard answers for names that nobody made, so mail for mistyped subdomains vanishes (RFC 4592, section 2.2).",
    "Delete the wildcard MX, A, AAAA, CNAME or TXT record, or accept what it does.",
    required=False,
)
PUBLIC = Check(
    "dns.public",
    "what the public sees",
    "Resolvers keep old answers for a record's TTL, so a change takes as long to arrive (RFC 1035, section 3.2.1).",
    "Wait for the TTL (an hour, unless set otherwise) and look again: --watch does that.",
    required=False,
)
CHECKS = (MX, SPF, SPF_LOOKUPS, DKIM, DMARC, REPORTS, BIMI, WILDCARD, PUBLIC)


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each domain."""
    for domain in context.selected:
        yield from _jobs(context, domain)


def _jobs(context: Context, domain: Domain) -> list[Job]:
    names, name, stack = context.names, domain.name, context.stack
    senders, siblings = list(stack.families.values()), [sibling.name for sibling in stack.domains]

    def refused(address: str) -> Awaitable[bool]:
        return context.shared.once(("refused", address), partial(refuses, stack.ipv4, 25, address))

    def looks_at_mx() -> Awaitable[Finding]:
        if not stack.receives(name):
            return mx_elsewhere(names, name, stack.mail_host)
        return mx(names, name, stack.mail_host, [stack.ipv4, stack.ipv6])

    logo = stack.mail_domain(name).bimi
    others = stack.settings.senders(stack.mail_domain(name))
    tls = trusting(stack.own.authorities)
    return [
        *([Job(BIMI, name, lambda: bimi(names, name, logo, tls))] if logo else []),
        Job(MX, name, looks_at_mx),
        Job(SPF, name, lambda: spf_policy(names, name, stack.mail_host, senders, others)),
        Job(SPF_LOOKUPS, name, lambda: spf_lookups(names, name, stack.mail_host, senders)),
        *_keys(names, domain),
        Job(DMARC, name, lambda: dmarc_policy(names, name)),
        Job(REPORTS, name, lambda: report_addresses(names, name, stack.mail_host, siblings, refused)),
        Job(WILDCARD, name, lambda: wildcard(names, name)),
        Job(PUBLIC, name, lambda: public(names, domain)),
    ]


def _keys(names: Names, domain: Domain) -> Iterator[Job]:
    """The record of the key that signs, and that of the next or the former one."""
    yield Job(DKIM, domain.name, lambda: dkim_record(names, domain.dkim_name, domain.dkim_value))
    if other := domain.rotation:
        which = "next" if other.phase == "waiting" else "former"
        subject = f"{domain.name}, {which} key"
        yield Job(DKIM, subject, lambda: dkim_record(names, other.other_name, other.other_value))


async def mx(names: Names, domain: str, mail_host: str, addresses: Collection[str]) -> Finding:
    """The domain's only MX is the mail host; `addresses` are the server's, by which it is known under other names."""
    found = hosts(await names.authoritative(domain, "MX"))
    if not found:
        if await _leads_to(names, domain, addresses):
            return warn("no record, but the domain's own address is the server's", mail_host)
        return fail("nothing", mail_host)
    if NULL in found:
        return fail("a null MX: the domain takes no mail (RFC 7505)", mail_host)
    others = [host for host in found if host != mail_host]
    if not others:
        return ok(mail_host, mail_host)
    if all([await _leads_to(names, host, addresses) for host in others]):
        return warn(f"{', '.join(found)}: the server under another name, which its certificate lacks", mail_host)
    return fail(", ".join(found), mail_host)


async def mx_elsewhere(names: Names, domain: str, mail_host: str) -> Finding:
    """The MX of a domain that is only being prepared is not the mail host yet."""
    found, expected = hosts(await names.authoritative(domain, "MX")), "another host, until receive is true"
    if mail_host in found:
        return warn(mail_host, expected, f"If the domain has moved, set its receive to true; then {UP}.")
    return ok(", ".join(found) or "nothing", expected)


async def _leads_to(names: Names, host: str, addresses: Collection[str]) -> bool:
    """Whether a name has addresses, and all are the server's."""
    answers = await asyncio.gather(*(names.public(host, kind) for kind in ("A", "AAAA")))
    found = {address for answer in answers for address in answer.values}
    return bool(found) and found <= set(addresses)


async def wildcard(names: Names, domain: str) -> Finding:
    """A name that nobody can have made has no records."""
    name = f"wildcard-{secrets.token_hex(6)}.{domain}"
    kinds = ("MX", "A", "AAAA", "TXT")
    answers = await asyncio.gather(*(names.authoritative(name, kind) for kind in kinds))
    found = [f"{kind} {answer.shown}" for kind, answer in zip(kinds, answers, strict=True) if answer.values]
    return warn(f"*.{domain}: {'; '.join(found)}", "nothing") if found else ok("none")


async def public(names: Names, domain: Domain) -> Finding:
    """A resolver gives the same answers as the zone's own servers."""
    questions = [
        (domain.name, "MX"),
        (domain.name, "TXT"),
        (domain.dkim_name, "TXT"),
        (dmarc_name(domain.name), "TXT"),
    ]
    own, seen = await asyncio.gather(
        asyncio.gather(*(names.authoritative(*question) for question in questions)),
        asyncio.gather(*(names.public(*question) for question in questions)),
    )
    stale = [
        f"{name} {kind}"
        for (name, kind), there, here in zip(questions, own, seen, strict=True)
        if there.values != here.values
    ]
    if stale:
        return warn(f"still old: {', '.join(stale)}", "the same as at the zone's own servers")
    return ok("the same as at the zone's own servers")
