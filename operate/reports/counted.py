"""What reports say of each of some domains, added up."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from model.values import is_within
from operate.reports.aggregate import AggregateReport
from operate.reports.encryption import SessionTally
from operate.reports.sources import Tally
from operate.reports.tls import TlsReport


@dataclass
class Counted:
    """What is said of one domain."""

    name: str
    reports: int = 0
    days: set[date] = field(default_factory=set)
    """Those that reports are about, with messages or without."""
    passed: Counter[date] = field(default_factory=Counter)
    failed: Counter[date] = field(default_factory=Counter)
    reporters: Counter[str] = field(default_factory=Counter)
    sources: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    encryption: SessionTally | None = None


class Count:
    """All that reports say, by the stack's domains."""

    def __init__(self, domains: Sequence[str]) -> None:
        self.domains = {domain: Counted(domain) for domain in domains}
        self.others: Counter[str] = Counter()
        """Reports about domains that are none of these."""
        self.reporters: dict[str, str] = {}
        """Organizations as they were named first."""

    def add(self, report: AggregateReport | TlsReport) -> None:
        """Count a report."""
        if isinstance(report, TlsReport):
            for sessions in report.sessions:
                counted = self._of(sessions.domain)
                if counted:
                    counted.encryption = counted.encryption or SessionTally()
                    counted.encryption.add(sessions, report.day, report.reporter)
            return
        about = self._of(report.domain)
        if about is None:
            return
        about.reports += 1
        # Some write their own name in several ways.
        reporter = self.reporters.setdefault(report.reporter.casefold(), report.reporter)
        told = {about.name: about}
        about.days.add(report.day)
        for record in report.records:
            # A policy holds for the names below its domain, too, of which some may be domains of their own here.
            counted = self._find(record.author) or about
            passed = record.spf or record.dkim
            (counted.passed if passed else counted.failed)[report.day] += record.count
            counted.sources[record.source].add(record, report.day, counted.name)
            counted.days.add(report.day)
            told[counted.name] = counted
        for counted in told.values():
            counted.reporters[reporter] += 1

    def _of(self, name: str) -> Counted | None:
        counted = self._find(name)
        if counted is None:
            self.others[name or "no domain"] += 1
        return counted

    def _find(self, name: str) -> Counted | None:
        closest = max((domain for domain in self.domains if is_within(name, domain)), key=len, default="")
        return self.domains.get(closest)
