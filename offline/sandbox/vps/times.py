"""Time spans and calendar events as unit files write them; systemd.time(7). The servers' time zone is UTC."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

_UNITS: Mapping[float, str] = {
    1e-6: "usec us µs μs",
    1e-3: "msec ms",
    1: "seconds second sec s",
    60: "minutes minute min m",
    3600: "hours hour hr h",
    86400: "days day d",
    604800: "weeks week w",
    30.44 * 86400: "months month M",
    365.25 * 86400: "years year y",
}
_SECONDS = {"": 1.0} | {name: seconds for seconds, names in _UNITS.items() for name in names.split()}
_TERM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([^\W\d]*)\s*")


def span(text: str) -> float:
    """A time span such as `1h 30min` or `90` in seconds, `infinity` for ever; raises ValueError for anything else."""
    if text.strip() == "infinity":
        return math.inf
    terms = list(_TERM.finditer(text))
    if not terms or "".join(term[0] for term in terms) != text or any(term[2] not in _SECONDS for term in terms):
        raise ValueError(f"{text!r} is no time span")
    return sum(float(term[1]) * _SECONDS[term[2]] for term in terms)


_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(
    r"(?:(?P<weekday>[A-Za-z][A-Za-z,.]*)(?:\s+|$))?"
    r"(?:(?:(?P<year>[\d*,./]+)-)?(?P<month>[\d*,./]+)-(?P<day>[\d*,./]+)(?:\s+|$))?"
    r"(?:(?P<hour>[\d*,./]+):(?P<minute>[\d*,./]+)(?::(?P<second>[\d*,./]+))?)?"
)
_YEARS = (2000, 2099)
_LONGEST_WAIT = 366 * 8
"""Days after which even 29 February has come."""


@dataclass(frozen=True)
class Calendar:
    """The moments that a calendar event names: the values that each part of date and time may have."""

    weekdays: Sequence[int]
    years: Sequence[int]
    months: Sequence[int]
    days: Sequence[int]
    hours: Sequence[int]
    minutes: Sequence[int]
    seconds: Sequence[int]

    def after(self, moment: datetime) -> datetime | None:
        """The first one later than `moment`, None when there is none within eight years."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight + timedelta(days) for days in range(_LONGEST_WAIT)):
            if not self._has(day):
                continue
            for hour, minute, second in product(self.hours, self.minutes, self.seconds):
                candidate = day.replace(hour=hour, minute=minute, second=second)
                if candidate > moment:
                    return candidate
        return None

    def _has(self, day: datetime) -> bool:
        return (
            day.weekday() in self.weekdays
            and day.year in self.years
            and day.month in self.months
            and day.day in self.days
        )


def calendar(text: str) -> Calendar:
    """A calendar event, without `~`, fractions of seconds and time zones other than UTC; else raises ValueError."""
    plain = text.strip().removesuffix(" UTC").rstrip()
    form = _FORM.fullmatch(_SHORTHANDS.get(plain.lower(), plain))
    if not plain or form is None:
        raise ValueError(f"{text!r} is no calendar event that is known here")
    parts = form.groupdict()
    weekday, year, date, hour = parts["weekday"] or "*", parts["year"] or "*", "*", parts["hour"] or "0"
    return Calendar(
        weekdays=_weekdays(weekday),
        years=_values(year, *_YEARS),
        months=_values(parts["month"] or date, 1, 12),
        days=_values(parts["day"] or date, 1, 31),
        hours=_values(hour, 0, 23),
        minutes=_values(parts["minute"] or "0", 0, 59),
        seconds=_values(parts["second"] or "0", 0, 59),
    )


def _values(text: str, first: int, last: int) -> Sequence[int]:
    """What `*`, `3`, `1..5`, `*/2`, `0/15` and lists of them stand for, in order."""
    found: set[int] = set()
    for item in text.split(","):
        start, _, step = item.partition("/")
        low, dots, high = start.partition("..")
        begin = first if low == "*" else int(low)
        end = int(high) if dots else last if low == "*" or step else begin
        values = range(begin, end + 1, int(step or 1))
        if not values or values[0] < first or values[-1] > last:
            raise ValueError(f"{item!r} is not within {first} to {last}")
        found.update(values)
    return sorted(found)


def _weekdays(text: str) -> Sequence[int]:
    if text == "*":
        return range(7)
    found: set[int] = set()
    for item in text.split(","):
        if any(name[:3].lower() not in _WEEKDAYS for name in item.split("..")):
            raise ValueError(f"{item!r} is no weekday")
        begin, *end = (_WEEKDAYS.index(name[:3].lower()) for name in item.split(".."))
        found.update((begin + days) % 7 for days in range((end[0] - begin) % 7 + 1 if end else 1))
    return sorted(found)
