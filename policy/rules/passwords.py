"""Passwords of the administrator and of every mailbox."""

from collections.abc import Iterator
from typing import Any

from model.values import password_lacks
from policy.model import COMMAND, LOCAL_COMMAND, STACK, Resource
from policy.rule import ResourceRule, Settings
from policy.rules.secrets import given
from policy.stack import Stack, texts

MAILBOX_PASSWORDS = ("password", "adminpassword")
"""How a mailbox's password is called in the configuration and in what a script is given."""


def strong(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Those in the configuration are judged with the stack itself, first of all; others where a script gets them."""
    source: Any = stack.config if resource.type == STACK else given(resource)
    for path, password in texts("", source):
        name = path.rpartition(".")[2].rpartition(":")[2]
        if name.lower() in MAILBOX_PASSWORDS and (lacks := password_lacks(password)):
            yield f"The password in {path} lacks {', '.join(lacks)}."


RULES = (
    ResourceRule(
        name="passwords-strong",
        why="Passwords have 10 characters or more, with lower and upper case letters, digits and special characters, "
        "because everyone in the world may try them.",
        remedy="Set a better one with: pulumi config set --secret",
        types=(STACK, COMMAND, LOCAL_COMMAND),
        check=strong,
    ),
)
