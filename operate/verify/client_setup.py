"""How mail programs find their settings: by SRV records (RFC 6186), and by what the stack serves for each program."""

import asyncio
import ssl
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from model.client_account import Account, account
from model.service_records import NOWHERE, PREFERENCE, services
from model.web_hosts import RIGHTS
from operate.verify.certificates import Look, look
from operate.verify.client_answers import Program, apple, apples, outlook, outlooks, thunderbird, thunderbirds
from operate.verify.context import Context
from operate.verify.conversation import ConversationError
from operate.verify.https_page import Page, PageUnreadableError, page
from operate.verify.names import Names
from operate.verify.remedies import NAME, REFRESH, UP
from operate.verify.result import Check, Finding, fail, ok, warn
from operate.verify.runner import Job
from operate.verify.trust import trusting

SRV = Check(
    "dns.srv",
    "SRV records of mail programs",
    "By these records programs find the servers of a domain, and learn what is not offered (RFC 6186; RFC 8314, "
    "section 5.1).",
    f"Delete other SRV records there. {REFRESH} restores the stack's.",
    required=False,
    deadline=30,
)
AUTOCONFIG = Check(
    "clients.autoconfig",
    "mail programs set themselves up",
    "People enter address and password, and their program finds the rest; a wrong answer leads it astray "
    "(https://wiki.mozilla.org/Thunderbird:Autoconfiguration; Microsoft's Autodiscover; Apple's profiles).",
    f"{REFRESH}: it restores the Worker, its hosts and what they answer.",
    required=False,
    deadline=45,
)
CHECKS = (SRV, AUTOCONFIG)

BY_HAND = "people enter server, port and encryption by hand"
SERVE = f"pulumi config set clientSetup true --stack {NAME}, then {UP}. cloudflare:apiToken needs {RIGHTS} for it."


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each domain with mailboxes."""
    stack, names, settings = context.stack, context.names, context.stack.settings
    looks = {port.service: look(context, port) for port in settings.ports if port in PREFERENCE}
    addresses = list(stack.families.values())
    wanted = {service.name: _text(service.data) for service in services(stack.mail_host, settings.ports)}
    tls = trusting(stack.own.authorities)
    for domain in [domain.name for domain in context.selected if stack.mail_domain(domain.name).has_mailboxes]:
        yield Job(SRV, domain, partial(srv, names, domain, wanted, stack.mail_host, addresses, looks))
        if not settings.client_setup:
            yield Job(AUTOCONFIG, domain, by_hand)
            continue
        mailbox = account(f"postmaster@{domain}", stack.client_settings)
        for program, ask, expected in (
            ("Thunderbird", thunderbird, thunderbirds),
            ("Outlook", outlook, outlooks),
            ("Apple Mail", apple, apples),
        ):
            work = partial(told, names, tls, ask, mailbox, expected(mailbox))
            yield Job(AUTOCONFIG, f"{domain} {program}", work)


def _text(data: Mapping[str, int | str]) -> str:
    """A record in presentation form."""
    return " ".join(str(data[field]) for field in ("priority", "weight", "port", "target"))


async def srv(
    names: Names,
    domain: str,
    wanted: Mapping[str, str],
    mail_host: str,
    addresses: Collection[str],
    looks: Mapping[str, Look],
) -> Finding:
    """The records are the stack's, and lead to its server, whose ports answer with TLS. `wanted` is by service."""
    places = [f"_{port.service}._tcp.{domain}" for port in PREFERENCE]
    answers = await asyncio.gather(*(names.authoritative(place, "SRV") for place in places))
    wrong = [
        f"{place} is {answer.shown}, not {wanted.get(port.service, 'there')}"
        for port, place, answer in zip(PREFERENCE, places, answers, strict=True)
        if answer.values != tuple(filter(None, [wanted.get(port.service)]))
    ]
    expected = ", ".join(service for service, record in wanted.items() if not record.endswith(f" {NOWHERE}"))
    if wrong:
        return fail("; ".join(wrong), expected)
    found = [value for kind in ("A", "AAAA") for value in (await names.public(mail_host, kind)).values]
    if not set(addresses) <= set(found):
        return fail(f"{mail_host} is {', '.join(found) or 'nowhere'}", ", ".join(addresses), "See dns.a and dns.aaaa.")
    silent = await asyncio.gather(*(_silent(service, present) for service, present in looks.items()))
    if any(silent):
        return fail("; ".join(filter(None, silent)), expected, "See ports.open and tls.starttls.")
    return ok(expected, expected)


async def _silent(service: str, present: Look) -> str:
    """Why a service's port does not answer with TLS; nothing if it does."""
    try:
        await present()
    except (OSError, ssl.SSLError, ConversationError) as error:
        return f"{service}: {error or type(error).__name__}"
    return ""


async def by_hand() -> Finding:
    """The stack's settings leave it to people."""
    return warn(BY_HAND, "found by the program", SERVE)


async def told(
    names: Names, tls: ssl.SSLContext, program: Program, mailbox: Account, expected: Collection[str]
) -> Finding:
    """A program that asks as it does gets the stack's own settings."""

    async def ask(url: str, posted: str) -> Page:
        return await page(names, url, tls, posted)

    wanted = "; ".join(expected)
    try:
        found = "; ".join(await program(ask, mailbox))
    except PageUnreadableError as error:
        return fail(str(error), wanted)
    return ok(found, wanted) if found == wanted else fail(found or "no server", wanted)
