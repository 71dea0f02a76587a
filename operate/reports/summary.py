"""What the reports about a stack's domains say when all are added up."""

from dataclasses import dataclass
from datetime import date

from operate.reports.encryption import Encryption
from operate.reports.sources import Source
from operate.reports.verdict import Verdict
from operate.verify.stack import Stack

DAYS = 35
"""How far one looks back, unless told otherwise: a verdict on `reject` takes four weeks."""


@dataclass(frozen=True)
class DomainSummary:
    """What is known of the mail in one domain's name."""

    name: str
    policy: str
    """The policy that is set now: none, quarantine or reject."""
    reporters: tuple[str, ...]
    """The organizations that reported, by name."""
    reports: int
    days: tuple[tuple[date, int, int], ...]
    """Day (UTC), messages that passed DMARC, messages that failed; days without a report are left out."""
    sources: tuple[Source, ...]
    """The most messages first."""
    verdict: Verdict
    encryption: Encryption | None
    """None where no TLS report came."""

    @property
    def passed(self) -> int:
        """Messages in all that passed."""
        return sum(good for _, good, _ in self.days)

    @property
    def failed(self) -> int:
        """Messages in all that failed."""
        return sum(bad for _, _, bad in self.days)


@dataclass(frozen=True)
class Summary:
    """What is known of all the stack's domains."""

    since: date
    domains: tuple[DomainSummary, ...]
    """Each of the stack's, in its order, with reports or without."""
    mailboxes: tuple[str, ...]
    """The addresses that were read."""
    refused: tuple[str, ...]
    """What was not read, and why; a line each, without mailbox addresses."""
    duplicates: int
    """Reports that came more than once."""


async def gather(stack: Stack, since: date) -> Summary:
    """Read the reports that came since a day. Raises MailboxError (operate.errors) where no mailbox can be read."""
    raise NotImplementedError
