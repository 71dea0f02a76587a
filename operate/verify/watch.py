"""Whether the server watches itself, what it has to say, and whether it can say it to anybody."""

import time
from collections.abc import Iterable
from functools import partial

from model.watch import NOBODY_TOLD, TELL_SOMEBODY, Heartbeat
from operate.verify.container import Ask, report
from operate.verify.context import Context
from operate.verify.remedies import NAME, RERUN
from operate.verify.result import Check, Finding, Mend, fail, ok, warn
from operate.verify.runner import Job

ALARMS = Check(
    "watch.alarms",
    "server watches itself and has no alarm",
    "A full queue, a full disk or a stolen password are noticed within minutes by the server itself, and by nobody "
    "else before mail is lost.",
    "Do what the alarm asks for (docs/watching.md); the next round takes it back.",
    required=False,
    deadline=40,
)
CHECKS = (ALARMS,)

TIMER = "poste-watch.timer"
LATEST = 900
"""Seconds since the last round, which comes every five minutes."""
EXPECTED = "a round of the last 15 minutes without an alarm, and somebody who is told"


def jobs(context: Context) -> Iterable[Job]:
    """The check of the watch."""
    settings = context.stack.settings
    told = any((settings.heartbeat or Heartbeat()).addresses.values())
    yield Job(ALARMS, context.stack.mail_host, partial(alarms, report(context), told=told, protected=settings.protect))


async def alarms(ask: Ask, *, told: bool, protected: bool) -> Finding:
    """What the last round left. `told` is whether the settings name anybody who is told."""
    found = (await ask())["watch"]
    status, timer = found["status"], found["timer"]
    if timer != "active":
        return fail(f"the timer is {timer}", EXPECTED, f"{RERUN}: it starts the timer.", [(Mend.TIMER, TIMER)])
    ago = time.time() - status["at"] if status else None
    if ago is None or ago > LATEST:
        shown = "no round yet" if ago is None else f"the last round is {ago / 60:.0f} min ago"
        return fail(shown, EXPECTED, f"Look at ./run mail logs watch --stack {NAME}.")
    if status["alarms"]:
        return fail("; ".join(alarm["text"] for alarm in status["alarms"]), EXPECTED)
    if silent := [f"{channel}: {how}" for channel, how in status["told"].items() if how != "ok"]:
        remedy = "Look whether the address in the setting heartbeat is still right, and its service up."
        return fail(f"nobody is reached by {'; '.join(silent)}", EXPECTED, remedy)
    if protected and not told:
        return warn(NOBODY_TOLD, EXPECTED, f"{TELL_SOMEBODY}.")
    return ok(f"no alarm {ago / 60:.0f} min ago", EXPECTED)
