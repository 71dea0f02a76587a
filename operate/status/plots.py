"""Numbers of days as bars: their places in a drawing, and the same in words for whoever does not see it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

DAYS = 30
"""Shown, the last one at the right end."""
HEIGHT = 100
"""Of the drawing, in its own units; a day is as wide as one of them."""
GAP = 0.2
"""Between the bars of two days, as a share of a day."""
STEPS = (1, 2, 5, 10)
"""The upper end of a scale is one of these times a power of ten."""


@dataclass(frozen=True)
class Series:
    """One number of each day."""

    name: str
    kind: str
    """What it looks like, as the page's style sheet has it."""
    values: tuple[float, ...]


@dataclass(frozen=True)
class Bar:
    """A bar's place in the drawing, whose y axis points down."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """Series over the same days. Those that are stacked are parts of a whole."""

    title: str
    days: tuple[date, ...]
    series: tuple[Series, ...]
    unit: str = ""
    limit: float = 0
    """The upper end of the scale where it is always the same, such as 100 per cent."""

    @property
    def totals(self) -> tuple[float, ...]:
        """Of each day, all series together."""
        return tuple(sum(values) for values in zip(*(series.values for series in self.series), strict=True))

    @property
    def top(self) -> float:
        """The upper end of the scale."""
        most = max(self.totals, default=0)
        if self.limit or not most:
            return self.limit or 1
        power = 10.0 ** math.floor(math.log10(most))
        return max(1, next(step * power for step in STEPS if step * power >= most))

    @property
    def columns(self) -> list[tuple[date, str, list[Bar]]]:
        """By day: what it is in words, and the bars, the first series at the bottom. A number of 0 has none."""
        found = []
        for place, day in enumerate(self.days):
            bars, y = [], float(HEIGHT)
            for series in self.series:
                height = round(HEIGHT * min(series.values[place] / self.top, 1), 2)
                y -= height
                if height:
                    bars.append(Bar(series.kind, place + GAP / 2, round(y, 2), 1 - GAP, height))
            found.append((day, self.words([series.values[place] for series in self.series]), bars))
        return found

    def words(self, values: Sequence[float]) -> str:
        """A number of each series, with its name."""
        return ", ".join(
            f"{value:,.0f}{self.unit} {series.name}" for series, value in zip(self.series, values, strict=True)
        )

    @property
    def told(self) -> str:
        """What is to be seen, for whoever does not see it."""
        most = max(self.totals, default=0)
        if not most:
            return f"Nothing in the {len(self.days)} days to {self.days[-1]}."
        day = self.days[self.totals.index(most)]
        in_all = f"{self.words([sum(series.values) for series in self.series])} in all; " if not self.limit else ""
        return f"{len(self.days)} days to {self.days[-1]}: {in_all}the most on {day}, {most:,.0f}{self.unit}."


def last_days(until: date, count: int = DAYS) -> tuple[date, ...]:
    """So many days, the last one of them `until`."""
    return tuple(until - timedelta(days=back) for back in reversed(range(count)))


def per_day(lines: Iterable[Mapping[str, Any]], key: str) -> dict[date, list[float]]:
    """The numbers of one kind in the watch's history, by the day (UTC) to which they belong."""
    found: dict[date, list[float]] = {}
    for line in lines:
        # What is no number, has no end or is below the ground can be drawn nowhere.
        if isinstance(line.get(key), int | float) and 0 <= line[key] < math.inf:
            found.setdefault(datetime.fromtimestamp(line["at"], UTC).date(), []).append(float(line[key]))
    return found


def of_history(history: Sequence[Mapping[str, Any]], until: date) -> list[Plot]:
    """Mail, queue and disk over the last days; nothing where there is no history yet."""
    if not history:
        return []
    days = last_days(until)
    summed = {key: {day: sum(values) for day, values in per_day(history, key).items()} for key in ("in", "out")}
    highest = {key: {day: max(values) for day, values in per_day(history, key).items()} for key in ("queue", "disk")}

    def series(name: str, kind: str, found: Mapping[date, float]) -> Series:
        return Series(name, kind, tuple(found.get(day, 0) for day in days))

    return [
        Plot("Messages a day", days, (series("in", "first", summed["in"]), series("out", "second", summed["out"]))),
        Plot("Longest queue", days, (series("messages", "second", highest["queue"]),)),
        Plot("Fullest disk", days, (series("in use", "first", highest["disk"]),), " %", 100),
    ]


def of_reports(name: str, counted: Iterable[tuple[date, int, int]], days: tuple[date, ...]) -> Plot:
    """Messages in a domain's name that passed DMARC and that failed, as receivers report."""
    found = {day: (passed, failed) for day, passed, failed in counted}
    passed, failed = (tuple(found.get(day, (0, 0))[place] for day in days) for place in (0, 1))
    return Plot(
        f"Messages in the name of {name}", days, (Series("passed", "good", passed), Series("failed", "bad", failed))
    )
