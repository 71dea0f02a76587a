"""When timers elapse, by the rules of systemd.timer(5). Knows no clock, thread or file: all moments are given."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from offline.sandbox.vps.unit_files import Base, TimerFile

_ONE_TIME = (Base.BOOT, Base.ACTIVE)


@dataclass(frozen=True)
class Moment:
    """One moment on both clocks: seconds since the boot, and the time of day in UTC."""

    uptime: float
    clock: datetime


@dataclass(frozen=True)
class LastRun:
    """When the service last left rest and when it came back to it, in seconds since the boot; None: not yet."""

    began: float | None = None
    ended: float | None = None


class Timer:
    """A timer that was started. `plan` says anew when it elapses, after everything that may change it."""

    def __init__(self, file: TimerFile, delay: Callable[[], float] = random.random) -> None:
        self.file = file
        self.active = False
        self.running = False  # it has elapsed, and its service goes on
        self.next_elapse: float | None = None  # seconds since the boot; None: never again
        self.last_trigger: Moment | None = None
        self._delay = delay  # a part of RandomizedDelaySec, 0 to 1
        self._started = 0.0
        self._spent: set[tuple[Base, float]] = set()  # spans that elapse once, and have
        self._calendar_base: datetime | None = None

    def start(self, now: Moment, stamp: datetime | None, run: LastRun) -> None:
        """`stamp` is when a persistent timer last started its service, in an earlier boot perhaps."""
        self.active = True
        self.last_trigger = None
        self._started = now.uptime
        self._calendar_base = stamp if stamp is not None and stamp < now.clock else now.clock
        self._spent = {span for span in self._spent if span[0] is not Base.ACTIVE}
        self.plan(now, run)

    def stop(self) -> None:
        self.active = self.running = False
        self.next_elapse = None

    def trigger(self, now: Moment) -> None:
        """It has elapsed and its service is being started, or runs already; `plan` follows when that ends."""
        self.running = True
        self.last_trigger = now
        self._calendar_base = now.clock
        self.next_elapse = None

    def reload(self, file: TimerFile, now: Moment, run: LastRun) -> None:
        """Its file has been read anew."""
        self.file = file
        self._spent.clear()
        if self.active and not self.running:
            self.plan(now, run)

    def plan(self, now: Moment, run: LastRun) -> None:
        """Set `next_elapse`, now that the service has been started by others or has ended."""
        self.running = False
        elapses = [when for base, span in self.file.spans if (when := self._when(base, span, now, run)) is not None]
        for event in self.file.events:
            when_clock = event.after(self._calendar_base or now.clock)
            if when_clock is not None:
                elapses.append(now.uptime + (when_clock - now.clock).total_seconds())
        self.next_elapse = min(elapses) + self._delay() * self.file.randomized_delay if elapses else None

    def _when(self, base: Base, span: float, now: Moment, run: LastRun) -> float | None:
        triggered = self.last_trigger.uptime if self.last_trigger is not None else None
        since = {
            Base.BOOT: 0.0,
            Base.ACTIVE: self._started,
            Base.UNIT_ACTIVE: _later(run.began, triggered),
            Base.UNIT_INACTIVE: _later(run.ended, triggered),
        }[base]
        if since is None or math.isinf(span) or (base, span) in self._spent:
            return None
        if base in _ONE_TIME and triggered is not None and since + span <= now.uptime:
            self._spent.add((base, span))
            return None
        return since + span


def _later(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)
