"""BIMI: the logo beside a domain's mail (draft-brand-indicators-for-message-identification)."""

import re
from collections.abc import Iterator

from model.dmarc import MEANT, DmarcError, parse
from model.records import dmarc_name
from policy.dns import text_of, texts_at
from policy.model import DNS_RECORD, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

PLACE = re.compile(r"[^.]+\._bimi\.(.+)")
RECORD = re.compile(r"v=BIMI1;\s*l=https://[^\s;,]+\.svg;\s*a=(https://[^\s;,]+)?;?")
STRICT = ("quarantine", "reject")


def by_https(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The logo is an SVG file and, like its certificate where it has one, fetched by HTTPS."""
    text = text_of(record)
    if _domain(record) and text is not None and not RECORD.fullmatch(text):
        yield "The BIMI record does not name an SVG file, and a certificate or none, by https: addresses."


def where_strict(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The domain's DMARC record turns forgers away, for subdomains, too, and is not in testing."""
    for record in resources.of_type(DNS_RECORD):
        if record.get("type") != "TXT" or not (domain := _domain(record)):
            continue
        policies = texts_at(resources, dmarc_name(domain), MEANT)
        if policies.surely_none or not all(_is_strict(text_of(policy) or "") for policy in policies.found):
            yield record, f"The domain {domain} has a BIMI record, and no strict DMARC policy."


def _domain(record: Resource) -> str | None:
    name = record.get("name")
    found = PLACE.fullmatch(name) if isinstance(name, str) else None
    return found[1] if found else None


def _is_strict(text: str) -> bool:
    try:
        policy = {tag: value.lower() for tag, value in parse(text).items()}
    except DmarcError:
        return False
    return policy["p"] in STRICT and policy.get("sp", policy["p"]) in STRICT and policy.get("t") != "y"


RULES = (
    ResourceRule(
        name="bimi-by-https",
        why="A BIMI record names its logo, an SVG file, and the logo's certificate by HTTPS, or no program shows it.",
        remedy="Set the domain's bimi.logo and bimi.certificate to such addresses.",
        types=(DNS_RECORD,),
        check=by_https,
    ),
    StackRule(
        name="bimi-where-dmarc-is-strict",
        why="A domain has a logo only where its DMARC policy is strict, because it would else stand beside forgeries.",
        remedy="Set the domain's dmarc.policy to quarantine or reject, without testing, or leave its bimi out.",
        check=where_strict,
    ),
)
