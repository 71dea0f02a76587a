"""DMARC: what receivers do with mail that fails SPF and DKIM (RFC 9989)."""

from collections.abc import Iterator

from model.dmarc import MEANT, POLICIES, TAGS, DmarcError, parse
from model.records import dmarc_name
from policy.dns import text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

ASKED_FOR = ("p", "sp", "np")
"""The policies for the domain itself, for its subdomains, and for those that do not exist."""


def strict_enough(record: Resource, _stack: Stack, settings: Settings) -> Iterator[str]:
    """The record is read in one way only, and p, sp and np are at least what the environment wants.

    With t=y receivers apply the next milder policy (section 4.7), so that one counts.
    """
    text, name = text_of(record), record.get("name")
    if text is None or not isinstance(name, str) or not name.startswith("_dmarc."):
        return
    try:
        found = parse(text)
    except DmarcError as error:
        yield f"The record is no DMARC policy that all receivers read alike: it {error}."
        return
    if unknown := sorted(set(found) - set(TAGS)):
        yield f"The DMARC policy has {', '.join(unknown)}, which RFC 9989 does not know: receivers pass over it."
    else:
        yield from _mild(found, settings["minimum"])


def _mild(found: dict[str, str], wanted: str) -> Iterator[str]:
    testing = found.get("t", "n").lower() == "y"
    for tag in (asked for asked in ASKED_FOR if asked in found):
        if max(0, POLICIES.index(found[tag].lower()) - testing) < POLICIES.index(wanted):
            while_testing = " with t=y" if testing else ""
            yield f"The DMARC policy is {tag}={found[tag]}{while_testing}; at least {wanted} is wanted here."


def one_per_domain(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has one DMARC record; with two, receivers take neither (section 4.10)."""
    for domain in stack.settings.domains:
        policies = texts_at(resources, dmarc_name(domain.name), MEANT)
        if policies.surely_none:
            yield None, f"The domain {domain.name} has no DMARC record."
        if len(policies.found) > 1:
            yield policies.found[-1], f"The domain {domain.name} has {len(policies.found)} DMARC records."


MINIMUM = Setting(
    name="minimum",
    meaning="The mildest policy of this environment; `none` while one only watches the reports.",
    schema={"type": "string", "enum": list(POLICIES)},
    default="none",
)

RULES = (
    ResourceRule(
        name="dmarc-strict",
        why="The DMARC policy is one that all receivers read alike, and at least as strict as the environment wants, "
        "because a mild one lets forgers through.",
        remedy="Set the domain's dmarc.policy, or lower the rule's minimum while you only watch the reports.",
        types=(DNS_RECORD,),
        check=strict_enough,
        settings=(MINIMUM,),
    ),
    StackRule(
        name="dmarc-one-per-domain",
        why="Each mail domain has exactly one DMARC record.",
        remedy="Make it with dmarc() of model/records.py.",
        check=one_per_domain,
    ),
)
