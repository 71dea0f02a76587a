"""Passwords of mailboxes: typed, piped in or made, and kept as secrets of the stack."""

import getpass
import sys
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from model.stack_config import PASSWORDS
from model.values import Password
from operate.errors import MailboxError
from operate.stacks.keys import new_password
from operate.stacks.stack import Stack, in_table


@dataclass(frozen=True)
class Chosen:
    """A password, and whether nobody has seen it yet."""

    password: str = field(repr=False)
    made: bool


def chosen(address: str, *, piped: bool) -> Chosen:
    """A mailbox's new password: from standard input, from the person, or one that is made. Raises MailboxError."""
    if piped:
        return Chosen(strong(sys.stdin.readline().rstrip("\r\n")), made=False)
    typed = ""
    if sys.stdin.isatty():
        typed = getpass.getpass(f"Password of {address} (not shown; empty for one that is made): ")
        if typed and getpass.getpass("Once more: ") != typed:
            raise MailboxError("The two are not the same. Nothing was changed.")
    return Chosen(strong(typed), made=False) if typed else Chosen(new_password(), made=True)


def strong(password: str) -> str:
    """The password, if the settings would take it. Raises MailboxError with what it lacks."""
    try:
        TypeAdapter(Password).validate_python(password)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise MailboxError(f"The password: {said}. Nothing was changed.") from None
    return password


def keep(stack: Stack, address: str, password: str) -> None:
    """Keep a mailbox's password as a secret of the stack."""
    stack.secrets_in(PASSWORDS)
    stack.set_secret_in(PASSWORDS, address, password)


def forget(stack: Stack, address: str) -> None:
    """Take a mailbox's password out of the stack's secrets."""
    stack.remove_secret_in(PASSWORDS, address)


def reading(stack: Stack, address: str) -> str:
    """The command that shows a password that is kept."""
    return f"./run pulumi config get --path '{in_table(PASSWORDS, address)}' --stack {stack.name}"
