"""What Poste has, asked on the server through SSH."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from model.poste_container import loopback_url
from operate.errors import MailboxError, OperateError
from operate.verify.server_shell import ShellError, ask_server
from operate.verify.stack import read_stack


@dataclass(frozen=True)
class There:
    """The mailboxes, aliases and domains that Poste has, by name, or why they are not known."""

    boxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown_because: str = ""


def there(name: str) -> There:
    """What the server of a stack has."""
    try:
        told = asyncio.run(_ask(name, "boxes", []))
    except OperateError as error:
        return There(unknown_because=str(error))
    return There(
        {str(box["address"]).lower(): box for box in told["boxes"]},
        {str(domain["name"]).lower(): domain for domain in told["domains"]},
    )


def set_password(name: str, address: str, password: str) -> bool:
    """Give a mailbox on the server another password; whether it is there. Raises MailboxError if that fails."""
    try:
        return bool(asyncio.run(_ask(name, "set_password", address, password))["set"])
    except ShellError as error:
        raise MailboxError(f"The password was not changed. {error}") from None


async def _ask(name: str, call: str, *arguments: Any) -> Any:
    stack = await read_stack(name)
    return await ask_server(stack, call, loopback_url(stack.settings), *arguments)
