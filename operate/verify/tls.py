"""TLS: one trusted certificate for the mail host's name on every port, and no old protocol versions."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from model.ports import Port
from model.settings import AUTHORITIES
from operate.verify.certificates import Look, Presented, accepts_old_tls, covers, look
from operate.verify.context import Context
from operate.verify.conversation import ConversationError
from operate.verify.remedies import RERUN, UP
from operate.verify.result import Check, Finding, fail, ok, unknown, warn
from operate.verify.runner import Job

ISSUE = (
    f"{RERUN}: it gets a certificate where none will do, and has each port serve it. Look at tls.renewal, too. Where "
    "certificate is none, set it to letsencrypt first, or put one there by hand."
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
    "certificate's time left",
    "An expired certificate stops every client (RFC 5280, section 4.1.2.5). The server renews it when a third of its "
    "lifetime is left; less than a quarter says that it does not.",
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
    f"{RERUN}: it has each port serve the newest certificate, and restarts those of Poste's services that do not.",
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
    f"{RERUN}: it writes the files of the certificate anew. If that does not help, look at docker logs poste, on the "
    "server.",
    deadline=30,
)
CHECKS = (NAME, EXPIRY, TRUST, SAME, FLOOR, STARTTLS)

SHARE = 1 / 4
"""Of its lifetime; a certificate with less left should have been renewed at a third."""
TRUSTED = "signed by a known authority"


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each port that speaks TLS, over IPv4: the services are the same on both families."""
    stack = context.stack
    names = stack.settings.certificate_names if stack.settings.acme_directory else [stack.mail_host]
    for_trials = stack.settings.acme_directory == AUTHORITIES["staging"]
    allowed = stack.own.allow_self_signed
    secure = [port for port in stack.settings.ports if port.security != "none" and serves(context, port)]

    looks = [look(context, port) for port in secure]
    for port, present in zip(secure, looks, strict=True):
        subject = f"{port.number} {port.service}"
        yield Job(NAME, subject, partial(name, present, names, allow_self_signed=allowed))
        yield Job(EXPIRY, subject, partial(expiry, present))
        yield Job(TRUST, subject, partial(trust, present, allow_self_signed=allowed, for_trials=for_trials))
        yield Job(FLOOR, subject, partial(floor, stack.ipv4, port, stack.mail_host, present))
        if port.security == "STARTTLS":
            yield Job(STARTTLS, subject, partial(starttls, present))
    yield Job(SAME, stack.mail_host, partial(same, looks, [port.number for port in secure]))


def serves(context: Context, port: Port) -> bool:
    """Whether a port is Poste's own to the outside: the web ports are not, behind a reverse proxy."""
    settings = context.stack.settings
    return port.service != "https" or (settings.https and not settings.reverse_proxy_cidrs)


async def name(look: Look, hosts: Sequence[str], *, allow_self_signed: bool) -> Finding:
    """The certificate is for the mail host, and for the other names that it was asked for."""
    look_at = await look()
    expected = ", ".join(hosts)
    found = ", ".join(look_at.names) or "no name"
    if all(covers(look_at.names, host) for host in hosts):
        return ok(found, expected)
    # Poste's own certificate, which it has until an authority has given one, has no name at all.
    if allow_self_signed and look_at.is_self_signed and not look_at.names:
        return warn("no name, which was allowed", expected)
    return fail(found, expected)


async def expiry(look: Look) -> Finding:
    """The certificate has not expired, and will be renewed before it does."""
    look_at = await look()
    left, least = look_at.left, look_at.lifetime * SHARE
    expected = f"{shown(least)} or more"
    if left < timedelta():
        return fail(f"expired {shown(-left)} ago", expected)
    return warn(shown(left), expected) if left < least else ok(shown(left), expected)


def shown(time: timedelta) -> str:
    """A time in whole days, or in hours where it is short."""
    hours = time / timedelta(hours=1)
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"


async def trust(look: Look, *, allow_self_signed: bool, for_trials: bool) -> Finding:
    """A client with the usual authorities trusts it."""
    look_at = await look()
    if for_trials:
        remedy = f"Set certificate to letsencrypt (pulumi config set certificate letsencrypt), then {UP}."
        return fail(look_at.distrust or "from Let's Encrypt's staging environment", TRUSTED, remedy)
    if not look_at.distrust:
        return ok(TRUSTED)
    # Only that nobody known has signed it is permitted; an expired or broken one is not what was asked for.
    if allow_self_signed and look_at.is_self_signed:
        return warn("self-signed, which was allowed", TRUSTED)
    return fail(look_at.distrust, TRUSTED)


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
