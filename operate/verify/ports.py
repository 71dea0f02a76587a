"""Open ports answer with their protocol's greeting, and nothing else is open."""

import asyncio
import contextlib
import errno
from collections.abc import Collection, Iterable
from functools import partial

from model.ports import SSH, TABLE, WEB, Port
from operate.verify.context import Context
from operate.verify.conversation import DIALECTS, ConversationError, connect, unverified
from operate.verify.remedies import REFRESH, RERUN
from operate.verify.result import Check, Finding, fail, ok, unknown
from operate.verify.runner import Job

OPEN = Check(
    "ports.open",
    "port answers",
    "Clients and other servers use this port; an open port that does not greet is as useless as a closed one.",
    f"A cloud firewall that was changed by hand: {REFRESH}. The server's own: {RERUN}. If both are well, look at the "
    "container: docker logs poste, on the server. Many home networks block outgoing port 25; then run this from "
    "another network.",
    deadline=25,
)
CLOSED = Check(
    "ports.closed",
    "no other port is open",
    "Every further open port is one more way in: databases, Docker's API or Poste's inner services.",
    f"Delete firewalls that were added by hand at Hetzner; {REFRESH} restores the rules of the stack's own. If the "
    f"server's own firewall is not loaded either: {RERUN}.",
    deadline=20,
)
CHECKS = (OPEN, CLOSED)

INNER = (6379, 11332, 11333, 11334, 11380, 11381, 13001)
"""Poste's own services behind its ten ports: Redis, Rspamd, Haraka's and the admin's inner ports."""
SUSPECTS = (
    # Found open by mistake: old services, file shares, databases, remote control, Docker, proxies, web consoles.
    *(21, 23, 53, 111, 135, 139, 389, 445, 512, 513, 514, 636, 873, 1080, 1433, 2049, 2375, 2376, 2377, 2525, 3000),
    *(3128, 3306, 3389, 5000, 5432, 5900, 6443, 8000, 8080, 8081, 8443, 9000, 9090, 9200, 10250, 11211, 27017),
)
KNOCK_TIMEOUT = 3.0
NO_ROUTE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors which say that this machine cannot use the address family at all."""


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each address and port."""
    settings = context.stack.settings
    opened = [port for port in settings.ports if not (settings.reverse_proxy_cidrs and port.service in WEB)]
    # With HTTPS off, Poste serves the web on the plain port only.
    greeting = [port for port in opened if settings.https or port.service != "https"]
    for family, address in context.stack.families.items():
        for port in greeting:
            yield Job(OPEN, f"{family} {port.number} {port.service}", partial(greets, address, port))
        allowed = {SSH, *(port.number for port in settings.ports)}
        yield Job(CLOSED, f"{family} {address}", partial(closed, address, suspects(allowed)))


def suspects(allowed: Collection[int]) -> list[int]:
    """The ports to knock at: the usual suspects, Poste's inner ones and the rows of the table that are off."""
    rows = [port.number for port in TABLE]
    return sorted({*SUSPECTS, *INNER, *rows} - set(allowed))


async def greets(address: str, port: Port) -> Finding:
    """The port is open and speaks its protocol."""
    expected = f"greeting of {port.service}"
    try:
        async with connect(address, port.number, unverified() if port.security == "TLS" else None) as talk:
            if port.service in WEB:
                return ok((await talk.ask("GET / HTTP/1.0\r\n", "HTTP/"))[0][:60], expected)
            return ok((await talk.until(DIALECTS[port.service].greeting))[-1][:60], expected)
    except ConversationError as error:
        return fail(f"says {error}", expected)
    except TimeoutError as error:
        return fail(str(error) or "open, but silent", expected)
    except OSError as error:
        return _unreachable(error, expected)


async def closed(address: str, numbers: Collection[int]) -> Finding:
    """None of the ports can be connected to."""
    expected = "refused or silent"
    answers = await asyncio.gather(*(_knock(address, number) for number in numbers))
    if "no route" in answers:
        return unknown(f"this machine cannot reach {address}", expected, NO_FAMILY)
    found = [str(number) for number, answer in zip(numbers, answers, strict=True) if answer == "open"]
    return fail(f"open: {', '.join(found)}", expected) if found else ok(f"{len(numbers)} ports tried", expected)


NO_FAMILY = "Run this from a machine with IPv6, or leave IPv6 out with --ipv4."


def _unreachable(error: OSError, expected: str) -> Finding:
    if error.errno in NO_ROUTE:
        return unknown(f"this machine has no way there ({error.strerror})", expected, NO_FAMILY)
    if isinstance(error, ConnectionRefusedError):
        return fail("refused", expected)
    return fail(error.strerror or str(error), expected)


async def _knock(address: str, number: int) -> str:
    try:
        async with asyncio.timeout(KNOCK_TIMEOUT):
            _, writer = await asyncio.open_connection(address, number)
    except TimeoutError:
        return "silent"
    except OSError as error:
        return "no route" if error.errno in NO_ROUTE else "closed"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return "open"
