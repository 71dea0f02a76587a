"""SPF: which addresses may send for a domain (RFC 7208)."""

from collections.abc import Iterator

from model.spf import BEGINNING, LOOKUP_LIMIT, Mechanism, Policy, is_policy, lookups, parse
from model.spf_terms import SMALLEST_PREFIX, sender
from policy.dns import server_addresses, text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.networks import outside, vast
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

REFUSING = ("-", "~")
OUR_OWN = ("a", "mx")
"""Mechanisms that a policy of ours has of its own accord; what else it has are senders that are configured."""


def policy_of(record: Resource) -> Policy | None:
    """The policy in a record, or None where it has none or where that is not known."""
    text = text_of(record)
    return parse(text) if text and is_policy(text) else None


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
    strange = [found for mechanism in policy.mechanisms for found in _of_mechanism(mechanism, record.get("name"))]
    yield from strange or _of_networks(policy)
    if (count := lookups(policy.terms)) > LOOKUP_LIMIT:
        yield f"The SPF policy needs {count} DNS look-ups; {LOOKUP_LIMIT} are possible."


def one_per_domain(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has one SPF record, with the server's addresses in it; two make both invalid (section 4.5)."""
    for domain in stack.settings.domains:
        policies = texts_at(resources, domain.name, BEGINNING)
        if policies.surely_none:
            yield None, f"The domain {domain.name} has no SPF record."
        if len(policies.found) > 1:
            yield policies.found[-1], f"The domain {domain.name} has {len(policies.found)} SPF records."
        for record in policies.found:
            policy = policy_of(record)
            for address in server_addresses(resources):
                if policy and _result(policy, address) != "+":
                    yield record, f"The SPF policy of {domain.name} does not name the server's address {address}."


def _result(policy: Policy, address: str) -> str:
    """The qualifier of the first mechanism that matches an address by its number, or by being `all`."""
    for mechanism in policy.mechanisms:
        network = mechanism.network
        if mechanism.text == "all" or (network and not outside([address], [network])):
            return mechanism.qualifier
    return "?"


def _of_the_end(policy: Policy) -> Iterator[str]:
    """The first `all` decides and hides what comes after it (section 5.1)."""
    mechanisms = policy.mechanisms
    ends = [mechanism for mechanism in mechanisms if mechanism.text == "all"]
    if not ends:
        yield f"The SPF policy ends in {mechanisms[-1] if mechanisms else 'nothing'}, not in ~all or -all."
    elif ends[0].qualifier not in REFUSING:
        yield f"The SPF policy ends in {ends[0]}, not in ~all or -all."
    elif mechanisms[-1] != ends[0] or len(ends) > 1:
        yield f"The SPF policy goes on after {ends[0]}, which nobody reads."


def _of_mechanism(mechanism: Mechanism, name: object) -> Iterator[str]:
    """A mechanism lets in one of our own hosts, or a sender that the program would take."""
    if mechanism.text in ("all", *OUR_OWN):
        return
    if mechanism.text == f"include:{name}":
        yield f"The SPF policy has {mechanism}, which includes itself."
        return
    try:
        sender(mechanism.text)
    except ValueError as error:
        yield f"The SPF policy has a term that lets in anybody, or that receivers do not know: {error}."


def _of_networks(policy: Policy) -> Iterator[str]:
    """Networks count together, since two halves are the whole."""
    let_in = [found.network for found in policy.mechanisms if found.network and found.qualifier not in REFUSING]
    for network in vast(let_in, {4: SMALLEST_PREFIX["ip4"], 6: SMALLEST_PREFIX["ip6"]}):
        yield f"The SPF policy lets in {network}, which is nobody's own network."


RULES = (
    ResourceRule(
        name="spf-valid",
        why="An SPF policy refuses all other senders and needs at most ten look-ups, or it protects nobody.",
        remedy="Make it with spf() of model/records.py, with other senders in the domain's senders.",
        types=(DNS_RECORD,),
        check=valid_policy,
    ),
    StackRule(
        name="spf-one-per-domain",
        why="Each mail domain has exactly one SPF record, and it names the server's addresses.",
        remedy="Make it with spf() of model/records.py; merge what other senders need into the same record.",
        check=one_per_domain,
    ),
)
