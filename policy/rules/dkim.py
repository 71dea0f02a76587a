"""DKIM: the key that a domain's mail is signed with (RFC 6376)."""

from collections.abc import Iterator

from model.records import MINIMUM_DKIM_BITS, dkim_bits, fqdn, is_revoked_dkim
from model.tag_list import tags, twice
from model.values import is_within
from policy.dns import text_of
from policy.model import DNS_RECORD, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]


def strong_key(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The record holds an RSA key of 2048 bits or more (RFC 8301, section 3.2)."""
    text, name = text_of(record), record.get("name")
    is_key = isinstance(name, str) and "._domainkey." in name
    if text is None or not (is_key or text.lower().startswith("v=dkim1")):
        return
    if again := twice(tags(text)):
        yield f"The record has {', '.join(again)} more than once."
        return
    found = dict(tags(text))
    if is_revoked_dkim(text):
        return  # that there is another one is another rule
    if found.get("v", "DKIM1") != "DKIM1" or found.get("k", "rsa") != "rsa":
        yield "The record is no DKIM key of the form v=DKIM1; k=rsa; p=…"
        return
    if "y" in found.get("t", "").lower().split(":"):
        yield f"The record has t={found['t']}: the key is only tested, and receivers take its mail for unsigned."
    if "sha256" not in found.get("h", "sha256").lower().split(":"):
        yield f"The record has h={found['h']}, without sha256, the one hash that signatures have."
    if not {"*", "email"} & set(found.get("s", "*").lower().split(":")):
        yield f"The record has s={found['s']}: the key is not for mail."
    try:
        bits = dkim_bits(found.get("p", ""))
    except ValueError as error:
        yield f"The record's p is no key: {error}."
        return
    if bits < MINIMUM_DKIM_BITS:
        yield f"The key has {bits} bits."


def one_at_least(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain has a DKIM key in DNS that is not revoked."""
    for domain in stack.settings.domains:
        place = fqdn("_domainkey", domain.name)
        names = [
            record.get("name")
            for record in resources.of_type(DNS_RECORD)
            if record.get("type") in ("TXT", "CNAME", UNKNOWN) and not is_revoked_dkim(text_of(record) or "")
        ]
        if not any(name is UNKNOWN or is_within(str(name), place) for name in names):
            yield None, f"The domain {domain.name} has no DKIM record with a key."


RULES = (
    ResourceRule(
        name="dkim-strong-key",
        why=f"A DKIM record holds an RSA key of {MINIMUM_DKIM_BITS} bits or more, because shorter ones can be broken.",
        remedy="Let Poste make a new key of 2048 bits and publish it with dkim() of model/records.py.",
        types=(DNS_RECORD,),
        check=strong_key,
    ),
    StackRule(
        name="dkim-for-each-domain",
        why="Each mail domain has a DKIM key in DNS, because large receivers refuse mail that is not signed.",
        remedy="Make a DkimKey for the domain, and a MailDomain with it.",
        check=one_at_least,
    ),
)
