"""All reports in some mailboxes, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from model.values import is_within
from operate import errors
from operate.reports.inbox import Fetched, Place, delete, messages
from operate.reports.messages import Report, read
from operate.verify.mailbox import Mailbox, MailboxError

LATE = timedelta(days=7)
"""How long before the first day asked for a report may be about; with more, it tells of a server that is no more."""


@dataclass
class Collected:
    """What was found."""

    reports: list[Report] = field(default_factory=list)
    duplicates: int = 0
    """Reports that came more than once."""
    refused: list[str] = field(default_factory=list)
    """What was not read, and why."""
    read: list[tuple[Mailbox, Place, frozenset[str]]] = field(default_factory=list)
    """The messages that were read whole and hold nothing else, with the domains that they are about."""
    mailboxes: list[str] = field(default_factory=list)
    """The addresses that could be read."""
    unread: list[str] = field(default_factory=list)
    """Mailboxes that could not, and why."""


def collect(boxes: Sequence[Mailbox], folders: Sequence[str], since: date, now: datetime) -> Collected:
    """The reports that came since a day."""
    found = Collected()
    keys: set[object] = set()
    for box in boxes:
        try:
            for folder in folders:
                _take(found, keys, box, messages(box, folder, since), since, now)
            found.mailboxes.append(box.address)
        except MailboxError as error:
            found.unread.append(f"{box.address}: {error}")
    return found


def _take(
    found: Collected, keys: set[object], box: Mailbox, fetched: Iterable[Fetched], since: date, now: datetime
) -> None:
    for message in fetched:
        place = f"message {message.place.uid} in {message.place.folder}"
        if not message.raw:
            found.refused.append(f"{place}: is too large")
            continue
        content = read(message.raw, now)
        late = [report for report in content.reports if report.day < since - LATE]
        found.refused += [f"{place}: {reason}" for reason in content.refused]
        found.refused += [f"{place}: is about {report.day}, long before it came" for report in late]
        for report in content.reports:
            if report in late:
                continue
            found.duplicates += report.key in keys
            if report.key not in keys:
                found.reports.append(report)
            keys.add(report.key)
        if content.reports and not content.refused and not content.other and not late:
            about = frozenset(domain for report in content.reports for domain in report.domains)
            found.read.append((box, message.place, about))


def delete_read(found: Collected, domains: Sequence[str]) -> int:
    """Delete the messages that were read whole and are about these domains, or names below them, alone; how many.

    What is about another stack's is for that one to read. Raises MailboxError (operate.errors).
    """
    count = 0
    for box in dict.fromkeys(box for box, *_ in found.read):
        places = [
            place
            for holder, place, about in found.read
            if holder is box and all(any(is_within(name, domain) for domain in domains) for name in about)
        ]
        try:
            for deleted in delete(box, places):
                count += deleted
        except MailboxError as error:
            raise errors.MailboxError(f"{box.address}: {error}. {count} messages were deleted.") from None
    return count
