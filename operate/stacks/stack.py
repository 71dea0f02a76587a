"""The stack's configuration: read from its file, written with the Pulumi CLI, which encrypts the secrets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operate.errors import StackError
from operate.pulumi_cli import pulumi


class Stack:
    """A stack of the project in the current folder."""

    def __init__(self, name: str, project: str) -> None:
        self.name, self.project = name, project
        self._namespace = f"{project}:"
        self.file = Path(f"Pulumi.{name}.yaml")

    @property
    def has_secrets_provider(self) -> bool:
        """Whether it was settled already what encrypts the secrets."""
        return bool({"secretsprovider", "encryptionsalt", "encryptedkey"} & self._content().keys())

    @property
    def uses_passphrase(self) -> bool:
        """Whether the secrets are encrypted with a passphrase."""
        return "encryptionsalt" in self._content()

    def values(self) -> dict[str, Any]:
        """The plain values that are set; keys of this project without their namespace."""
        return {key: value for key, value in self._config().items() if not _has_secrets(value)}

    def secrets(self) -> set[str]:
        """The keys of the secrets that are set, and of tables of secrets."""
        return {key for key, value in self._config().items() if _has_secrets(value)}

    def secrets_in(self, key: str) -> set[str]:
        """The keys in a table of secrets. Raises StackError where it is one secret as a whole."""
        table = self._config().get(key) or {}
        if _is_secret(table):
            raise StackError(
                f"{key} is stored in {self.file} as one secret. Expected one for each entry: take it out (pulumi "
                f"config rm {key} --stack {self.name}) and set each again, as docs/accounts.md has it"
            )
        return set(table)

    def secret(self, key: str) -> str:
        """The plain value of a secret."""
        return pulumi("config", "get", key, "--stack", self.name, secret_output=True).removesuffix("\n")

    def ensure(self, secrets_provider: str | None) -> None:
        """Make the stack in the backend unless it is there. The stack that is selected stays so."""
        listed = json.loads(pulumi("stack", "ls", "--json"))
        if not any(entry["name"].rpartition("/")[2] == self.name for entry in listed):
            provider = ["--secrets-provider", secrets_provider] if secrets_provider else []
            pulumi("stack", "init", self.name, "--no-select", *provider)

    def set_plain(self, paths: Mapping[str, str]) -> None:
        """Set plain values by path, for example {"domains[0].name": "example.com"}, all at once."""
        arguments = [part for path, value in paths.items() for part in ("--plaintext", f"{path}={value}")]
        pulumi("config", "set-all", "--path", *arguments, "--stack", self.name)

    def remove(self, key: str) -> None:
        """Remove a value."""
        pulumi("config", "rm", key, "--stack", self.name)

    def set_secret(self, key: str, value: str) -> None:
        """Set a secret; the value goes by standard input, where nobody else sees it."""
        pulumi("config", "set", "--secret", key, "--stack", self.name, stdin=value)

    def set_secret_in(self, key: str, name: str, value: str) -> None:
        """Set a secret in a table of them, by standard input as well."""
        pulumi("config", "set", "--secret", "--path", in_table(key, name), "--stack", self.name, stdin=value)

    def remove_secret_in(self, key: str, name: str) -> None:
        """Remove a secret from a table of them, and the table with the last."""
        there = self.secrets_in(key)
        if there == {name}:
            self.remove(key)
        elif name in there:
            pulumi("config", "rm", "--path", in_table(key, name), "--stack", self.name)

    def _content(self) -> Mapping[str, Any]:
        return yaml.safe_load(self.file.read_text()) or {} if self.file.exists() else {}

    def _config(self) -> Mapping[str, Any]:
        return {
            key.removeprefix(self._namespace): value for key, value in (self._content().get("config") or {}).items()
        }


def in_table(key: str, name: str) -> str:
    """The path to an entry whose name has dots, as `pulumi config --path` takes it."""
    return f'{key}["{name}"]'


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}


def _has_secrets(value: Any) -> bool:
    return _is_secret(value) or (isinstance(value, dict) and any(map(_has_secrets, value.values())))
