"""Who has sent in a domain's name: what the records of DMARC reports say of each address, added up and named."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import dns.reversename

from model.values import is_within
from operate.reports.aggregate import Record
from operate.reports.providers import provider
from operate.reports.spf_networks import Networks
from operate.verify.names import LookupFailedError, Names

NAMED = 200
"""Addresses of a domain whose reverse names are asked for; those with the most messages."""
PATIENCE = 20.0
"""Seconds that reverse names are waited for; whoever has none by then has none."""
OWN = "this server"

Kind = Literal["own", "sender", "provider", "unknown"]
"""own: this server. sender: whom the domain's SPF terms name. provider: known by its reverse name, or by whose mail SPF
and DKIM say it is. unknown: none of these, though it may have a name."""


@dataclass(frozen=True)
class Source:
    """An address that has sent in a domain's name, and what became of its mail. Counts are of messages."""

    address: str
    name: str
    """Who that is, as far as is known: "this server", an SPF term, a provider, a host name; empty otherwise."""
    kind: Kind
    passed: int
    """With an aligned SPF or DKIM result (RFC 9989, section 4.4)."""
    failed: int
    """With neither, forwarded ones among them."""
    forwarded: int
    """Failed ones of which the receiver says that a forwarder or a mailing list handed them on."""
    spf: int
    """With an aligned SPF result."""
    dkim: int
    """With an aligned DKIM result."""
    dispositions: Mapping[str, int]
    """What the receivers did: none (or pass), quarantine, reject."""
    first: date
    last: date
    days: int
    """On how many days it was seen."""
    vouched: tuple[str, ...]
    """The domains, not aligned, for which SPF or DKIM passed: whoever sends for others has his own."""

    @property
    def lost(self) -> int:
        """Messages that a strict policy would cost, were they one's own; those that were forwarded left out."""
        return self.failed - self.forwarded


@dataclass
class Tally:
    """A source while it is being counted."""

    passed: int = 0
    failed: int = 0
    forwarded: int = 0
    spf: int = 0
    dkim: int = 0
    dispositions: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    vouched: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record, day: date, domain: str) -> None:
        """Count a record about a domain."""
        passed = record.spf or record.dkim
        self.passed += record.count * passed
        self.failed += record.count * (not passed)
        self.forwarded += record.count * (not passed and record.forwarded)
        self.spf += record.count * record.spf
        self.dkim += record.count * record.dkim
        self.dispositions[record.disposition] += record.count
        self.days.add(day)
        for other in record.vouched:
            if not is_within(other, domain) and not is_within(domain, other):
                self.vouched[other] += record.count


@dataclass(frozen=True)
class Known:
    """Whom a domain lets send."""

    own: Sequence[str]
    """The addresses of this server."""
    senders: Sequence[Networks]


async def sources(names: Names, tallies: Mapping[str, Tally], known: Known) -> tuple[Source, ...]:
    """The sources of a domain, named, the most messages first."""
    ordered = sorted(tallies.items(), key=lambda one: (-one[1].passed - one[1].failed, one[0]))
    kinds = {address: _by_policy(address, known) for address, _ in ordered}
    strangers = [address for address, kind in kinds.items() if kind is None]
    hosts = await _reverse_names(names, strangers[:NAMED])
    return tuple(
        _source(address, tally, *(kinds[address] or _by_name(hosts.get(address, ""), tally)))
        for address, tally in ordered
    )


def _source(address: str, tally: Tally, kind: Kind, name: str) -> Source:
    vouched = tuple(domain for domain, _ in tally.vouched.most_common(5))
    return Source(
        address,
        name,
        kind,
        tally.passed,
        tally.failed,
        tally.forwarded,
        tally.spf,
        tally.dkim,
        dict(tally.dispositions),
        min(tally.days),
        max(tally.days),
        len(tally.days),
        vouched,
    )


def _by_policy(address: str, known: Known) -> tuple[Kind, str] | None:
    ip = ipaddress.ip_address(address)
    if any(ip == ipaddress.ip_address(own) for own in known.own):
        return "own", OWN
    term = next((sender.term for sender in known.senders if sender.has(ip)), "")
    return ("sender", term) if term else None


def _by_name(host: str, tally: Tally) -> tuple[Kind, str]:
    for name in (host, *(domain for domain, _ in tally.vouched.most_common(5))):
        found = provider(name)
        if found:
            return "provider", found
    return "unknown", host


async def _reverse_names(names: Names, addresses: Sequence[str]) -> dict[str, str]:
    """The reverse name of each address that has one which leads back to it (RFC 8601, section 2.7.3)."""
    found: dict[str, str] = {}

    async def ask(address: str) -> None:
        try:
            reverse = dns.reversename.from_address(address).to_text(omit_final_dot=True)
            kind = "AAAA" if ":" in address else "A"
            for host in (await names.public(reverse, "PTR")).values[:1]:
                if address in (await names.public(host, kind)).values:
                    found[address] = host
        except LookupFailedError:
            pass  # it stays without a name

    tasks = [asyncio.create_task(ask(address)) for address in addresses]
    if tasks:
        _, pending = await asyncio.wait(tasks, timeout=PATIENCE)
        for task in pending:
            task.cancel()
    return found
