"""Whether mail can leave: from the server itself, for nobody else can tell."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from operate.verify.context import Context
from operate.verify.remedies import ADDRESS, HOST, REFRESH, UP
from operate.verify.result import Check, Finding, fail, ok
from operate.verify.runner import Job
from operate.verify.server_shell import ask_server
from operate.verify.stack import Stack

PORT_25 = Check(
    "outbound.port-25",
    "mail can leave",
    "Hetzner blocks outgoing ports 25 and 465 until an account has had them unblocked "
    "(https://docs.hetzner.com/cloud/servers/faq/#why-can-i-not-send-any-mails-from-my-server).",
    "After a month and the first paid invoice, ask in Hetzner's console (Limits): 'Please unblock outgoing "
    f"ports 25 and 465 for {ADDRESS}. It is the mail server {HOST} for our own mail; SPF, DKIM, DMARC and reverse DNS "
    "are set.' Until then, or for good, have mail leave through a relay on port 587 or 2525, which are free: set "
    f"poste-mail:relay (docs/relay.md), then {UP}. Where it has worked before, the cloud firewall may have been "
    f"changed by hand: {REFRESH}.",
    deadline=40,
)
CHECKS = (PORT_25,)

PROVIDERS = ("gmail-smtp-in.l.google.com", "mx1.mail.icloud.com", "mx00.gmx.net")
"""Receiving servers of large providers: one that greets is proof enough."""

Ask = Callable[[], Awaitable[list[dict[str, Any]]]]


def jobs(context: Context) -> Iterable[Job]:
    """The check of the direct way out, where no relay is set."""
    stack = context.stack
    if not stack.settings.relay:
        yield Job(
            PORT_25, stack.ipv4, partial(leaves, partial(ask_server, stack, "reached", others(stack)), others(stack))
        )


def others(stack: Stack) -> list[tuple[str, int]]:
    """Servers of others that take mail, with their port."""
    hosts = [stack.own.other_host] if stack.own.other_host else []
    return [(host, 25) for host in (*hosts, *PROVIDERS)]


async def leaves(ask: Ask, targets: Sequence[tuple[str, int]]) -> Finding:
    """One of the targets greets the server."""
    expected = "a greeting from another server"
    answers = await ask()
    for (host, port), answer in zip(targets, answers, strict=True):
        if "greeting" in answer:
            return ok(f"{host} port {port}: {answer['greeting'][:60]}", expected)
    found = "; ".join(
        f"{host} port {port}: {answer['error']}" for (host, port), answer in zip(targets, answers, strict=True)
    )
    return fail(found, expected)
