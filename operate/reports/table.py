"""A summary of reports for people, and for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from operate.reports.encryption import Encryption
from operate.reports.sources import Source
from operate.reports.summary import DomainSummary, Summary
from operate.reports.verdict import POLICIES

SHOWN = 20
"""Sources of a domain that are told; the others are drawn together."""
NAMED = 8
"""Reporters that are named; a well-known domain has dozens."""
KINDS = {"own": "", "sender": "in SPF", "provider": "", "unknown": "unknown"}


def lines(summary: Summary) -> Iterator[str]:
    """The summary in words."""
    for domain in summary.domains:
        yield from _domain(domain)
        yield ""
    again = f" Came once more and left out: {summary.duplicates}." if summary.duplicates else ""
    count = sum(domain.reports for domain in summary.domains)
    yield f"{', '.join(summary.mailboxes)} since {summary.since}: {count} DMARC reports about these domains.{again}"
    for line in (*summary.unread, *summary.refused):
        yield f"Not read: {line}"


def named(reporters: Sequence[str]) -> str:
    """Who reported, as far as that can be read."""
    rest = len(reporters) - NAMED
    return ", ".join(reporters[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _domain(domain: DomainSummary) -> Iterator[str]:
    yield f"{domain.name}  (policy {domain.policy})"
    if not domain.reporters:
        yield "  No DMARC report came."
    else:
        yield f"  {domain.passed} messages passed, {domain.failed} failed, by {named(domain.reporters)}"
    yield from _sources(domain.sources)
    yield f"  Verdict: {verdict(domain)}"
    yield from (f"    {reason}" for reason in domain.verdict.reasons)
    if domain.encryption:
        yield from _encryption(domain.encryption)


def _sources(sources: tuple[Source, ...]) -> Iterator[str]:
    if not sources:
        return
    rows: list[tuple[str, ...]] = [("source", "passed", "SPF", "DKIM", "failed", "forwarded", "receivers did", "seen")]
    rows += [_row(source) for source in sources[:SHOWN]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place in (0, 6) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
    rest = sources[SHOWN:]
    if rest:
        passed, failed = sum(source.passed for source in rest), sum(source.failed for source in rest)
        yield f"  and {len(rest)} more: {passed} passed, {failed} failed"


def _row(source: Source) -> tuple[str, ...]:
    words = [source.name, KINDS[source.kind] if source.kind != "unknown" or not source.name else ""]
    who = ", ".join(filter(None, words))
    # Who is not aligned is told by whose mail it is otherwise.
    whose = f" for {', '.join(source.vouched[:2])}" if source.failed and source.vouched else ""
    done = ", ".join(f"{name} {count}" for name, count in sorted(source.dispositions.items()) if count)
    counts = (source.passed, source.spf, source.dkim, source.failed, source.forwarded)
    seen = f"{source.first}" if source.first == source.last else f"{source.first} to {source.last}"
    return (f"{source.address} ({who}){whose}" if who else f"{source.address}{whose}", *map(str, counts), done, seen)


def verdict(domain: DomainSummary) -> str:
    """How strict the policy may be, in a few words."""
    found = domain.verdict
    if not found.enough:
        return "not enough is known to say how strict the policy may be."
    if not found.safe:
        return "none is as strict as is safe."
    if found.safe == domain.policy:
        return f"{found.safe} is safe, and set."
    if POLICIES.index(found.safe) < POLICIES.index(domain.policy):
        return f"{found.safe} is as strict as is known to be safe."
    return f"safe to go to {found.safe}."


def _encryption(found: Encryption) -> Iterator[str]:
    yield f"  Encryption: {found.succeeded} sessions succeeded, {found.failed} failed, by {named(found.reporters)}"
    for failure in found.failures[:SHOWN]:
        yield f"    {failure.sessions} {failure.kind}{f' at {failure.host}' if failure.host else ''}"
    yield f"  Verdict: {'safe to enforce (mtaSts).' if found.enforce else 'not yet safe to enforce (mtaSts).'}"
    yield from (f"    {reason}" for reason in found.reasons)


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary for programs: the same fields, days as texts."""
    told: dict[str, Any] = _plain(asdict(summary))
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
