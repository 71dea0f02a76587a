"""A stack's mailboxes and aliases where its settings have them, to be changed there.

That is the file of accounts, `accounts/STACK.yaml`, and for what the stack's configuration lists already that one.
"""

import copy
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from model.accounts_file import accounts_file
from model.settings import Settings
from model.stack_config import ConfigurationError, StackConfig, read_settings
from operate.errors import MailboxError
from operate.mailboxes import passwords
from operate.mailboxes.yaml_text import UnchangeableError, rewritten
from operate.pulumi_cli import pulumi
from operate.stacks.stack import Stack


def settings_of(stack: Stack) -> Settings:
    """The settings, checked as the program checks them. Raises MailboxError with all mistakes, PulumiError."""
    found = json.loads(pulumi("config", "--json", "--show-secrets", "--stack", stack.name, secret_output=True))
    config = StackConfig(
        stack.project,
        stack.name,
        {key: str(entry.get("value", "")) for key, entry in found.items()},
        {key for key, entry in found.items() if entry.get("secret")},
    )
    try:
        return read_settings(config, os.environ)
    except ConfigurationError as error:
        raise MailboxError(str(error)) from None


@contextmanager
def changing(stack: Stack) -> Iterator["Book"]:
    """The accounts, to be changed within. What the program would refuse is refused, and then all files are as before.

    Secrets may be set within, too, once the book is saved.
    """
    files = [stack.file, accounts_file(stack.name)]
    before = {file: file.read_bytes() if file.exists() else None for file in files}
    try:
        yield Book(stack)
    except BaseException:
        for file, content in before.items():
            _put(file, content)
        raise


def add(stack: Stack, box: dict[str, Any], password: str | None) -> list[str]:
    """Make a mailbox, as the settings write it, with its password; the files that were changed. Raises MailboxError."""
    with changing(stack) as book:
        book.add(box)
        written = book.save()
        if password:
            passwords.keep(stack, box["address"], password)
    return written


class Book:
    """The accounts of a stack whose settings are right. Addresses and domains are in lower case."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._file = accounts_file(stack.name)
        self._texts = {file: file.read_text() if file.exists() else "" for file in (stack.file, self._file)}
        self._held = {file: yaml.safe_load(text) or {} for file, text in self._texts.items()}
        self._wanted = copy.deepcopy(self._held)

    def add(self, box: dict[str, Any]) -> None:
        """Add a mailbox, as the settings write it."""
        self._section(str(box["address"]), "mailboxes").setdefault("mailboxes", []).append(box)

    def change(self, address: str, **fields: Any) -> None:
        """Change a mailbox. Raises MailboxError if there is none."""
        section, place = self._mailbox(address)
        section["mailboxes"][place] |= fields

    def remove(self, address: str) -> None:
        """Take a mailbox off. Raises MailboxError if there is none."""
        section, place = self._mailbox(address)
        del section["mailboxes"][place]
        self._tidy(section, "mailboxes")

    def lead(self, alias: str, targets: Sequence[str]) -> None:
        """Add an alias, or have it lead elsewhere."""
        for section in self._sections(alias):
            for known in section.get("aliases") or {}:
                if known.lower() == alias:
                    section["aliases"][known] = list(targets)
                    return
        self._section(alias, "aliases").setdefault("aliases", {})[alias] = list(targets)

    def remove_alias(self, alias: str) -> None:
        """Take an alias off. Raises MailboxError if there is none."""
        for section in self._sections(alias):
            for known in section.get("aliases") or {}:
                if known.lower() == alias:
                    del section["aliases"][known]
                    self._tidy(section, "aliases")
                    return
        raise MailboxError(f"{alias} is no alias of the settings.")

    def save(self) -> list[str]:
        """Write what changed; the names of the files. Raises MailboxError where the settings would not be right."""
        changed = [file for file, wanted in self._wanted.items() if wanted != self._held[file]]
        for file in changed:
            try:
                text = rewritten(self._texts[file], self._wanted[file])
            except UnchangeableError as error:
                raise MailboxError(
                    f"{file.name} is written in a form that this command cannot change without harm. Nothing was "
                    f"changed. Write it so that it holds this:\n{error}"
                ) from None
            _put(file, text.encode() or None)
        settings_of(self._stack)
        return [f"{file.parent.name}/{file.name}" if file == self._file else file.name for file in changed]

    def _configured(self) -> list[dict[str, Any]]:
        """The domains of the stack's configuration."""
        key = f"{self._stack.project}:domains"
        domains = (self._wanted[self._stack.file].get("config") or {}).get(key)
        if not isinstance(domains, list):
            raise MailboxError(
                f"{self._stack.file}: {key} is one text. Expected a list, as pulumi config set --path writes it"
            )
        return domains

    def _sections(self, address: str) -> list[dict[str, Any]]:
        """Where accounts of an address's domain may stand, and do so far."""
        domain = address.rpartition("@")[2]
        configured = [entry for entry in self._configured() if _name(entry["name"]) == domain]
        return [*configured, *(section for name, section in self._wanted[self._file].items() if _name(name) == domain)]

    def _section(self, address: str, key: str) -> dict[str, Any]:
        """Where a new account goes: to those of its kind, or else into the file."""
        for section in self._sections(address):
            if section.get(key):
                return section
        accounts = self._wanted[self._file]
        domain = address.rpartition("@")[2]
        name = next((name for name in accounts if _name(name) == domain), domain)
        found: dict[str, Any] = accounts.setdefault(name, {})
        return found

    def _mailbox(self, address: str) -> tuple[dict[str, Any], int]:
        for section in self._sections(address):
            for place, box in enumerate(section.get("mailboxes") or []):
                if str(box["address"]).lower() == address:
                    return section, place
        raise MailboxError(f"{address} is no mailbox of the settings. Make it with: ./run mail mailbox add {address}")

    def _tidy(self, section: dict[str, Any], key: str) -> None:
        """Leave nothing empty behind."""
        if not section[key]:
            del section[key]
        accounts = self._wanted[self._file]
        for name in [name for name, accounts_there in accounts.items() if not accounts_there]:
            del accounts[name]


def _name(domain: Any) -> str:
    return str(domain).lower().removesuffix(".")


def _put(file: Path, content: bytes | None) -> None:
    """Let a file have this content, or not be there. Another program reads the old or the new one, nothing between."""
    if content is None:
        file.unlink(missing_ok=True)
    elif not file.exists() or file.read_bytes() != content:
        file.parent.mkdir(exist_ok=True)
        new = file.with_name(f".{file.name}.new")
        new.write_bytes(content)
        if file.exists():
            shutil.copymode(file, new)
        new.replace(file)
