"""DMARC: what receivers do with mail that fails SPF and DKIM (RFC 7489)."""

from collections.abc import Iterator

from components.records import dmarc_name
from policy.dns import tags, text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

VERSION = "v=dmarc1"
POLICIES = ("none", "quarantine", "reject")


def strict_enough(record: Resource, _stack: Stack, settings: Settings) -> Iterator[str]:
    """p and sp are at least what the environment wants.

    With pct below 100 the rest of the mail is treated one step more mildly (section 6.6.4), so that step counts.
    """
    text, name = text_of(record), record.get("name")
    if text is None or not isinstance(name, str) or not name.startswith("_dmarc."):
        return
    found = tags(text)
    wanted = settings["minimum"]
    if not text.startswith("v=DMARC1") or found.get("p", "").lower() not in POLICIES:
        yield "The record is no DMARC policy: v=DMARC1 first, and p one of none, quarantine, reject."
        return
    milder = found.get("pct", "100") != "100"
    for tag in sorted({"p", "sp"} & set(found)):
        policy = found[tag].lower()
        strictness = max(0, POLICIES.index(policy) - milder) if policy in POLICIES else -1
        if strictness < POLICIES.index(wanted):
            share = f" for {found['pct']} % of the mail" if milder else ""
            yield f"The DMARC policy is {tag}={policy}{share}; at least {wanted} is wanted here."


def one_per_domain(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has one DMARC record; with two, receivers take neither (section 6.6.3)."""
    for domain in stack.domains:
        policies = texts_at(resources, dmarc_name(domain), VERSION)
        if policies.surely_none:
            yield None, f"The domain {domain} has no DMARC record."
        if len(policies.found) > 1:
            yield policies.found[-1], f"The domain {domain} has {len(policies.found)} DMARC records."


MINIMUM = Setting(
    name="minimum",
    meaning="The mildest policy of this environment; `none` while one only watches the reports.",
    schema={"type": "string", "enum": list(POLICIES)},
    default="none",
)

RULES = (
    ResourceRule(
        name="dmarc-strict",
        why="The DMARC policy is at least as strict as the environment wants, because a mild one lets forgers through.",
        remedy="Set the domain's dmarc.policy, or lower the rule's minimum while you only watch the reports.",
        types=(DNS_RECORD,),
        check=strict_enough,
        settings=(MINIMUM,),
    ),
    StackRule(
        name="dmarc-one-per-domain",
        why="Each mail domain has exactly one DMARC record.",
        remedy="Make it with dmarc() of components/records.py.",
        check=one_per_domain,
    ),
)
