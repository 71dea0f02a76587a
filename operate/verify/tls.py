"""TLS: one trusted certificate for the mail host's name on every port, and no old protocol versions."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from model.ports import Port
from operate.verify.certificates import Presented, accepts_old_tls, covers, presented
from operate.verify.context import Context
from operate.verify.conversation import ConversationError
from operate.verify.remedies import UP
from operate.verify.result import Check, Finding, fail, ok, unknown, warn
from operate.verify.runner import Job

ISSUE = (
    "Request a certificate for the mail host from Let's Encrypt, in Poste's administration: System settings, TLS "
    "Certificate. If it has one that is not served: docker restart poste, on the server."
)
NAME = Check(
    "tls.name",
    "certificate's name",
    "Clients refuse a certificate that is not for the name they connect to (RFC 9525).",
    ISSUE,
    deadline=30,
)
EXPIRY = Check(
    "tls.expiry",
    "certificate's days left",
    "An expired certificate stops every client (RFC 5280, section 4.1.2.5). Renewal by Poste can fail silently, "
    "so look at what is served.",
    ISSUE,
    deadline=30,
)
TRUST = Check(
    "tls.trust",
    "certificate is trusted",
    "Clients warn of, or refuse, a certificate that no known authority has signed (RFC 5280, section 6).",
    ISSUE,
    deadline=30,
)
SAME = Check(
    "tls.same",
    "same certificate everywhere",
    "After a renewal, single services of Poste may go on with the old certificate, until it expires.",
    "Restart the container: docker restart poste, on the server.",
    deadline=30,
)
FLOOR = Check(
    "tls.floor",
    "TLS 1.2 or newer",
    "TLS 1.0 and 1.1 are broken and forbidden (RFC 8996).",
    f"Set posteImage to a current image, for older ones still offer them; then {UP}.",
    deadline=30,
)
STARTTLS = Check(
    "tls.starttls",
    "STARTTLS is offered",
    "Without it mail and passwords cross the network in clear text (RFC 3207, RFC 8314).",
    "Look at the container's log for errors in its certificate's files (docker logs poste, on the server); once they "
    "are mended, docker restart poste.",
    deadline=30,
)
CHECKS = (NAME, EXPIRY, TRUST, SAME, FLOOR, STARTTLS)

RENEWAL_DAYS = 21
"""Poste renews 30 days ahead; fewer days than this say that it fails to."""

Look = Callable[[], Awaitable[Presented]]


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each port that speaks TLS, over IPv4: the services are the same on both families."""
    stack = context.stack
    allowed = stack.own.allow_self_signed
    secure = [port for port in stack.settings.ports if port.security != "none" and serves(context, port)]

    def look(port: Port) -> Look:
        work = partial(presented, stack.ipv4, port, stack.mail_host)
        return partial(context.shared.once, ("certificate", port.number), work)

    for port in secure:
        subject = f"{port.number} {port.service}"
        yield Job(NAME, subject, partial(name, look(port), stack.mail_host, allow_self_signed=allowed))
        yield Job(EXPIRY, subject, partial(expiry, look(port)))
        yield Job(TRUST, subject, partial(trust, look(port), allow_self_signed=allowed))
        yield Job(FLOOR, subject, partial(floor, stack.ipv4, port, stack.mail_host, look(port)))
        if port.security == "STARTTLS":
            yield Job(STARTTLS, subject, partial(starttls, look(port)))
    yield Job(SAME, stack.mail_host, partial(same, [look(port) for port in secure], [port.number for port in secure]))


def serves(context: Context, port: Port) -> bool:
    """Whether a port is Poste's own to the outside: the web ports are not, behind a reverse proxy."""
    settings = context.stack.settings
    return port.service != "https" or (settings.https and not settings.reverse_proxy_cidrs)


async def name(look: Look, host: str, *, allow_self_signed: bool) -> Finding:
    """The certificate is for the mail host."""
    look_at = await look()
    found = ", ".join(look_at.names) or "no name"
    if covers(look_at.names, host):
        return ok(found, host)
    # Poste's own certificate, which it has until Let's Encrypt has given one, has no name at all.
    if allow_self_signed and look_at.is_self_signed and not look_at.names:
        return warn("no name, which was allowed", host)
    return fail(found, host)


async def expiry(look: Look) -> Finding:
    """The certificate has not expired, and will not soon."""
    days = (await look()).days_left
    expected = f"{RENEWAL_DAYS} days or more"
    if days < 0:
        return fail(f"expired {-days:.0f} days ago", expected)
    return warn(f"{days:.0f} days", expected) if days < RENEWAL_DAYS else ok(f"{days:.0f} days", expected)


async def trust(look: Look, *, allow_self_signed: bool) -> Finding:
    """A client with the usual authorities trusts it."""
    look_at = await look()
    if not look_at.distrust:
        return ok("signed by a known authority")
    # Only that nobody known has signed it is permitted; an expired or broken one is not what was asked for.
    if allow_self_signed and look_at.is_self_signed:
        return warn("self-signed, which was allowed", "signed by a known authority")
    return fail(look_at.distrust, "signed by a known authority")


async def same(looks: Sequence[Look], numbers: Sequence[int]) -> Finding:
    """All ports present one certificate."""
    answers = await asyncio.gather(*(look() for look in looks), return_exceptions=True)
    by_fingerprint: dict[str, list[str]] = {}
    for number, answer in zip(numbers, answers, strict=True):
        if isinstance(answer, Presented):
            by_fingerprint.setdefault(answer.fingerprint[:12], []).append(str(number))
    if not by_fingerprint:
        return unknown("no port presents a certificate", "one certificate")
    shown = "; ".join(f"{print_} on {', '.join(ports)}" for print_, ports in by_fingerprint.items())
    return ok(shown, "one certificate") if len(by_fingerprint) == 1 else fail(shown, "one certificate")


async def floor(address: str, port: Port, host: str, look: Look) -> Finding:
    """A modern client gets TLS 1.2 or 1.3, and an old one gets nothing."""
    version = (await look()).version
    if version not in ("TLSv1.2", "TLSv1.3"):
        return fail(version, "TLSv1.2 or TLSv1.3")
    if await accepts_old_tls(address, port, host):
        return fail(f"{version}, but also TLS 1.0 or 1.1", "TLS 1.2 or newer only")
    return ok(version, "TLSv1.2 or TLSv1.3")


async def starttls(look: Look) -> Finding:
    """The port turns to TLS when asked."""
    try:
        return ok((await look()).version, "offered and working")
    except ConversationError as error:
        return fail(str(error), "offered and working")
    except ssl.SSLError as error:
        return fail(error.reason or str(error), "offered and working")
