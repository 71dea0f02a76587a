"""The networks from which a domain's own SPF terms let others send (RFC 7208), as far as they can be listed."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from model.spf import is_policy, parse
from operate.verify.names import LookupFailedError, Names

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

QUESTIONS = 60
"""That are asked for one term; a receiver stops at ten, but does not look at both families."""


@dataclass
class Networks:
    """What a term of a domain's policy stands for."""

    term: str
    found: list[Network] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def has(self, address: Address) -> bool:
        """Whether an address may send by this term."""
        return any(address in network for network in self.found)


async def networks(names: Names, terms: Sequence[str]) -> list[Networks]:
    """What each term stands for; what cannot be found out stands for nothing."""
    found = [Networks(term) for term in dict.fromkeys(terms)]
    for one in found:
        await _add(names, one, one.term, "")
    return found


async def _add(names: Names, to: Networks, term: str, domain: str) -> None:
    """Add what a term says that stands in the policy of a domain."""
    # A term that lets nobody send begins with -, ~ or ?, so it is none of those below.
    text = term.lstrip("+").replace("redirect=", "include:", 1)
    mechanism, _, rest = text.partition(":") if ":" in text else (text.partition("/")[0], "", "")
    if mechanism in ("ip4", "ip6"):
        to.found += _network(rest)
        return
    host, _, prefixes = (rest or f"{domain}{text.removeprefix(mechanism)}").partition("/")
    if mechanism not in ("include", "a", "mx") or not host or "%" in host:
        return
    if mechanism == "include":
        for policy in filter(is_policy, await _ask(names, to, host, "TXT")):
            for inner in parse(policy).terms:
                await _add(names, to, inner, host)
        return
    hosts = [host] if mechanism == "a" else [mx.split()[-1] for mx in await _ask(names, to, host, "MX")]
    four, _, six = prefixes.partition("//")
    for name in hosts:
        for kind, prefix in (("A", four), ("AAAA", six)):
            for address in await _ask(names, to, name, kind):
                to.found += _network(f"{address}/{prefix}" if prefix else address)


async def _ask(names: Names, to: Networks, name: str, kind: str) -> Sequence[str]:
    question = f"{name} {kind}"
    # Policies that include each other end here, too.
    if question in to.asked or len(to.asked) >= QUESTIONS:
        return ()
    to.asked.add(question)
    try:
        return (await names.public(name, kind)).values
    except LookupFailedError:
        return ()


def _network(written: str) -> Iterator[Network]:
    try:
        yield ipaddress.ip_network(written, strict=False)
    except ValueError:
        return
