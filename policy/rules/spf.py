"""SPF: which addresses may send for a domain (RFC 7208)."""

import ipaddress
from collections.abc import Iterator

from policy.dns import server_addresses, text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

VERSION = "v=spf1"
MOST_LOOKUPS = 10
LOOKING_UP = ("include", "a", "mx", "ptr", "exists", "redirect")


def valid_policy(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """It ends in ~all or -all, and needs at most ten look-ups (section 4.6.4).

    Look-ups are counted in the record itself; those that an included domain needs are its owner's to say.
    """
    terms = _terms(text_of(record))
    if not terms:
        return
    if terms[-1] not in ("~all", "-all"):
        yield f"The SPF policy ends in {terms[-1]}, not in ~all or -all."
    lookups = sum(_mechanism(term) in LOOKING_UP for term in terms)
    if lookups > MOST_LOOKUPS:
        yield f"The SPF policy needs {lookups} DNS look-ups; {MOST_LOOKUPS} are possible."


def one_per_domain(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has one SPF record, with the server's addresses in it; two make both invalid (section 4.5)."""
    for domain in stack.domains:
        policies = texts_at(resources, domain, VERSION)
        if policies.surely_none:
            yield None, f"The domain {domain} has no SPF record."
        if len(policies.found) > 1:
            yield policies.found[-1], f"The domain {domain} has {len(policies.found)} SPF records."
        for record in policies.found:
            terms = _terms(text_of(record))
            for address in server_addresses(resources):
                if not any(_allows(term, address) for term in terms):
                    yield record, f"The SPF policy of {domain} does not name the server's address {address}."


def _terms(text: str | None) -> list[str]:
    terms = (text or "").lower().split()
    return terms[1:] if terms[:1] == [VERSION] else []


def _mechanism(term: str) -> str:
    bare = term.lstrip("+-~?")
    return bare.replace("=", ":").replace("/", ":").partition(":")[0]


def _allows(term: str, address: str) -> bool:
    kind, _, network = term.removeprefix("+").partition(":")
    if kind not in ("ip4", "ip6"):
        return False
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


RULES = (
    ResourceRule(
        name="spf-valid",
        why="An SPF policy refuses all other senders and needs at most ten look-ups, or it protects nobody.",
        remedy="End it in ~all or -all, and name addresses in place of includes.",
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
