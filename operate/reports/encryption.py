"""How well other servers encrypt mail to a domain, by their TLS reports (RFC 8460)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from operate.reports.tls import Failure, Sessions

DAYS = 7
"""Days with reports that must be quiet before the policy is enforced (mtaSts)."""


@dataclass(frozen=True)
class Encryption:
    """TLS sessions of other servers with a domain's mail hosts."""

    days: tuple[tuple[date, int, int], ...]
    """Day, sessions that succeeded, sessions that failed."""
    failures: tuple[Failure, ...]
    """The most sessions first."""
    reporters: tuple[str, ...]
    enforce: bool
    """Whether MTA-STS may be enforced (mtaSts)."""
    reasons: tuple[str, ...]

    @property
    def succeeded(self) -> int:
        """Sessions in all that were encrypted as they should be."""
        return sum(good for _, good, _ in self.days)

    @property
    def failed(self) -> int:
        """Sessions in all that were not."""
        return sum(bad for _, _, bad in self.days)


@dataclass
class SessionTally:
    """Sessions with a domain's hosts while they are being counted."""

    good: Counter[date] = field(default_factory=Counter)
    bad: Counter[date] = field(default_factory=Counter)
    told: set[date] = field(default_factory=set)
    """Days on which sessions under a policy of MTA-STS succeeded."""
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    reporters: dict[str, None] = field(default_factory=dict)

    def add(self, sessions: Sessions, day: date, reporter: str) -> None:
        """Count what one report says."""
        self.good[day] += sessions.succeeded
        self.bad[day] += sessions.failed
        if sessions.policy == "sts" and sessions.succeeded:
            self.told.add(day)
        self.reporters[reporter] = None
        for failure in sessions.failures:
            self.failures[failure.kind, failure.host] += failure.sessions

    def encryption(self) -> Encryption:
        """All of it, judged."""
        days = tuple((day, self.good[day], self.bad[day]) for day in sorted(self.good))
        failures = tuple(Failure(*place, count) for place, count in self.failures.most_common())
        obstacles = list(_obstacles(days, len(self.told)))
        quiet = f"{len(days)} days with reports, and no session failed in the last {DAYS} of them."
        return Encryption(days, failures, tuple(self.reporters), not obstacles, tuple(obstacles or [quiet]))


def _obstacles(days: Sequence[tuple[date, int, int]], told: int) -> list[str]:
    said = []
    # Whoever knows no policy, or DANE alone, has not looked at what MTA-STS asks for.
    if told < DAYS:
        said.append(f"Sessions under the policy of MTA-STS succeeded on {told} of the {DAYS} days that are needed.")
    failed = sum(bad for _, _, bad in days[-DAYS:])
    if failed:
        said.append(f"Sessions that failed on the last {min(len(days), DAYS)} days with reports: {failed}.")
    return said
