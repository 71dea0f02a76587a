"""What is made of the runs: figures, each compared with the floor of the same benchmark, and the goals."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.world import Run

DOMAINS, MAILBOXES = 50, 500
Kind = Literal["first", "no-op"]
Layout = Literal["one zone", "zones of their own"]
KINDS: tuple[Kind, ...] = ("first", "no-op")
LAYOUTS: tuple[Layout, ...] = ("one zone", "zones of their own")


@dataclass(frozen=True)
class Runs:
    """The runs of a benchmark, each the least disturbed of several."""

    floor: Run
    """Preview of a program that only loads the SDKs."""
    single: Mapping[Kind, Run]
    """Previews of a stack with one domain."""
    many: Mapping[tuple[Kind, Layout], Run]
    """Previews of a stack with fifty."""
    people: Run
    """No-op preview of a stack with one domain that has `MAILBOXES` mailboxes."""


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    what: str
    value: float
    unit: Literal["s", "ms", "MB"]
    processor: float | None
    """The same in time of a processor; None for memory."""
    ratio: float
    """The value as part of the floor's."""
    goal: str = ""
    reached: bool | None = None
    """None where there is no goal, or nothing can be said."""

    def json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


MOST_OF_FLOOR = 1.15
MOST_MILLISECONDS = 30
MOST_MEGABYTES = 1
MOST_MILLISECONDS_A_MAILBOX = 10


def figures(runs: Runs) -> Iterator[Figure]:
    """All rows."""
    floor = runs.floor
    yield Figure("floor: preview of a program that only loads the four SDKs", floor.seconds, "s", floor.processor, 1)
    for kind in KINDS:
        run = runs.single[kind]
        ratio = run.seconds / floor.seconds
        goal = {"first": f"≤ {MOST_OF_FLOOR} of the floor"}.get(kind, "")
        reached = ratio <= MOST_OF_FLOOR if goal else None
        yield Figure(f"{kind} preview, one domain", run.seconds, "s", run.processor, ratio, goal, reached)
    for layout in LAYOUTS:
        for kind in KINDS:
            yield from _further(f"{kind} preview, each further domain in {layout}", runs, kind, layout)
    seconds, processor = _each(runs.people, runs.single["no-op"], MAILBOXES)
    goal, reached = f"≤ {MOST_MILLISECONDS_A_MAILBOX} ms", seconds * 1000 <= MOST_MILLISECONDS_A_MAILBOX
    what = f"no-op preview, each of {MAILBOXES} mailboxes"
    yield Figure(what, seconds * 1000, "ms", processor * 1000, seconds / floor.seconds, goal, reached)
    everything = (floor, *runs.single.values(), *runs.many.values(), runs.people)
    largest = max(everything, key=lambda run: run.megabytes).megabytes
    yield Figure("peak memory of the largest process", largest, "MB", None, largest / floor.megabytes)


def _further(what: str, runs: Runs, kind: Kind, layout: Layout) -> Iterator[Figure]:
    floor, single, many = runs.floor, runs.single[kind], runs.many[kind, layout]
    seconds, processor = _each(many, single, DOMAINS - 1)
    goal = f"≤ {MOST_MILLISECONDS} ms"
    # Fifty domains that take no longer than one say only that the machine was busy with something else.
    reached = seconds * 1000 <= MOST_MILLISECONDS if seconds > 0 else None
    yield Figure(what, seconds * 1000, "ms", processor * 1000, seconds / floor.seconds, goal, reached)
    megabytes = (many.megabytes - single.megabytes) / (DOMAINS - 1)
    goal, reached = f"≤ {MOST_MEGABYTES} MB", megabytes <= MOST_MEGABYTES
    yield Figure(f"{what}: memory", megabytes, "MB", None, megabytes / floor.megabytes, goal, reached)


def _each(many: Run, few: Run, more: int) -> tuple[float, float]:
    """What each takes of so many more, in seconds and in seconds of a processor."""
    return (many.seconds - few.seconds) / more, (many.processor - few.processor) / more
