"""What is known of a stack: its outputs and settings, read by the Pulumi CLI through a pipe."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from model.networks import is_address
from model.settings import MailDomainSettings, Settings
from model.stack_config import SECRETS, ConfigurationError, StackConfig, read_settings
from model.values import EmailAddress, Fqdn
from operate.errors import StackError
from operate.pulumi_cli import pulumi
from operate.verify.trust import authorities_in

PRODUCT = "poste-mail"
OWN = "verify"
"""Namespace of verification's own settings in a stack's configuration."""
GONE = {"smartHost": "is no setting any more. Set poste-mail:relay, which Poste and the DNS follow; see docs/relay.md"}
"""Earlier ones, and what took their place."""


def resolver_address(value: str) -> str:
    """The address itself. Raises ValueError with what would be right."""
    if not is_address(value):
        raise ValueError("expected the address of a resolver, for example 9.9.9.9")
    return value


class OwnSettings(BaseModel):
    """Settings of verification itself, in the namespace `verify` of the stack's configuration; all may be left out."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", hide_input_in_errors=True
    )

    resolver: Annotated[str, AfterValidator(resolver_address)] | None = None
    """Address of the resolver that stands for the public; the system's unless set."""
    allow_self_signed: bool = False
    """Whether the certificate may be signed by nobody known, as in a stack that asks for none."""
    authorities: Annotated[Path, AfterValidator(authorities_in)] | None = None
    """A PEM file with authorities that are trusted beside the system's, such as a private one's root."""
    other_mailbox: EmailAddress | None = None
    """A mailbox at another provider, with which messages are exchanged."""
    other_host: Fqdn | None = None
    """That provider's server, where submission and IMAP have one in common."""
    other_imap_host: Fqdn | None = None
    """Its server for IMAP (993); `other_host` unless set."""
    other_submission_host: Fqdn | None = None
    """Its server for submission; `other_host` unless set."""
    other_submission_port: Literal[465, 587] = 587
    """Where that server takes mail: 465 is TLS from the start, 587 turns to it (RFC 8314)."""
    other_password: SecretStr | None = None


@dataclass(frozen=True)
class Domain:
    """A mail domain with the DKIM record that the deploy published."""

    name: str
    dkim_name: str
    dkim_value: str
    rotation: "Rotation | None" = None
    """Where a change of the key stands, once there was one."""


@dataclass(frozen=True)
class Rotation:
    """A change of a DKIM key, as the last deploy left it, with the record beside that of the key that signs."""

    number: int
    phase: str
    """waiting, signing or revoked, as remote/dkim_switch.py tells."""
    due: float
    """From when on the next step can be made; seconds since the epoch."""
    why: str
    """What, but for time, keeps the next key from signing."""
    other_name: str
    other_value: str


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    name: str
    settings: Settings = field(repr=False)
    own: OwnSettings
    ipv4: str
    ipv6: str
    domains: tuple[Domain, ...]
    client_settings: dict[str, list[dict[str, Any]]]
    account: str = ""
    """The URI of the account at the certificate's authority; empty where the deploy got no certificate."""
    backup_account: dict[str, str] = field(default_factory=dict)
    """What the deploy put out for whoever may delete in the backup: the account in the Storage Box, if that is one."""
    delegations: dict[str, str] = field(default_factory=dict)
    """The DS record that the parent of each zone needs, where Cloudflare signs it for the stack."""
    ipv4_only: bool = False
    """Whether the checks leave IPv6 out, because the machine they run on has none."""

    @property
    def mail_host(self) -> str:
        """The server's name."""
        return self.settings.mail_host

    def mail_domain(self, domain: str) -> MailDomainSettings:
        """The settings of one of the stack's domains; the defaults for one that was taken out and is still there."""
        found = [settings for settings in self.settings.domains if settings.name == domain]
        return found[0] if found else MailDomainSettings(name=domain)

    def receives(self, domain: str) -> bool:
        """Whether mail for one of the stack's domains is to come here already."""
        return self.mail_domain(domain).receive

    @property
    def families(self) -> dict[str, str]:
        """The addresses to look at, by address family: those on which Poste answers."""
        both = {"IPv4": self.ipv4, "IPv6": self.ipv6}
        return both if self.settings.serves_ipv6 and not self.ipv4_only else {"IPv4": self.ipv4}


async def read_stack(name: str, config_file: str = "") -> Stack:
    """Read a stack; raises OperateError. `config_file` as in `pulumi --config-file`."""
    outputs, config = await asyncio.gather(
        _pulumi("stack", "output", "--json", "--stack", name), read_config(name, config_file)
    )
    return make_stack(name, outputs, config)


async def read_config(name: str, config_file: str = "") -> dict[str, Any]:
    """A stack's configuration. Secrets come with it, through the pipe; they are never printed. Raises PulumiError."""
    flags = ["--config-file", config_file] if config_file else []
    return await _pulumi("config", "--json", "--show-secrets", "--stack", name, *flags)


def make_stack(name: str, outputs: dict[str, Any], config: dict[str, Any]) -> Stack:
    """Build a stack from what the CLI says; raises StackError."""
    missing = [key for key in ("ipv4", "ipv6", "domains", "clientSettings") if key not in outputs]
    if missing:
        raise StackError(f"Stack {name} has no output {missing[0]}. Deploy it first: pulumi up --stack {name}")
    settings = settings_of(name, config)
    own = _own_settings(name, config)
    domains = tuple(
        Domain(domain, str(record["dkimName"]), str(record["dkimValue"]), _rotation(record.get("dkimRotation")))
        for domain, record in outputs["domains"].items()
    )
    account = str(outputs.get("certificateAccount") or "")
    addresses = str(outputs["ipv4"]), str(outputs["ipv6"])
    return Stack(
        name,
        settings,
        own,
        *addresses,
        domains,
        outputs["clientSettings"],
        account,
        backup_account=dict(outputs.get("backup") or {}),
        delegations=dict(outputs.get("dnssec") or {}),
    )


def _rotation(found: dict[str, Any] | None) -> Rotation | None:
    if not found:
        return None
    named = {key: str(found[key]) for key in ("phase", "why", "otherName", "otherValue")}
    return Rotation(
        int(found["rotation"]),
        named["phase"],
        float(found["due"]),
        named["why"],
        named["otherName"],
        named["otherValue"],
    )


def settings_of(name: str, config: dict[str, Any]) -> Settings:
    """A stack's settings, read as the program reads them. Raises StackError with every mistake in them."""
    text = {key: str(entry.get("value", "")) for key, entry in config.items()}
    # That those which must be secret are is the program's own check.
    secrets = {f"{PRODUCT}:{key}" for key in SECRETS} | {key for key, entry in config.items() if entry.get("secret")}
    try:
        return read_settings(StackConfig(PRODUCT, name.rpartition("/")[2], text, secrets), {})
    except ConfigurationError as error:
        raise StackError(str(error)) from None


def _own_settings(name: str, config: dict[str, Any]) -> OwnSettings:
    try:
        return OwnSettings.model_validate(values(config, OWN))
    except ValidationError as error:
        found = error.errors(include_url=False)
        places = [(".".join(map(str, part["loc"])), part["msg"].removeprefix("Value error, ")) for part in found]
        lines = [f"  {OWN}:{place}: {GONE.get(place, said)}" for place, said in places]
        raise StackError("\n".join([f"Configuration of stack {name}:", *lines])) from None


def values(config: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The values in one namespace of a stack's configuration, by their keys in it."""
    prefix = f"{namespace}:"
    return {
        key.removeprefix(prefix): entry.get("objectValue", entry.get("value"))
        for key, entry in config.items()
        # Pulumi.yaml declares keys that have no default with an empty one.
        if key.startswith(prefix) and entry.get("value") != ""
    }


async def _pulumi(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.to_thread(partial(pulumi, *arguments, secret_output=True)))
    return answer
