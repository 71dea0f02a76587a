"""What holds for each DNS record, and for all of them beside each other."""

import re
from collections import defaultdict
from collections.abc import Iterator

from model.lasting_records import NO_MAIL
from model.records import CHARACTER_STRING_LIMIT
from model.service_records import NOWHERE
from model.values import is_within
from policy.model import CONTAINER, DNS_RECORD, IMAGE, SERVER, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"{LABEL}(\.{LABEL})+")
QUOTED = r'"((?:[^"\\]|\\["\\])*)"'
"""A string in double quotes. Other escapes, such as \\118 for v, would hide from the rules what a text says."""
TXT_CONTENT = re.compile(rf"{QUOTED}( {QUOTED})*")
NOT_HERE = (("MX", NO_MAIL), ("SRV", NOWHERE), (UNKNOWN, NOWHERE))
"""What records of these types point at where there is no such service (RFC 7505, RFC 2782)."""
ALONE = ("_mta-sts.", "_smtp._tls.", "default._bimi.")
"""How the names begin at which one text may stand (RFC 8461, section 3.1; RFC 8460, section 3)."""
AUTOMATIC_TTL = 1
"""Cloudflare's own choice, 300 seconds."""


def canonical_names(record: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The name, and what it points at, are lower-case FQDNs without a trailing dot, as Cloudflare keeps them."""
    name = record.get("name")
    if isinstance(name, str):
        if not NAME.fullmatch(name):
            yield f"{name!r} is no lower-case FQDN without a trailing dot."
        elif not any(is_within(name, domain.zone_name) for domain in stack.settings.domains):
            yield f"{name} lies in none of the stack's zones."
    kind, data = record.get("type"), record.get("data")
    targets = [record.get("content")] if kind in ("MX", "CNAME") else []
    targets += [data.get("target")] if isinstance(data, dict) else []
    for target in targets:
        if isinstance(target, str) and not NAME.fullmatch(target) and (kind, target) not in NOT_HERE:
            yield f"It points at {target!r}, which is no lower-case FQDN without a trailing dot."


def not_proxied(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Cloudflare's proxy is off."""
    if record.get("proxied") is True:
        yield "The record is proxied."


def sensible_ttl(record: Resource, _stack: Stack, settings: Settings) -> Iterator[str]:
    """The TTL is in range or automatic."""
    ttl, low, high = record.get("ttl"), settings["minimum"], settings["maximum"]
    if isinstance(ttl, int) and ttl != AUTOMATIC_TTL and not low <= ttl <= high:
        yield f"The TTL is {ttl} seconds; right are {low} to {high}."


def quoted_text(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """TXT content is in presentation form: quoted strings of at most 255 bytes (RFC 1035, section 3.3)."""
    content = record.get("content")
    if record.get("type") != "TXT" or not isinstance(content, str):
        return
    if not TXT_CONTENT.fullmatch(content):
        yield "The text is not in double quotes with only quotes and backslashes escaped."
        return
    for match in re.finditer(QUOTED, content):
        length = len(re.sub(r"\\(.)", r"\1", match[1]))
        if length > CHARACTER_STRING_LIMIT:
            yield f"One of the text's strings has {length} bytes; {CHARACTER_STRING_LIMIT} are possible."


def no_contradictions(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """No record twice, none beside a CNAME, one address per family and name, one TTL per name and type."""
    by_name: dict[str, list[Resource]] = defaultdict(list)
    for record in resources.of_type(DNS_RECORD):
        if isinstance(record.get("name"), str):
            by_name[record.get("name").lower()].append(record)
    for name, records in by_name.items():
        types = [record.get("type") for record in records]
        for record in records:
            if record.get("type") == "CNAME" and len(records) > 1:
                yield record, f"{name} has a CNAME beside other records (RFC 1034, section 3.6.2)."
        for kind in sorted({kind for kind in types if isinstance(kind, str) and types.count(kind) > 1}):
            same = [record for record in records if record.get("type") == kind]
            contents = [content for record in same if (content := _content(record))]
            if kind in ("A", "AAAA"):
                yield same[-1], f"{name} has {len(same)} {kind} records; the mail host is one server."
            elif kind == "TXT" and name.startswith(ALONE):
                yield same[-1], f"{name} has {len(same)} TXT records, of which whoever asks there takes none."
            elif len(set(contents)) < len(contents):
                yield same[-1], f"{name} has the same {kind} record twice."
            ttls = {record.get("ttl") for record in same if isinstance(record.get("ttl"), int)}
            if len(ttls) > 1:
                yield same[-1], f"The {kind} records of {name} have different TTLs (RFC 2181, section 5.2)."


def lasting(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """A record's values come from what lasts: Hetzner's addresses, the key on the volume, the settings.

    What comes from a container, or from the server itself, is not known while that is replaced: the record would then
    be replaced with it, and the world told that there is no such name. The zone is known before anything is made.
    """
    for record in resources.of_type(DNS_RECORD):
        if record.uses.get("zoneId"):
            yield record, "The record's zone comes from another resource."
        if any(found.type == SERVER for found in resources.items if found.urn in record.sources):
            yield record, "The record comes from the server itself."
        if any(found.type in (CONTAINER, IMAGE) for found in resources.sources(record.sources)):
            yield record, "The record comes from the container or its image."


def _content(record: Resource) -> str | None:
    """What the record says, by text or by fields; None where that is not known."""
    content, data = record.get("content"), record.get("data")
    if isinstance(content, str):
        return f"{record.get('priority')} {content}"
    known = isinstance(data, dict) and UNKNOWN not in data.values()
    return str(sorted((key, str(value)) for key, value in data.items())) if known else None


TTL_RANGE = (
    Setting(name="minimum", meaning="Shortest TTL in seconds.", schema={"type": "integer", "minimum": 1}, default=60),
    Setting(name="maximum", meaning="Longest TTL in seconds.", schema={"type": "integer"}, default=86400),
)

RULES = (
    ResourceRule(
        name="dns-names-canonical",
        why="Names are lower-case FQDNs, because Cloudflare keeps them so and any other form differs for ever.",
        remedy="Write it as fqdn() of model/records.py does, for example mail.example.com",
        types=(DNS_RECORD,),
        check=canonical_names,
    ),
    ResourceRule(
        name="dns-not-proxied",
        why="Mail records are not proxied, because Cloudflare's proxy carries web traffic only and mail is lost there.",
        remedy="Set proxied to False.",
        types=(DNS_RECORD,),
        check=not_proxied,
    ),
    ResourceRule(
        name="dns-ttl-in-range",
        why="The TTL is neither so short that resolvers ask all the time nor so long that a mistake stays for days.",
        remedy="Set the domain's ttl, for example 3600.",
        types=(DNS_RECORD,),
        check=sensible_ttl,
        settings=TTL_RANGE,
    ),
    ResourceRule(
        name="dns-text-quoted",
        why="TXT content is quoted and chunked at 255 bytes, because Cloudflare keeps it so and any other form differs "
        "for ever.",
        remedy="Pass the text through txt() of model/records.py.",
        types=(DNS_RECORD,),
        check=quoted_text,
    ),
    StackRule(
        name="dns-no-contradictions",
        why="No two records contradict each other, because resolvers then answer now this and now that.",
        remedy="Keep one of them.",
        check=no_contradictions,
    ),
    StackRule(
        name="dns-from-what-lasts",
        why="No record comes from the server, the container or its image, because it would be deleted with them while "
        "the world still asks for it.",
        remedy="Take its values from the settings, the primary addresses, or a script that reads the volume.",
        check=lasting,
    ),
)
