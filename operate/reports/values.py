"""Values as reports have them: written by strangers, so nothing of them is taken as it comes."""

import contextlib
from datetime import UTC, date, datetime, timedelta

from operate.reports.archives import RefusedError
from operate.terminal import printable

LONGEST = 100
"""Characters that are kept of a text."""
MOST = 10**12
"""No receiver has counted more in a report."""
SPAN = timedelta(days=32)
"""The longest time that a report may be about; a day is usual."""
AHEAD = timedelta(days=1)
"""How far the clock of a reporter may be ahead."""


def text(value: object) -> str:
    """A text in a line, without what would move a terminal's cursor."""
    line = " ".join(value.split()) if isinstance(value, str) else ""
    return printable(line[: 4 * LONGEST])[:LONGEST]


def name(value: object) -> str:
    """A domain or host name in lower case, without the last dot, and in ASCII where it is an international one."""
    written = text(value).lower().removesuffix(".")
    with contextlib.suppress(UnicodeError):
        # Settings have such names in their xn-- form; some reporters write them as people do.
        return written if written.isascii() else written.encode("idna").decode()
    return written


def count(value: object, what: str) -> int:
    """A number of messages or sessions, which may be written as a text. Raises RefusedError."""
    try:
        # Some write whole numbers as 3.0, since their programs have no others.
        number = int(str(value).strip()[:20].removesuffix(".0"))
    except ValueError:
        raise RefusedError(f"{what} is {text(str(value)) or 'empty'}, which is no number") from None
    if not 0 <= number <= MOST:
        raise RefusedError(f"{what} is {number}, which cannot be")
    return number


def seconds(value: object, what: str) -> datetime:
    """A time that is given in seconds since 1970. Raises RefusedError."""
    try:
        return datetime.fromtimestamp(float(str(value).strip()[:20]), UTC)
    except (ValueError, OverflowError, OSError):
        raise RefusedError(f"{what} is {text(str(value)) or 'empty'}, which is no time") from None


def moment(value: object, what: str) -> datetime:
    """A time in the form of RFC 3339, in which letters may be small; without a zone, it is taken as UTC.

    Raises RefusedError.
    """
    try:
        found = datetime.fromisoformat(str(value).strip().upper())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError(f"{what} is {text(str(value)) or 'empty'}, which is no time") from None


def day(begin: datetime, end: datetime, now: datetime) -> date:
    """The day that a report is about, in UTC: that in which the middle of its time lies.

    Many reporters take the day of their own zone. Raises RefusedError for a time that cannot be.
    """
    if end < begin:
        raise RefusedError("ends before it begins")
    if end - begin > SPAN:
        raise RefusedError(f"is about {(end - begin).days} days")
    if end > now + AHEAD:
        raise RefusedError(f"is about {end:%Y-%m-%d}, which is to come")
    return (begin + (end - begin) / 2).date()
