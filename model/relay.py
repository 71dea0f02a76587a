"""The relay (smart host) through which all mail leaves, where port 25 is blocked or its address is not trusted yet."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from model.base import Model
from model.records import txt_value
from model.spf_terms import HOST, Sender
from model.values import fqdn


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Port = Annotated[Literal[587, 465, 2525], BeforeValidator(_number)]
"""Where relays take mail: by STARTTLS (RFC 6409), by TLS from the start (RFC 8314), and what many have beside 587."""

ITS_RECORD = re.compile(r".*-relay-(cname|txt|mx)(-\d+)?")
"""What the resources of records that a relay wants are called."""


def _credential(value: str) -> str:
    if not value or value != value.strip() or re.search(r'[|"\\]|\$\{|[^ -~]', value):
        raise ValueError(
            "Expected it as the relay gave it: ASCII characters without vertical bars, quotation marks, backslashes, "
            "${ and blanks or line breaks at its ends, which Poste's setting of the route (smtp_routes) has no way to "
            "write. If these are in it, have the relay make another one"
        )
    return value


def _secret(value: SecretStr) -> SecretStr:
    _credential(value.get_secret_value())
    return value


def _host(value: str) -> str:
    return fqdn(
        value,
        "its name alone, which its certificate proves (international ones in their xn-- form), for example "
        "smtp.example.net, and its port in relay.port",
    )


def _name(value: str) -> str:
    name = value.strip().lower().removesuffix(".")
    if len(name) > 253 or not HOST.fullmatch(name):
        raise ValueError("Expected the whole name of the record, for example s1._domainkey.example.com")
    return name


def _text(value: object) -> object:
    # `pulumi config set --path` writes digits as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Host = Annotated[str, AfterValidator(_host)]
"""Where a relay takes mail."""
User = Annotated[str, BeforeValidator(_text), AfterValidator(_credential)]
"""Who signs in at a relay."""
Password = Annotated[SecretStr, BeforeValidator(_text), AfterValidator(_secret)]
"""With what."""


class RelayRecord(Model):
    """A DNS record that a relay wants in a domain: of its DKIM key, or of the return path (the envelope's sender)."""

    name: Annotated[str, AfterValidator(_name)]
    """The whole name, such as s1._domainkey.example.com."""
    type: Literal["CNAME", "TXT", "MX"]
    content: Annotated[str, BeforeValidator(_text)]
    """A host's name; of a TXT record its text, without quotation marks."""
    priority: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Of an MX record."""

    @model_validator(mode="before")
    @classmethod
    def _as_it_is_kept(cls, value: object) -> object:
        """The content as Cloudflare keeps it, without the blanks that a copy has about it."""
        if not isinstance(value, dict) or not isinstance(value.get("content"), str):
            return value
        content = value["content"].strip()
        return value | {"content": txt_value(content) if value.get("type") == "TXT" else content.lower().rstrip(".")}

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        where = f"{self.type} of {self.name}"
        if self.type == "TXT" and not (self.content.isascii() and self.content.isprintable() and self.content):
            raise ValueError(f"{where}: Expected a text of printable ASCII characters")
        if self.type == "TXT" and (re.search(r'["\\]', self.content) or self.content.startswith("'")):
            raise ValueError(f"{where}: Expected the text itself, without quotation marks about and backslashes in it")
        if self.type == "CNAME" and self.content == self.name:
            raise ValueError(f"{where}: leads to itself. Expected a name of the relay's")
        if self.type != "TXT" and (not HOST.fullmatch(self.content) or self.content[-1].isdigit()):
            right = "one, for example mail.example.net"
            if self.type == "MX":
                right += ", and the number before it as priority"
            raise ValueError(f"{where}: {self.content} is no host's name. Expected {right}")
        if (self.type == "MX") != (self.priority is not None):
            right = "a priority, for example 10" if self.type == "MX" else "a priority of MX records only"
            raise ValueError(f"{where}: Expected {right}")
        return self


class Relay(Model):
    """Where Poste hands all outgoing mail, and what that has to have in the domains' DNS."""

    host: Host
    port: Port = 587
    user: User
    password: Password
    senders: tuple[Sender, ...] = ()
    """SPF terms of the relay, which every domain's policy gets."""
    records: tuple[RelayRecord, ...] = ()

    @property
    def route(self) -> str:
        """How Poste is told of it (smtp_routes), the password included."""
        return f"*:{self.host};{self.port}|{self.user}|{self.password.get_secret_value()}"
