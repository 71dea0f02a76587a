"""What the reports about a stack's domains say when all are added up."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime

from model.settings import MailDomainSettings
from operate.errors import MailboxError
from operate.reports.boxes import readable
from operate.reports.collected import Collected, collect
from operate.reports.counted import Count
from operate.reports.encryption import Encryption
from operate.reports.sources import Known, Source, sources
from operate.reports.spf_networks import networks
from operate.reports.verdict import POLICIES, Verdict, judge
from operate.verify.names import Dns, Names
from operate.verify.runner import Shared
from operate.verify.stack import Stack

DAYS = 35
"""How far one looks back, unless told otherwise: a verdict on `reject` takes four weeks."""


Days = tuple[tuple[date, int, int], ...]


@dataclass(frozen=True)
class DomainSummary:
    """What is known of the mail in one domain's name."""

    name: str
    policy: str
    """The policy that receivers apply now: none, quarantine or reject."""
    reporters: tuple[str, ...]
    """The organizations that reported, by name."""
    reports: int
    days: Days
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
    unread: tuple[str, ...]
    """The mailboxes that were not, with their addresses, and why."""
    refused: tuple[str, ...]
    """What was not taken for a report, and why; a line each, without mailbox addresses."""
    duplicates: int
    """Reports that came more than once."""


async def gather(stack: Stack, since: date) -> Summary:
    """Read the reports that came since a day. Raises MailboxError (operate.errors) where no mailbox can be read."""
    boxes, others = readable(stack)
    found = await asyncio.to_thread(collect, boxes, ["INBOX"], since, datetime.now(UTC))
    found.unread += others
    return await summarized(stack, found, since)


async def summarized(stack: Stack, found: Collected, since: date) -> Summary:
    """What collected reports say. Raises MailboxError (operate.errors) where no mailbox could be read."""
    if not found.mailboxes:
        raise MailboxError("\n".join(["No mailbox that gets reports could be read.", *found.unread]))
    count = Count([domain.name for domain in stack.settings.domains])
    for report in found.reports:
        count.add(report)
    shared = Shared()
    names = Dns(shared, [stack.own.resolver] if stack.own.resolver else [])
    try:
        domains = [await _domain(stack, names, domain, count) for domain in stack.settings.domains]
    finally:
        shared.close()
    others = [
        f"reports about {name}, which is none of this stack's: {reports}" for name, reports in count.others.items()
    ]
    return Summary(
        since,
        tuple(domains),
        tuple(found.mailboxes),
        tuple(found.unread),
        (*found.refused, *others),
        found.duplicates,
    )


async def _domain(stack: Stack, names: Names, domain: MailDomainSettings, count: Count) -> DomainSummary:
    counted = count.domains[domain.name]
    relay = stack.settings.relay.senders if stack.settings.relay else ()
    terms = [*domain.senders, *relay, *[f"a:{domain.name}"] * domain.spf_a]
    known = Known([stack.ipv4, stack.ipv6], await networks(names, terms))
    found = await sources(names, counted.sources, known)
    days = tuple((day, counted.passed[day], counted.failed[day]) for day in sorted(counted.days))
    # A policy that is being tried counts as the next milder one.
    policy = POLICIES[max(0, POLICIES.index(domain.dmarc.policy) - domain.dmarc.testing)]
    return DomainSummary(
        domain.name,
        policy,
        tuple(reporter for reporter, _ in counted.reporters.most_common()),
        counted.reports,
        days,
        found,
        judge(domain.name, policy, len(days), len(counted.reporters), found),
        counted.encryption.encryption() if counted.encryption else None,
    )
