"""Whether a domain may be stricter, by what its reports say: never on little data, and always with the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from operate.reports.sources import Source

Safe = Literal["", "quarantine", "reject"]
POLICIES = ("none", "quarantine", "reject")
"""From the mildest."""

MESSAGES = 100
"""Messages of known senders, and others that passed, below which nothing is said."""
REPORTERS = 2
"""Organizations; one alone sees a part of the mail only."""
STEADY = 3
"""Days on which a stranger was seen, from which on it may be a sender that was forgotten, rather than a forger."""
NAMED = 5
"""Reasons of one kind that are told."""


@dataclass(frozen=True)
class Demand:
    """What must hold before a policy costs no mail of one's own."""

    policy: Safe
    days: int
    """Days with reports."""
    share: float
    """Of the known senders' messages, how many must pass."""
    stranger: float
    """Share of all messages from which on a stranger's failing ones are too many to be overlooked."""


DEMANDS = (Demand("quarantine", 14, 0.98, 0.05), Demand("reject", 28, 0.995, 0.01))
"""From the mildest. Quarantined mail can still be found, so it asks for less."""


@dataclass(frozen=True)
class Verdict:
    """How strict the domain's DMARC policy may be."""

    safe: Safe
    """The strictest policy that costs no mail of one's own; empty for none (p=none)."""
    enough: bool
    """Whether the reports say enough to tell; if not, `safe` is empty."""
    reasons: tuple[str, ...]
    """What speaks for it, or against more; each a sentence."""


def judge(domain: str, policy: str, days: int, reporters: int, sources: Sequence[Source]) -> Verdict:
    """The verdict on a domain whose policy is known, by the days with reports, the reporters, and who sent."""
    trusted = [source for source in sources if _is_trusted(source)]
    good, lost = sum(source.passed for source in sources), sum(source.lost for source in trusted)
    lacks = list(_lacks(good + lost, days, reporters))
    if lacks:
        # Mail of a sender that was forgotten may be all that a domain has.
        unasked = [f"{reason[0].upper()}{reason[1:]}" for reason in _strangers(domain, 0, sources)]
        silent = "A domain from which nothing is sent needs no watching: it may be at reject at once."
        return Verdict("", False, (*lacks, *unasked, *[silent] * (not good + lost and not unasked)))
    share = good / (good + lost)
    passed = f"{good} of {good + lost} messages of known senders passed ({_percent(share)})"
    reasons = [f"{passed}, as {reporters} organizations reported on {days} days."]
    safe: Safe = ""
    for demand in DEMANDS:
        obstacles = list(_obstacles(domain, demand, days, share, sources))
        if obstacles:
            reasons += [f"Not yet {demand.policy}: {obstacle}" for obstacle in obstacles]
            break
        safe = demand.policy
    if POLICIES.index(policy) > POLICIES.index(safe or "none"):
        reasons.append(f"The policy is {policy} already: receivers put aside or turn away what fails.")
    return Verdict(safe, True, tuple(reasons))


def _lacks(messages: int, days: int, reporters: int) -> Iterator[str]:
    if days < DEMANDS[0].days:
        yield f"Reports cover {days} of the {DEMANDS[0].days} days that are needed."
    if messages < MESSAGES:
        yield f"Reports are about {messages} of the {MESSAGES} messages of known senders that are needed."
    if reporters < REPORTERS:
        yield f"Reports came from {reporters} of the {REPORTERS} organizations that are needed."


def _obstacles(domain: str, demand: Demand, days: int, share: float, sources: Sequence[Source]) -> Iterator[str]:
    """What speaks against a policy."""
    if days < demand.days:
        yield f"reports cover {days} of the {demand.days} days that are needed."
    if share < demand.share:
        yield f"{_percent(share)} of the known senders' messages passed; {_percent(demand.share)} are needed."
        yield from _known_senders(domain, sources)
    total = sum(source.passed + source.failed for source in sources)
    yield from _strangers(domain, total * demand.stranger, sources)


def _known_senders(domain: str, sources: Sequence[Source]) -> Iterator[str]:
    losing = sorted((one for one in sources if _is_trusted(one) and one.lost), key=lambda one: -one.lost)
    for source in losing[:NAMED]:
        said = f"{_who(source)}: {source.lost} of {source.passed + source.lost} messages failed."
        if source.kind == "own":
            yield f"{said} ./run mail verify says what is wrong with SPF and DKIM."
        else:
            yield f"{said} {_align(domain)}"


def _strangers(domain: str, limit: float, sources: Sequence[Source]) -> Iterator[str]:
    """Others whose failing mail is more than can be overlooked.

    All addresses of a provider are one, and all for whose mail the same other domain vouches: whoever sends for others
    has many, and his own envelope sender or signature, which no forger has.
    """
    groups: dict[str, list[Source]] = {}
    for source in sources:
        if not _is_trusted(source) and source.lost:
            groups.setdefault(_sender(source), []).append(source)
    most = sorted(groups.items(), key=lambda group: -sum(source.lost for source in group[1]))
    for _name, group in most[:NAMED]:
        lost = sum(source.lost for source in group)
        # A provider changes its addresses, each of which may have been seen on a day only; at least so many are theirs.
        days = max(len({day for one in group for day in (one.first, one.last)}), *(one.days for one in group))
        if lost >= limit and days >= STEADY:
            yield (
                f"{lost} messages of {_who(group[0])}{f' and {len(group) - 1} more' if len(group) > 1 else ''} failed, "
                f"on {days} days. If it sends for you: {_align(domain)} If not, a stricter policy is what stops it."
            )


def _sender(source: Source) -> str:
    if source.kind == "provider":
        return source.name
    return source.vouched[0] if source.vouched else source.address


def _align(domain: str) -> str:
    return (
        f"Have it sign with a DKIM key of {domain}, or use an envelope sender in {domain} that its SPF policy allows."
    )


def _is_trusted(source: Source) -> bool:
    """Whether a source is known to send for the domain: by its policy, or since most of its mail passes."""
    return source.kind in ("own", "sender") or source.passed > source.lost


def _who(source: Source) -> str:
    return f"{source.name} ({source.address})" if source.name else source.address


def _percent(share: float) -> str:
    # Rounded down: 99.96 % is not all.
    return f"{int(share * 1000) / 10:g} %"
