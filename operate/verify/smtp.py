"""How the server behaves on its SMTP ports towards a stranger."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from operate.verify.context import Context
from operate.verify.open_relay import relay
from operate.verify.recipients import ROLE_ADDRESSES, Replies, nobody, recipients
from operate.verify.remedies import UP
from operate.verify.result import Check, Finding, equal, fail, ok, warn
from operate.verify.runner import Job
from operate.verify.smtp_session import session

GREETING = Check(
    "smtp.greeting",
    "greeting and EHLO name",
    "Receivers compare the name a server calls itself with its PTR record (RFC 5321, section 4.1.4).",
    f"The container's host name and Poste's own have to be the mail host. After mailHost was changed: {UP}. If Poste's "
    "own name was changed in its System settings, on the server: docker restart poste, which sets it back.",
    deadline=40,
)
SIZE = Check(
    "smtp.size",
    "message size",
    "Others learn from EHLO what they may send (RFC 1870); providers take 20 to 50 MB, and people expect as much.",
    "Raise the limit in Poste's administration, System settings.",
    required=False,
    deadline=40,
)
RELAY = Check(
    "smtp.no-relay",
    "no open relay",
    "A server that delivers strangers' mail anywhere is found within hours, used for spam and listed (RFC 5321, "
    "section 7.9).",
    "Remove networks from the relay settings in Poste's administration, System settings. In networkMode bridge, Docker "
    f"may hide the client's address: set networkMode to host, then {UP}.",
    deadline=60,
)
AUTH = Check(
    "smtp.auth",
    "passwords only over TLS",
    "AUTH before TLS invites clients to send passwords in clear text (RFC 4954, section 4; RFC 8314, section 3).",
    "Remove what changes the image's own settings (/data/_override in the container), which offer AUTH after STARTTLS "
    "only; then docker restart poste, on the server.",
    deadline=40,
)
UNKNOWN = Check(
    "smtp.unknown",
    "unknown mailbox is refused at once",
    "Mail taken and bounced later hits forged senders; servers get listed for backscatter (RFC 5321, section 6.1).",
    "Remove catch-all forwarding of the domain in Poste, unless it is wanted.",
    deadline=60,
)
ROLES = Check(
    "smtp.roles",
    "postmaster and abuse",
    "Every domain has to take mail for postmaster, and others send complaints to abuse (RFC 5321, section 4.5.1; "
    "RFC 2142).",
    "Make mailboxes or aliases postmaster@ and abuse@ in each domain, in Poste's administration.",
    deadline=60,
)
CHECKS = (GREETING, SIZE, RELAY, AUTH, UNKNOWN, ROLES)

MINIMUM_SIZE = 20_000_000


@dataclass(frozen=True)
class Introduction:
    """What a server says of itself before and after TLS."""

    greeting: str
    name: str
    """The name in the answer to EHLO."""
    size: int
    auth_before_tls: bool


Meet = Callable[[], Awaitable[Introduction]]


async def introduction(address: str, port: int) -> Introduction:
    """Connect and say EHLO."""
    async with session(address, port) as (client, greeted):
        answer = await client.ehlo()
        announced = client.esmtp_extensions.get("size", "")
        return Introduction(
            greeting=_first_word(greeted),
            name=_first_word(answer.message),
            size=int(announced) if announced.isdigit() else 0,
            auth_before_tls=bool(client.supported_auth_methods),
        )


def _first_word(text: str) -> str:
    return (text.split() or [""])[0].lower()


def jobs(context: Context) -> Iterable[Job]:
    """The checks of both families, of the submission port, and of each domain."""
    stack, once = context.stack, context.shared.once
    for family, address in stack.families.items():
        meet = partial(once, ("smtp", address), partial(introduction, address, 25))
        yield Job(GREETING, family, partial(greeting, meet, stack.mail_host))
        yield Job(RELAY, family, partial(relay, address, 25, stack.domains[0].name, stack.mail_host))
        if address == stack.ipv4:
            yield Job(SIZE, "25 smtp", partial(size, meet))
            yield Job(AUTH, "25 smtp", partial(auth, meet))
    meet = partial(once, ("submission", stack.ipv4), partial(introduction, stack.ipv4, 587))
    yield Job(AUTH, "587 submission", partial(auth, meet))
    names = [domain.name for domain in context.selected]
    ask = partial(once, "recipients", partial(recipients, stack.ipv4, 25, names))
    for name in names:
        yield Job(UNKNOWN, name, partial(unknown_mailbox, ask, name))
        yield Job(ROLES, name, partial(roles, ask, name))


async def greeting(meet: Meet, host: str) -> Finding:
    """The greeting and the answer to EHLO begin with the mail host's name."""
    found = await meet()
    return equal(found.name if found.greeting == host else found.greeting, host)


async def size(meet: Meet) -> Finding:
    """The server announces a size that people can live with."""
    found = await meet()
    expected = f"{MINIMUM_SIZE // 1_000_000} MB or more"
    if not found.size:
        return warn("announces no size", expected)
    shown = f"{found.size / 1_000_000:.0f} MB"
    return ok(shown, expected) if found.size >= MINIMUM_SIZE else warn(shown, expected)


async def auth(meet: Meet) -> Finding:
    """AUTH is not offered before TLS."""
    expected = "AUTH after TLS only"
    return fail("AUTH offered without TLS", expected) if (await meet()).auth_before_tls else ok(expected, expected)


async def unknown_mailbox(ask: Callable[[], Awaitable[Replies]], domain: str) -> Finding:
    """A mailbox that does not exist is refused when it is named, for good."""
    code, text = (await ask())[nobody(domain)]
    expected = "550 at RCPT"
    if code < 300:
        return fail(f"{code} {text}", expected)
    return ok(f"{code} {text}", expected) if code >= 500 else warn(f"{code} {text}", expected)


async def roles(ask: Callable[[], Awaitable[Replies]], domain: str) -> Finding:
    """Mail for postmaster and abuse is taken."""
    replies = await ask()
    refused = [
        f"{local}: {code} {text}"
        for local in ROLE_ADDRESSES
        for code, text in [replies[f"{local}@{domain}"]]
        if code >= 300
    ]
    if not refused:
        return ok("both are taken", "both are taken")
    return fail("; ".join(refused), "both are taken")
