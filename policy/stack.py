"""How the stack is meant to be: its settings, as the program itself reads them.

The rules take the intention from here and hold the resources against it. Otherwise a program that forgot to protect a
volume would itself say that nothing needs protection.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import config as runtime

from model.settings import Settings
from model.stack_config import ConfigurationError, StackConfig, read_settings

SECRET_ENDINGS = (
    "password",
    "passphrase",
    "token",
    "key",
    "keyid",
    "secret",
    "passwords",
    "tokens",
    "secrets",
    "environment",
    "heartbeat",
)
"""How the names of settings end that hold secrets. The engine hands a pack the values, but not which are encrypted."""


INDICES = re.compile(r"(\[\d+\])+$")
IN_TABLE = re.compile(r"(passwords|tokens|secrets|environment|heartbeat)\..*", re.IGNORECASE)
"""An entry of a table of secrets, whatever it is called itself."""
NO_SECRET = re.compile(r".*:(domains\[\d+\]\.mailboxes\[\d+\]\.password|backup\.hostKey)")
"""When a mailbox's password is set, which is none itself; and a public key."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack's name, settings and secrets."""

    project: str
    name: str
    settings: Settings
    config: Mapping[str, Any] = field(default_factory=dict)
    """The whole configuration by full key, such as poste-mail:mailHost, with arrays and objects decoded."""

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the configuration, by key."""
        return {
            key: text for key, text in texts("", self.config) if names_a_secret(key) and not NO_SECRET.fullmatch(key)
        }


@dataclass(frozen=True)
class Unreadable:
    """A stack that cannot be judged."""

    reason: str
    """One sentence on what cannot be read."""


def current_stack() -> Stack | Unreadable:
    """The stack that the engine runs the pack for."""
    values = runtime.get_config_env()
    if not values:  # as with `pulumi policy analyze`
        return Unreadable("The engine tells no configuration here, as it does in a preview with --policy-pack.")
    return read_stack(values)


def read_stack(values: Mapping[str, str]) -> Stack | Unreadable:
    """The current stack from its configuration by full key, read as the program itself reads it."""
    # The engine does not say which values are encrypted, so all count as such, and none is told in a reason. That those
    # which must be are is the program's own check.
    config = StackConfig(pulumi.get_project(), pulumi.get_stack(), values, secrets=values.keys())
    try:
        settings = read_settings(config, os.environ)
    except ConfigurationError as error:
        return Unreadable(" ".join(str(error).split()))
    decoded = {key: _decoded(text) for key, text in values.items()}
    return Stack(project=config.project, name=config.stack, settings=settings, config=decoded)


def names_a_secret(path: str) -> bool:
    """Whether a setting or property holds a secret by its name, or is an entry of a list or a table that does."""
    return INDICES.sub("", IN_TABLE.sub(r"\1", path)).lower().endswith(SECRET_ENDINGS)


def texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts in a decoded value, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(f"{path}[{index}]", inner)


def _decoded(text: str) -> Any:
    """An array or object as what it is; any other value stays text, so that a password of digits is no number."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
