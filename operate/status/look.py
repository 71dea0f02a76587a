"""All that is known of a stack now: what its server sees, what a stranger sees, and what receivers report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rich.console import Console

from operate.errors import MailboxError, ServerError
from operate.reports.summary import DAYS, Summary, gather
from operate.server_scripts import run_script
from operate.status.now import Shown, is_well
from operate.verify import command as verify
from operate.verify.result import Result
from operate.verify.stack import Stack


@dataclass(frozen=True)
class Look:
    """A stack at one moment."""

    stack: Stack
    at: float
    """Seconds since 1970."""
    shown: Shown | None
    """What the watch shows; None where the server could not be asked."""
    results: Sequence[Result]
    reports: Summary | None
    """None where the mailbox of the reports could not be read."""
    unknown: tuple[str, ...] = ()
    """Why what is missing is missing."""

    @property
    def day(self) -> date:
        """The day (UTC) of it."""
        return datetime.fromtimestamp(self.at, UTC).date()

    @property
    def well(self) -> bool:
        """Whether the server has looked at everything and raises no alarm, and all required checks hold."""
        return (
            self.shown is not None
            and is_well(self.shown, self.stack.settings)
            and all(result.holds for result in self.results)
        )


async def shown_by(stack: Stack) -> Shown:
    """What the watch of the server has just looked at. Raises ServerError."""
    found: Shown = await run_script(stack, "watch.py", None, "show")
    return found


async def look(stack: Stack) -> Look:
    """Look at everything. A part that cannot be looked at is missing, and does not keep the others away."""
    unknown = []
    shown, reports = None, None
    try:
        shown = await shown_by(stack)
    except ServerError as error:
        unknown.append(f"The server could not be asked: {error}")
    results, _seconds = await verify.look(stack, (), (), Console(stderr=True))
    at = time.time()
    try:
        reports = await gather(stack, datetime.fromtimestamp(at, UTC).date() - timedelta(days=DAYS))
    except MailboxError as error:
        unknown.append(f"The reports about mail in your name could not be read: {error}")
    else:
        unknown += [f"Not read: {each}" for each in reports.unread]
    return Look(stack, at, shown, results, reports, tuple(unknown))
