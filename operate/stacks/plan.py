"""What the stack's configuration is to become, as pure functions on what it is and what was answered."""

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from model import accounts_file
from model.contradictions import contradictions
from model.settings import Settings
from model.stack_config import expectation
from operate.errors import WizardError
from operate.stacks.keys import BOX_SPECIALS, new_password, new_ssh_key

BACKUP_SECRETS: Mapping[str, Callable[[], str]] = {
    "backupPassphrase": new_password,
    "backupKey": new_ssh_key,
    "storageBoxPassword": lambda: new_password(BOX_SPECIALS),
}
"""What a backup in a Storage Box needs, and how it is made."""


@dataclass(frozen=True)
class Domain:
    """The mail domain that was asked for."""

    name: str
    zone: str
    dmarc_policy: str | None


def domain_paths(domain: Domain, existing: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The paths that put a domain into the list, or change it there."""
    names = [entry.get("name") for entry in existing]
    index = names.index(domain.name) if domain.name in names else len(names)
    wanted = {"name": domain.name}
    if domain.zone != domain.name:
        wanted["zone"] = domain.zone
    if domain.dmarc_policy:
        wanted["dmarc.policy"] = domain.dmarc_policy
    return {f"domains[{index}].{key}": value for key, value in wanted.items()}


def worker_paths(existing: Mapping[str, Any], *, may_use_workers: bool) -> dict[str, str]:
    """The paths that turn on what needs a Worker, where that may be had and neither was ever set."""
    if not may_use_workers or {"mtaSts", "clientSetup"} & existing.keys():
        return {}
    return {"mtaSts": "testing", "clientSetup": "true"}


def list_paths(key: str, values: Sequence[str]) -> dict[str, str]:
    """The paths that set a list."""
    return {f"{key}[{index}]": value for index, value in enumerate(values)}


def merged(values: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """The configuration with the paths set. Knows those made here: `key`, `key.name`, `key[0]`, `key[0].name.name`."""
    result = copy.deepcopy(dict(values))
    for path, value in paths.items():
        key, bracket, rest = path.partition("[")
        if not bracket:
            table, dot, name = key.partition(".")
            if dot and ":" not in table:
                result[table] = dict(result.get(table) or {}) | {name: value}
            else:
                result[key] = value
            continue
        position, _, member = rest.partition("]")
        items = result.setdefault(key, [])
        if int(position) == len(items):
            items.append({} if member else value)
        target, names = items[int(position)], [name for name in member.split(".") if name]
        for name in names[:-1]:
            target = target.setdefault(name, {})
        if names:
            target[names[-1]] = value
    return result


def with_accounts(values: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """The configuration with what the stack's file of accounts adds. Raises WizardError with what is wrong there."""
    whole = accounts_file.merged(dict(values), stack)
    if whole.mistakes:
        raise WizardError("\n  ".join([f"{whole.file} is not right. Nothing was set:", *whole.mistakes]))
    return whole.values


def new_mailboxes(values: Mapping[str, Any], addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that a configuration has not yet as a mailbox."""
    boxes = (box for domain in values["domains"] for box in domain.get("mailboxes") or ())
    there = {values.get("adminAddress"), *(str(box.get("address")).lower() for box in boxes if isinstance(box, dict))}
    return [address for address in dict.fromkeys(addresses) if address not in there]


def with_mailboxes(values: Mapping[str, Any], addresses: Collection[str]) -> dict[str, Any]:
    """The configuration with further mailboxes."""
    result = copy.deepcopy(dict(values))
    for domain in result["domains"]:
        boxes = [{"address": address} for address in addresses if address.rpartition("@")[2] == domain["name"]]
        domain["mailboxes"] = [*(domain.get("mailboxes") or ()), *boxes]
    return result


def check(values: Mapping[str, Any]) -> Settings:
    """The settings that a configuration makes; WizardError with all mistakes that the program would find in it.

    The project's secrets are not needed: others of the right form stand in for them.
    """
    secrets = {"adminPassword": new_password(), "sshPrivateKey": new_ssh_key(), "sshHostKey": new_ssh_key()}
    if values.get("backup"):
        secrets |= {key: make() for key, make in BACKUP_SECRETS.items()}
    plain = {key: value for key, value in values.items() if ":" not in key}
    if relay := plain.get("relay"):
        plain["relay"] = relay | {"password": new_password(BOX_SPECIALS)}
    settings = None
    try:
        settings = Settings.model_validate({**plain, **secrets})
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(map(str, detail['loc']))}: {expectation(detail['loc'], detail)}"
            for detail in error.errors(include_url=False)
        ]
    else:
        mistakes = [
            f"{key if isinstance(key, str) else '.'.join(map(str, key))}: {text}"
            for key, text in contradictions(settings)
        ]
    if settings is None or mistakes:
        raise WizardError("\n  ".join(["The configuration would not be valid. Nothing was set:", *mistakes]))
    return settings
