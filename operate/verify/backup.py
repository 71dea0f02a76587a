"""Whether the mail is backed up, and whether what is backed up was shown to be whole."""

import time
from collections.abc import Iterable
from functools import partial

from model.backup import MAKE_ONE, NO_BACKUP
from operate.quantities import size as bytes_shown
from operate.verify.container import Ask, report
from operate.verify.context import Context
from operate.verify.remedies import NAME, RERUN
from operate.verify.result import Check, Finding, Mend, fail, ok, warn
from operate.verify.runner import Job

AGE = Check(
    "backup.age",
    "backup is of last night",
    "Neither Hetzner's backups nor its snapshots hold a volume; what is in no backup is lost with it.",
    f"Look at ./run mail logs backup --stack {NAME}. At once: ./run mail backup run --stack {NAME}.",
    deadline=40,
)
SIZE = Check(
    "backup.size",
    "backup holds what the one before it held",
    "Mail that was deleted by mistake, or by somebody else, is missing in the newest backup and not yet in older ones.",
    f"Compare with an older one: ./run mail backup list --stack {NAME}, then ./run mail restore --help.",
    required=False,
    deadline=40,
)
DRILL = Check(
    "backup.drill",
    "backup was restored in a drill",
    "A backup that was never restored is a hope; its faults show on the day on which it is needed.",
    f"./run mail backup drill --stack {NAME}.",
    required=False,
    deadline=40,
)
CHECKS = (AGE, SIZE, DRILL)

LATEST = 36 * 3600
"""Seconds since the last good backup, which comes every night and may take hours."""
DRILLED = 40 * 24 * 3600
"""Seconds since the last drill, which comes every month."""
TIMER = "poste-backup.timer"
SHRUNK = 1 / 2
EXPECTED_AGE = "a backup of the last 36 hours, and more to come"
EXPECTED_DRILL = "a drill of the last 40 days that went well"


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the backup; they ask the server nothing where there is none."""
    settings, host, ask = context.stack.settings, context.stack.mail_host, report(context)
    if settings.backup is None:
        yield Job(AGE, host, partial(none, protected=settings.protect))
        return
    yield Job(AGE, host, partial(age, ask))
    yield Job(SIZE, host, partial(size, ask))
    yield Job(DRILL, host, partial(drill, ask))


async def none(*, protected: bool) -> Finding:
    """The stack's settings want no backup."""
    return warn(NO_BACKUP, "a backup", f"{MAKE_ONE}.") if protected else ok("no backup is asked for")


async def age(ask: Ask) -> Finding:
    """When the last good backup was made, and whether more will follow."""
    told = (await ask())["backup"]
    status, timer = told["status"], told["timer"]
    if timer != "active":
        remedy = f"{RERUN}: it starts the timer."
        return fail(f"the timer is {timer}", EXPECTED_AGE, remedy, [(Mend.TIMER, TIMER)])
    last = (status or {}).get("last_good")
    if not last:
        found = f"no backup yet: {status['error']}" if status and status["error"] else "no backup yet"
        return fail(found, EXPECTED_AGE)
    since = time.time() - last["at"]
    found = f"{_ago(since)}; mail was away for {last['away']:.0f} s of {_took(last['seconds'])}"
    if since > LATEST:
        error = status["error"] if status["result"] == "failed" else ""
        return fail(f"{found}{f'; since then: {error}' if error else ''}", EXPECTED_AGE)
    if status["result"] == "failed":
        return warn(f"{found}; the last try failed: {status['error']}", EXPECTED_AGE)
    return ok(found, EXPECTED_AGE)


async def size(ask: Ask) -> Finding:
    """How much the last good backup holds, beside the one before."""
    status = (await ask())["backup"]["status"] or {}
    last, before = status.get("last_good"), status.get("previous_size")
    expected = "half of the one before at least"
    if not last:
        return warn("no backup yet", expected)
    found = f"{bytes_shown(last['size'])}{f', before {bytes_shown(before)}' if before else ''}"
    return warn(found, expected) if before and last["size"] < before * SHRUNK else ok(found, expected)


async def drill(ask: Ask) -> Finding:
    """How the last drill ended, and when that was."""
    last = (await ask())["backup"]["drill"]
    if not last:
        return warn("no drill yet", EXPECTED_DRILL)
    since = time.time() - last["at"]
    if last["result"] != "done":
        return fail(f"{_ago(since)}: {last['error'] or last['result']}", EXPECTED_DRILL)
    found = f"{_ago(since)}, in {_took(last['seconds'])}: {last['boxes']} mailboxes, {last['messages']} messages read"
    return warn(found, EXPECTED_DRILL) if since > DRILLED else ok(found, EXPECTED_DRILL)


def _ago(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h ago" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days ago"


def _took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
