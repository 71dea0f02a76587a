"""Whether the server renews its certificate: the timer runs, and the last try went well."""

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from operate.verify.container import Ask, report
from operate.verify.context import Context
from operate.verify.remedies import NAME, RERUN
from operate.verify.result import Check, Finding, Mend, fail, ok, warn
from operate.verify.runner import Job

RENEWAL = Check(
    "tls.renewal",
    "certificate is renewed",
    "A timer on the server looks every hour whether the certificate is due; where that fails, nobody notices before it "
    "has expired.",
    f"{RERUN}: it asks again at once, and starts the timer.",
    deadline=40,
)
CHECKS = (RENEWAL,)

LATEST = 3 * 3600
"""Seconds since the last try, which comes every hour and may take a while."""
TIMER = "poste-certificate.timer"
SHARE = 1 / 4
"""Of its lifetime that a certificate has left at least, for a refused renewal to be no more than a note."""
EXPECTED = "the timer runs, and its last try went well"


def jobs(context: Context) -> Iterable[Job]:
    """The check of the renewal; it asks the server nothing where no certificate is asked for."""
    settings, host = context.stack.settings, context.stack.mail_host
    if settings.acme_directory:
        yield Job(RENEWAL, host, partial(renewal, report(context)))
    else:
        yield Job(RENEWAL, host, partial(not_asked_for, settings.no_certificate_because))


async def not_asked_for(reason: str) -> Finding:
    """The stack's settings want no certificate."""
    return ok(f"no certificate is asked for{f': {reason}' if reason else ''}")


async def renewal(ask: Ask) -> Finding:
    """What the server noted of its last try, and whether more will follow."""
    told = (await ask())["certificate"]
    status, timer = told["status"], told["timer"]
    if timer != "active":
        return fail(f"the timer is {timer}", EXPECTED, mends=[(Mend.TIMER, TIMER)])
    if not status:
        return fail("no try yet", EXPECTED)
    age = time.time() - status["tried"]
    if age > LATEST:
        remedy = f"Look at ./run mail logs certificate --stack {NAME}."
        return fail(f"the last try is {age / 3600:.0f} hours ago ({status['result']})", EXPECTED, remedy)
    if status["result"] not in ("current", "issued"):
        return _failed(status)
    return ok(f"{status['result']}, {age / 60:.0f} min ago", EXPECTED)


def _failed(status: dict[str, Any]) -> Finding:
    """A try that failed, in the authority's or the server's own words, which say what to do."""
    found = f"{status['result']}: {status['error'] or 'no reason given'}"
    remedy = f"Do what it says; the server tries again every hour. At once: {RERUN}."
    begins, ends = status["begins"], status["ends"]
    is_early = status["result"] == "refused" and ends and ends - time.time() >= (ends - begins) * SHARE
    return warn(found, EXPECTED, remedy) if is_early else fail(found, EXPECTED, remedy)
