"""The relay (smart host) through which all mail leaves, where port 25 is blocked or its address is not trusted yet."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from model.base import Model
from model.spf_terms import Sender
from model.values import Fqdn

PORTS = (587, 465, 2525)
"""Where relays take mail: by STARTTLS (RFC 6409), by TLS from the start (RFC 8314), and what many have beside 587."""


def _credential(value: str) -> str:
    if not value or value != value.strip() or re.search(r'[|"\\\x00-\x1f\x7f]', value):
        raise ValueError(
            "Expected it as the relay gave it, without vertical bars, quotation marks, backslashes and control "
            "characters, which Poste's setting of the route (smtp_routes) has no way to write"
        )
    return value


def _secret(value: SecretStr) -> SecretStr:
    _credential(value.get_secret_value())
    return value


class RelayRecord(Model):
    """A DNS record that a relay wants in a domain: of its DKIM key, or of the return path (the envelope's sender)."""

    name: str
    """The whole name, such as s1._domainkey.example.com."""
    type: Literal["CNAME", "TXT", "MX"]
    content: str
    priority: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Of an MX record."""


class Relay(Model):
    """Where Poste hands all outgoing mail, and what that has to have in the domains' DNS."""

    host: Fqdn
    port: Literal[587, 465, 2525] = 587
    user: Annotated[str, AfterValidator(_credential)]
    password: Annotated[SecretStr, AfterValidator(_secret)]
    senders: tuple[Sender, ...] = ()
    """SPF terms of the relay, which every domain's policy gets."""
    records: tuple[RelayRecord, ...] = ()
