"""Who has sent in a domain's name: what the records of DMARC reports say of each address, added up."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Kind = Literal["own", "sender", "provider", "unknown"]
"""own: this server. sender: whom the domain's SPF policy names. provider: known by its reverse name only. unknown."""


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
    dispositions: dict[str, int]
    """What the receivers did: none (or pass), quarantine, reject."""
    first: date
    last: date
    days: int
    """On how many days it was seen."""
    vouched: tuple[str, ...]
    """The domains, not aligned, for which SPF or DKIM passed: whoever sends for others has his own."""


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
