"""CAA: which authority may issue the mail host's certificate (RFC 8659, RFC 8657)."""

import json
from collections.abc import Iterator

from model.tag_list import tags
from policy.dns import fields
from policy.model import COMMAND, DNS_RECORD, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.rules.certificate import part_of
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

PROOF = "http-01"
"""The one way in which the server proves its names to the authority."""


def permits(record: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """It stands at a name of the certificate and permits the authority that the server asks, an account, its proof."""
    data, settings = fields(record), stack.settings
    if record.get("type") != "CAA" or data is None:
        return
    name, tag, value = record.get("name"), data.get("tag"), data.get("value")
    if any(name == domain.zone_name for domain in settings.domains):
        yield f"The CAA record stands at {name}, the zone's own name, where it holds for all hosts of the zone."
    elif name is not UNKNOWN and name not in settings.certificate_names:
        yield f"The CAA record stands at {name}, which is no name of the certificate."
    elif settings.issuer is None:
        yield "The settings name no authority that a CAA record could permit."
    elif tag not in ("issue", UNKNOWN):
        yield f"The CAA record says {tag}, not issue."
    elif value is not UNKNOWN:
        yield from _of_value(str(value or ""), settings.issuer)


def names_the_account(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The account is the one that the server has."""
    accounts = {_account(command) for command in resources.of_type(COMMAND) if part_of(command)} - {None}
    for record in resources.of_type(DNS_RECORD):
        value = (fields(record) or {}).get("value")
        if record.get("type") == "CAA" and accounts and isinstance(value, str):
            named = dict(tags(value)).get("accounturi")
            if named not in accounts:
                yield record, f"The CAA record permits the account {named}, which is not the server's."


def _of_value(value: str, wanted: str) -> Iterator[str]:
    issuer, _, rest = value.partition(";")
    found = dict(tags(rest))
    if not issuer.strip():
        yield "The CAA record permits no authority at all."
    elif issuer.strip() != wanted:
        yield f"The CAA record permits {issuer.strip()}; the settings say {wanted}."
    elif not found.get("accounturi"):
        yield "The CAA record permits whoever has an account at the authority."
    elif found.get("validationmethods") != PROOF:
        yield f"The CAA record permits other ways of proof than {PROOF}, or not that one."


def _account(command: Resource) -> str | None:
    """The account that a command tells; None where it is not known."""
    try:
        told = json.loads(command.get("stdout"))
    except (TypeError, ValueError):
        return None
    account = told.get("account") if isinstance(told, dict) else None
    return account if isinstance(account, str) else None


RULES = (
    ResourceRule(
        name="caa-permits-the-authority",
        why="A CAA record permits the authority that the server asks, with an account and its way of proof, at the "
        "certificate's names alone, because all others are refused there.",
        remedy="Make it as issuer_records() of model/wanted_records.py and permission() of model/records.py do.",
        types=(DNS_RECORD,),
        check=permits,
    ),
    StackRule(
        name="caa-names-the-account",
        why="A CAA record names the server's own account, because the authority refuses all others.",
        remedy="Take it from the command that makes the account, as components/certificate.py does.",
        check=names_the_account,
    ),
)
