"""SPF: which addresses may send for a domain (RFC 7208)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from policy.dns import server_addresses, text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.networks import outside, parse, vast
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

POLICY = re.compile(r"v=spf1( |$)", re.IGNORECASE)
LETTING_IN = ("", "+", "?")
"""Qualifiers with which a mechanism does not refuse whom it matches (section 4.6.2)."""
MOST_LOOKUPS = 10
LOOKING_UP = ("include", "a", "mx", "ptr", "exists", "redirect")
SHORTEST_PREFIX = {4: 16, 6: 32}
"""Of networks that may be one's own, by IP version; whoever is in a larger one may be anybody."""

NAME = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+\.?"
LENGTHS = r"(?P<four>/\d{1,2})?(//(?P<six>\d{1,3}))?"
TERM = re.compile(
    rf"(?P<qualifier>[+?~-]?)((?P<all>all)|(?P<include>include):(?P<of>{NAME})"
    rf"|(?P<host>a|mx)(:{NAME})?{LENGTHS}|(?P<family>ip[46]):(?P<network>[0-9a-f:./]+))"
)
"""The mechanisms that a policy may have, without macros. Others let in anybody, or nobody knows whom."""
MODIFIER = re.compile(r"[a-z][a-z0-9_.-]*=.*")


@dataclass(frozen=True)
class Policy:
    """The terms of a policy, in lower case."""

    terms: tuple[str, ...]

    @property
    def mechanisms(self) -> list[str]:
        """The terms that are tried one after the other."""
        return [term for term in self.terms if not MODIFIER.fullmatch(term)]

    @property
    def lookups(self) -> int:
        """How many look-ups the record itself needs."""
        names = [re.split("[:=/]", term.lstrip("+-~?"))[0] for term in self.terms]
        return sum(name in LOOKING_UP for name in names)

    def result(self, address: str) -> str:
        """The qualifier of the first term that matches an address by its number, or by being `all`."""
        for term in self.mechanisms:
            parts = TERM.fullmatch(term)
            if parts and (parts["all"] or (parts["network"] and not outside([address], [parts["network"]]))):
                return parts["qualifier"] or "+"
        return "?"


def policy_of(record: Resource) -> Policy | None:
    """The policy in a record, or None where it has none or where that is not known."""
    text = text_of(record)
    return Policy(tuple(text.lower().split()[1:])) if text and POLICY.match(text) else None


def valid_policy(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """It ends in its only `all`, ~all or -all, lets in nobody by a back door, and needs at most ten look-ups.

    Look-ups (section 4.6.4) are counted in the record itself; those that an included domain needs are its owner's to
    say.
    """
    policy = policy_of(record)
    if policy is None:
        return
    if elsewhere := [term for term in policy.terms if term.startswith("redirect=")]:
        yield f"The SPF policy has {elsewhere[0]}, which leaves it to another domain."
    else:
        yield from _of_the_end(policy)
    for term in policy.mechanisms:
        yield from _of_term(term, record.get("name"))
    yield from _of_networks(policy)
    if policy.lookups > MOST_LOOKUPS:
        yield f"The SPF policy needs {policy.lookups} DNS look-ups; {MOST_LOOKUPS} are possible."


def one_per_domain(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has one SPF record, with the server's addresses in it; two make both invalid (section 4.5)."""
    for domain in stack.settings.domains:
        policies = texts_at(resources, domain.name, POLICY)
        if policies.surely_none:
            yield None, f"The domain {domain.name} has no SPF record."
        if len(policies.found) > 1:
            yield policies.found[-1], f"The domain {domain.name} has {len(policies.found)} SPF records."
        for record in policies.found:
            policy = policy_of(record)
            for address in server_addresses(resources):
                if policy and policy.result(address) != "+":
                    yield record, f"The SPF policy of {domain.name} does not name the server's address {address}."


def _of_the_end(policy: Policy) -> Iterator[str]:
    """The first `all` decides and hides what comes after it (section 5.1)."""
    mechanisms = policy.mechanisms
    ends = [term for term in mechanisms if term.lstrip("+-~?") == "all"]
    if not ends:
        yield f"The SPF policy ends in {mechanisms[-1] if mechanisms else 'nothing'}, not in ~all or -all."
    elif ends[0] not in ("~all", "-all"):
        yield f"The SPF policy ends in {ends[0]}, not in ~all or -all."
    elif mechanisms[-1] != ends[0] or len(ends) > 1:
        yield f"The SPF policy goes on after {ends[0]}, which nobody reads."


def _of_term(term: str, name: object) -> Iterator[str]:
    parts = TERM.fullmatch(term)
    if not parts:
        yield f"The SPF policy has {term}, which is none of all, include:name, a, mx, ip4:network and ip6:network."
    elif parts["of"] and parts["of"].rstrip(".") == name:
        yield f"The SPF policy has {term}, which includes itself."
    elif parts["host"] and parts["qualifier"] in LETTING_IN:
        lengths = {4: (parts["four"] or "/32")[1:], 6: parts["six"] or "128"}
        if any(int(length) < SHORTEST_PREFIX[version] for version, length in lengths.items()):
            yield f"The SPF policy has {term}, which lets in all of a network that is nobody's own."
    elif parts["network"] and not _is_of_family(parts["network"], parts["family"][2]):
        yield f"The SPF policy has {term}, which is no network."


def _of_networks(policy: Policy) -> Iterator[str]:
    """Networks count together, since two halves are the whole."""
    matches = [parts for term in policy.mechanisms if (parts := TERM.fullmatch(term)) and parts["network"]]
    let_in = [parts["network"] for parts in matches if parts["qualifier"] in LETTING_IN]
    for network in vast(let_in, SHORTEST_PREFIX):
        yield f"The SPF policy lets in {network}, which is nobody's own network."


def _is_of_family(network: str, version: str) -> bool:
    parsed = parse(network)
    return parsed is not None and parsed.version == int(version)


RULES = (
    ResourceRule(
        name="spf-valid",
        why="An SPF policy refuses all other senders and needs at most ten look-ups, or it protects nobody.",
        remedy="End it in ~all or -all, with the addresses, networks and includes of your own senders before it.",
        types=(DNS_RECORD,),
        check=valid_policy,
    ),
    StackRule(
        name="spf-one-per-domain",
        why="Each mail domain has exactly one SPF record, and it names the server's addresses.",
        remedy="Make it with spf() of components/records.py; merge what other senders need into the same record.",
        check=one_per_domain,
    ),
)
