"""The server under the container, as only itself can tell."""

from collections.abc import Iterable
from functools import partial

from model.host_firewall import TABLE
from operate.verify.container import Ask, report
from operate.verify.context import Context
from operate.verify.remedies import NAME, RERUN
from operate.verify.result import Check, Finding, Mend, fail, ok, warn
from operate.verify.runner import Job

FIREWALL = Check(
    "server.firewall",
    "host firewall is loaded",
    "It is the second wall: without it, a slip in the cloud firewall opens Poste's inner services to the world.",
    f"{RERUN}: it loads the rules, now and at each boot.",
    deadline=40,
)
REBOOT = Check(
    "server.reboot",
    "no reboot is due",
    "Mended holes in the kernel and in libraries stay open until the next boot "
    "(https://wiki.debian.org/UnattendedUpgrades).",
    f"At a quiet hour: ./run mail reboot --stack {NAME}. Mail waits at its senders meanwhile.",
    required=False,
    deadline=40,
)
CHECKS = (FIREWALL, REBOOT)

CHAINS = ("input", "forward")
"""What the host firewall filters: mail for the server itself, and what it hands on to containers."""


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the server."""
    ask, host = report(context), context.stack.mail_host
    yield Job(FIREWALL, host, partial(firewall, ask))
    yield Job(REBOOT, host, partial(reboot, ask))


async def firewall(ask: Ask) -> Finding:
    """The host firewall's chains are there, and drop what no rule permits."""
    chains, expected = (await ask())["firewall"], "input and forward drop what is not permitted"
    mends = [(Mend.FIREWALL, TABLE)]
    if not chains:
        return fail("not loaded", expected, mends=mends)
    shown = ", ".join(f"{hook} {chains.get(hook, 'missing')}" for hook in CHAINS)
    well = all(chains.get(hook) == "drop" for hook in CHAINS)
    return ok(shown, expected) if well else fail(shown, expected, mends=mends)


async def reboot(ask: Ask) -> Finding:
    """No package waits for a reboot."""
    waiting = (await ask())["reboot"]
    if waiting is None:
        return ok("none is due", "none is due")
    return warn(f"due for {', '.join(waiting)}" if waiting else "due", "none is due")
