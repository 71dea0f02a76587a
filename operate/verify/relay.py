"""Whether mail leaves through the relay that the settings name, and in no other way; asked from the server itself."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from model.relay import Relay
from model.server_folders import DATA, RELAY
from operate.verify.context import Context
from operate.verify.outbound import Ask, others
from operate.verify.remedies import REFRESH, RERUN, UP
from operate.verify.result import Check, Finding, fail, ok, unknown, warn
from operate.verify.runner import Job
from operate.verify.server_shell import ask_server

SIGN_IN = Check(
    "relay.sign-in",
    "the relay lets the server sign in",
    "Without it no mail leaves: it waits in the queue, and comes back to its senders after days (RFC 4954).",
    f"Set relay.host, relay.port, relay.user and relay.password as the relay gave them, then {UP}. Where it has worked "
    f"before, the relay may have closed the account, or the cloud firewall was changed by hand: {REFRESH}.",
    deadline=60,
)
ROUTE = Check(
    "relay.route",
    "mail takes the way that is set",
    "Poste goes by what stands in its server.ini, which its own pages change, too.",
    f"{RERUN}: it sets the route of the settings, and takes one of an earlier deploy out.",
    deadline=60,
)
DIRECT = Check(
    "relay.direct",
    "nothing leaves but through the relay",
    "Mail that leaves directly has neither the relay's good name nor its signature, and shows a break-in.",
    f"{REFRESH} closes the port again.",
    deadline=40,
)
CHECKS = (SIGN_IN, ROUTE, DIRECT)

OF_A_PERSON = (
    "Somebody has set it in Poste (System settings, SMTP routes). Take it out there, or set poste-mail:relay "
    f"(docs/relay.md), then {UP}, so that firewall, DNS and these checks follow."
)

Route = dict[str, Any]
AskRoute = Callable[[], Awaitable[Route]]


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the way out: all where a relay is set, else that none is left over."""
    stack, relay = context.stack, context.stack.settings.relay
    work = partial(ask_server, stack, "relayed", DATA, RELAY, stack.mail_host)
    ask: AskRoute = partial(context.shared.once, "relayed", work)
    if relay is None:
        yield Job(ROUTE, stack.mail_host, partial(no_route, ask))
        return
    subject = f"{relay.host} port {relay.port}"
    yield Job(SIGN_IN, subject, partial(signs_in, ask, relay))
    yield Job(ROUTE, subject, partial(route, ask, relay))
    targets = others(stack)
    yield Job(DIRECT, stack.ipv4, partial(nothing_direct, partial(ask_server, stack, "reached", targets), targets))


async def signs_in(ask: AskRoute, relay: Relay) -> Finding:
    """The relay takes user and password that Poste has, over TLS that proves its name."""
    expected = f"{relay.user} signs in, over TLS"
    found = await ask()
    if found["route"] != f"{relay.host}:{relay.port}":
        return unknown(f"Poste has {_shown(found)}", expected)
    return fail(found["why"], expected) if found["why"] else ok(expected, expected)


async def route(ask: AskRoute, relay: Relay) -> Finding:
    """Poste has the route of the settings, and has taken it."""
    expected = f"{relay.host}:{relay.port}"
    found = await ask()
    if found["digest"] != hashlib.sha256(relay.route.encode()).hexdigest():
        differs = "with another user or password" if found["route"] == expected else ""
        return fail(f"{_shown(found)} {differs}".rstrip(), expected)
    if not found["applied"]:
        return fail(f"{expected}, which Poste has not taken yet", expected)
    return ok(expected, expected)


async def no_route(ask: AskRoute) -> Finding:
    """Poste delivers mail itself."""
    found = await ask()
    if not found["route"]:
        return ok("none", "none")
    if found["ours"]:
        return fail(f"{found['route']}, of an earlier deploy", "none")
    return warn(found["route"], "none", OF_A_PERSON)


async def nothing_direct(ask: Ask, targets: Sequence[tuple[str, int]]) -> Finding:
    """No server of others is reached on port 25."""
    expected = "port 25 of others is out of reach"
    answers = await ask()
    reached = [host for (host, _), answer in zip(targets, answers, strict=True) if "greeting" in answer]
    return fail(f"{', '.join(reached)} answers", expected) if reached else ok(expected, expected)


def _shown(found: Route) -> str:
    return found["route"] or "no route"
