"""Passwords of the administrator and of every mailbox."""

import re
from collections.abc import Iterator
from typing import Any

from model.values import password_lacks
from policy.model import COMMAND, LOCAL_COMMAND, STACK, Resource
from policy.rule import ResourceRule, Settings
from policy.rules.secrets import given
from policy.stack import NO_SECRET, Stack, texts

MAILBOX_PASSWORD = re.compile(r"(.*[.:])?((admin)?password|passwords\..*)", re.IGNORECASE)
"""How a mailbox's password is called in the configuration, also in the table by address, and in what a script gets."""


def strong(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Those in the configuration are judged with the stack itself, first of all; others where a script gets them."""
    source: Any = stack.config if resource.type == STACK else given(resource)
    for path, password in texts("", source):
        is_one = MAILBOX_PASSWORD.fullmatch(path) and not NO_SECRET.fullmatch(path)
        if is_one and (lacks := password_lacks(password)):
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
