"""Mends on the server what can be without risk, each told before it is done; what it concerns is looked at again.

What a finding can have mended stands in its `mends`. All else is left to its remedy: nothing is made, deleted, deployed
or configured here, and what another one is at, such as a backup or an upgrade, is not disturbed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

from model.poste_container import CONTAINER, signers_input
from operate.errors import ServerError
from operate.server_scripts import run_script
from operate.verify.checks import is_selected
from operate.verify.result import Mend, Result
from operate.verify.stack import Stack

TOLD = {
    Mend.CONTAINER: "starting the container {}, which has stopped",
    Mend.SERVICE: "starting {} in the container, which is down",
    Mend.SIGNERS: "linking the signers to the DKIM key of {}; they restart",
    Mend.FIREWALL: "loading the host firewall, table {}, as the deploy left it",
    Mend.TIMER: "starting {}, now and at each boot",
}
ON_POSTE = ("container", "accounts", "ports", "tls", "smtp", "web", "mail", "dns.tlsa")
CONCERNS: dict[Mend, Sequence[str]] = {
    Mend.CONTAINER: ON_POSTE,
    Mend.SERVICE: ON_POSTE,
    Mend.SIGNERS: ("container.dkim", "mail"),
    Mend.FIREWALL: ("server.firewall", "ports"),
    Mend.TIMER: ("tls.renewal", "backup", "watch"),
}
"""Checks and groups that are looked at again."""
SETTLE = 180
"""Seconds until what was started has to work: Poste's own health check takes its time."""
PAUSE = 5.0
"""Seconds between two looks."""

Look = Callable[[Collection[str]], Awaitable[Sequence[Result]]]
"""Makes some checks, or groups of them, anew."""


@dataclass(frozen=True)
class Mended:
    """What was tried, for machines."""

    mend: Mend
    name: str
    error: str = ""
    """Why it was not done; empty where it was."""

    def json(self) -> dict[str, str]:
        """As a JSON object."""
        return asdict(self)


async def fixed(
    stack: Stack, results: Sequence[Result], look: Look, tell: Callable[[str], None]
) -> tuple[Sequence[Result], Sequence[Mended]]:
    """Mend what `results` show, and what shows after that; each once. The results of then, and what was tried."""
    tried: list[Mended] = []
    while wanted := _wanted(results, tried):
        begun = len(tried)
        for mend, name in wanted:
            tell(f"Mending: {TOLD[mend].format(name)}")
            tried.append(await _mended(stack, mend, name))
            if error := tried[-1].error:
                tell(f"Not mended: {error}")
        done = {each.mend for each in tried[begun:] if not each.error}
        if done:
            results = await _settled(results, done, look, tried)
    if not tried:
        tell("There is nothing that can be mended without risk.")
    return results, tried


def _wanted(results: Iterable[Result], tried: Iterable[Mended]) -> list[tuple[Mend, str]]:
    found = {mend for result in results for mend in result.finding.mends}
    kinds = list(Mend)
    return sorted(found - {(each.mend, each.name) for each in tried}, key=lambda each: (kinds.index(each[0]), each[1]))


async def _mended(stack: Stack, mend: Mend, name: str) -> Mended:
    try:
        if mend is Mend.SIGNERS:
            await run_script(stack, "signers.py", signers_input([name]))
        else:
            await run_script(stack, "mend.py", {"container": CONTAINER, "name": name}, mend)
    except ServerError as error:
        return Mended(mend, name, str(error))
    return Mended(mend, name)


async def _settled(
    results: Sequence[Result], done: Collection[Mend], look: Look, tried: Sequence[Mended]
) -> Sequence[Result]:
    """The results with what is concerned made anew, until all is well with that, more can be mended, or time is up.

    A timer's work may be hours away, so that is not waited for.
    """
    concerned: Collection[str] = {concern for mend in done for concern in CONCERNS[mend]}
    until = time.monotonic() + SETTLE
    while True:
        found = await look(concerned)
        anew = {(result.check.name, result.subject): result for result in found}
        results = [anew.get((result.check.name, result.subject), result) for result in results]
        red = {result.check.name for result in found if not result.holds or result.finding.mends}
        concerned = {name for name in red if not any(is_selected(name, each) for each in CONCERNS[Mend.TIMER])}
        if not concerned or _wanted(found, tried) or time.monotonic() > until:
            return results
        await asyncio.sleep(PAUSE)
