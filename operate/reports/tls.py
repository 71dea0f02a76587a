"""TLS reports (RFC 8460): JSON about the sessions that another server had with a domain's mail hosts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from operate.reports import values
from operate.reports.archives import RefusedError

POLICIES = 1_000
"""Policies that are read of one report."""
DETAILS = 10_000
"""Failures that are read of one policy."""


@dataclass(frozen=True)
class Failure:
    """One way in which sessions failed, at one of our mail hosts."""

    kind: str
    """The result type (RFC 8460, section 4.3), such as certificate-expired."""
    host: str
    """The MX host; empty where the report does not say."""
    sessions: int


@dataclass(frozen=True)
class Sessions:
    """What is said of one policy of a domain: that of MTA-STS, of DANE, or none."""

    policy: str
    """sts, tlsa or no-policy-found."""
    domain: str
    succeeded: int
    failed: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class TlsReport:
    """One sender's report."""

    reporter: str
    identifier: str
    begin: datetime
    end: datetime
    day: date
    sessions: tuple[Sessions, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """All that it is about."""
        return tuple(sorted({part.domain for part in self.sessions}))

    @property
    def key(self) -> tuple[object, ...]:
        """What a report has in common with a copy of it."""
        return "tls", self.reporter.lower(), self.identifier or self.sessions, self.domains, self.begin, self.end


def parse(text: bytes, now: datetime) -> TlsReport:
    """The report that a text is. Raises RefusedError."""
    try:
        # What stands behind the end is none of the report's.
        told, _ = json.JSONDecoder().raw_decode(text.decode(json.detect_encoding(text), "replace").lstrip())
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"is broken JSON ({values.text(str(error))})") from None
    if not isinstance(told, dict):
        raise RefusedError("is no JSON object")
    reporter = values.text(told.get("organization-name"))
    if not reporter:
        raise RefusedError("does not say who reports")
    times = _object(told.get("date-range"))
    begin = values.moment(times.get("start-datetime"), "its beginning")
    end = values.moment(times.get("end-datetime"), "its end")
    day = values.day(begin, end, now)
    sessions = tuple(_sessions(policy) for policy in _objects(told.get("policies"), POLICIES, "policies"))
    if not sessions:
        raise RefusedError("does not say about which domain it is")
    return TlsReport(reporter, values.text(told.get("report-id")), begin, end, day, sessions)


def _sessions(told: dict[str, Any]) -> Sessions:
    policy, numbers = _object(told.get("policy")), _object(told.get("summary"))
    failures = tuple(_failure(one) for one in _objects(told.get("failure-details"), DETAILS, "failures"))
    failed = _count(numbers.get("total-failure-session-count"))
    return Sessions(
        values.name(policy.get("policy-type")),
        values.name(policy.get("policy-domain")),
        _count(numbers.get("total-successful-session-count")),
        # Some tell of failures without having added them up.
        failed or sum(failure.sessions for failure in failures),
        failures,
    )


def _failure(told: dict[str, Any]) -> Failure:
    return Failure(
        values.name(told.get("result-type")) or "not told",
        values.name(told.get("receiving-mx-hostname")),
        _count(told.get("failed-session-count")),
    )


def _count(told: object) -> int:
    """A number of sessions; none where it is left out, or null."""
    return 0 if told is None else values.count(told, "a number of sessions")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object, most: int, what: str) -> Iterator[dict[str, Any]]:
    # Some write a lone one without the list around it.
    listed = value if isinstance(value, list) else [value]
    if len(listed) > most:
        raise RefusedError(f"has more than {most} {what}")
    return (one for one in listed if isinstance(one, dict))
