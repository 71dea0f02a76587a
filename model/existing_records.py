"""Records that already stand in a zone, and whether they are in the way of ours, as pure functions.

Another SPF policy makes both invalid (RFC 7208, section 4.5), another MX takes mail away, another address splits the
mail host in two. Nothing foreign is ever changed or deleted: the preview stops and says how to go on.
"""

import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from model.dmarc import MEANT
from model.records import txt_value
from model.spf import BEGINNING, is_policy
from model.tag_list import tags
from model.values import is_within

Kind = Literal[
    "address",
    "MX",
    "null MX",
    "SPF",
    "host SPF",
    "DKIM",
    "DMARC",
    "DMARC report",
    "TLS report",
    "MTA-STS",
    "BIMI",
    "SRV",
    "CAA",
    "TLSA",
    "web",
    "relay",
]
"""What a record of ours is for; `relay` is what a relay wants, `web` are the addresses of a host that a Worker serves,
which Cloudflare makes."""

ADDRESS_TYPES = ("A", "AAAA")

TEXTS: Mapping[Kind, re.Pattern[str]] = {
    "SPF": BEGINNING,
    "host SPF": BEGINNING,
    "DMARC": MEANT,
    "DMARC report": MEANT,
    "TLS report": re.compile(r"v=TLSRPTv1", re.IGNORECASE),
    "MTA-STS": re.compile(r"v=STSv1", re.IGNORECASE),
    "BIMI": re.compile(r"v=BIMI1", re.IGNORECASE),
    # A selector holds one key and nothing else; the version may be missing (RFC 6376, sections 3.6.1 and 3.6.2.2).
    "DKIM": re.compile(r""),
}
"""How the texts begin of which only one may stand at a name; others may stand beside them."""


@dataclass(frozen=True)
class Record:
    """A DNS record as Cloudflare holds it."""

    id: str
    name: str
    type: str
    content: str
    comment: str = ""
    locked: bool = False
    """Whether a service of Cloudflare's (Email Routing) keeps the record from being edited."""

    @classmethod
    def of(cls, found: Any) -> "Record":
        """A record from an answer of the API, as its client or Pulumi's provider (`meta` as JSON text) has it."""
        meta = json.loads(found.meta) if isinstance(found.meta, str) else found.meta
        return cls(
            id=str(found.id),
            name=str(found.name).lower(),
            type=str(found.type),
            content=str(found.content or ""),
            comment=str(found.comment or ""),
            locked=isinstance(meta, dict) and bool(meta.get("read_only")),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.content}"


@dataclass(frozen=True)
class Wanted:
    """A record that this stack makes."""

    resource: str
    """The resource's logical name."""
    kind: Kind
    domain: str
    """The mail domain in whose zone the record stands."""
    name: str
    """`*._domainkey.example.com` as long as the selector is not known."""
    type: str
    content: str | None = None
    """What is known of the content before the deploy: of SPF, all but the server's addresses; TXT without quotes."""
    priority: int | None = None
    data: Mapping[str, str | int] | None = None
    """The fields of a record that has no text of its own: SRV, CAA and TLSA, as far as they are known."""


def clashes(wanted: Wanted, existing: Record, zone: str) -> bool:
    """Whether an existing record of a zone (by name) cannot stand beside a wanted one."""
    if existing.type == "NS":
        # Below a delegation another server answers, so a record there would be seen by nobody (RFC 1034, 4.2.1).
        return existing.name != zone and is_within(wanted.name, existing.name)
    if existing.name != wanted.name:
        return False
    if existing.type == "CNAME":
        # At the zone's own name Cloudflare flattens a CNAME to addresses, beside which mail records may stand.
        return wanted.type in ADDRESS_TYPES or wanted.name != zone
    if wanted.type == "CNAME":
        return True  # nothing stands beside it (RFC 1034, section 3.6.2)
    if wanted.type in ADDRESS_TYPES:
        # A foreign address of the other family would split the mail host between two servers.
        return existing.type in ADDRESS_TYPES
    return existing.type == wanted.type and _says_the_same(wanted, existing.content)


def _says_the_same(wanted: Wanted, content: str) -> bool:
    """Whether what a record of the same type says is about the same thing."""
    match wanted.type:
        case "TXT" if wanted.kind == "relay":
            ours, text = wanted.content or "", txt_value(content)
            return ours == text or "._domainkey." in wanted.name or (is_policy(ours) and is_policy(text))
        case "MX" if wanted.kind == "relay":
            return wanted.content == content.lower().rstrip(".")
        case "TXT":
            return bool(TEXTS[wanted.kind].match(txt_value(content)))
        case "CAA":
            # What is said beside it, such as where reports go (iodef), does no harm.
            return content.split()[1:2] == ["issue"]
        case _:
            return True


def is_as_wanted(wanted: Wanted, existing: Record, addresses: Collection[str] = ()) -> bool:
    """Whether an existing record says what the wanted one would; `addresses` are the server's."""
    if existing.name != wanted.name or existing.type != wanted.type:
        return False
    match wanted.kind:
        case "address":
            return _address(existing.content) in set(map(_address, addresses))
        case "MX" | "null MX":
            return existing.content.lower().rstrip(".") == (wanted.content or "").rstrip(".")
        case "SPF" | "host SPF":
            own = {f"{mechanism}:{_address(address)}" for address in addresses for mechanism in ("ip4", "ip6")}
            terms = txt_value(existing.content).lower().split()
            return [term for term in terms if _spf_term(term) not in own] == (wanted.content or "").lower().split()
        case "DMARC":
            return _tags(txt_value(existing.content)) == _tags(wanted.content or "")
        case _:
            return txt_value(existing.content).split() == (wanted.content or "").split()


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _tags(text: str) -> dict[str, str]:
    return {tag.lower(): value for tag, value in tags(text)}


def _spf_term(term: str) -> str:
    mechanism, _, value = term.partition(":")
    return f"{mechanism}:{_address(value)}" if mechanism in ("ip4", "ip6") else term
