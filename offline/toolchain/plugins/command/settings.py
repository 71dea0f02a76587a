"""What the resources of this plugin share."""

import secrets
from collections.abc import Iterable, Mapping

from offline.toolchain.plugins.common.resource import Values

DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}

CONNECTION_DEFAULTS = {f"connection.{name}": value for name, value in DEFAULTS.items()}
"""What is written into a connection."""

CONNECTION = frozenset({*DEFAULTS, "host", "hostKey", "privateKey"})
"""The parts of a connection that this program gives, or that have a default."""

FOREVER = float("inf")
"""The real plugin sets no time limit of its own: without `customTimeouts` an operation may take for ever."""


def new_id(name: str) -> str:
    """The id of a command: its name and eight random hexadecimal digits."""
    return f"{name}{secrets.token_hex(4)}"


def connection_problems(inputs: Values) -> Iterable[tuple[str, str]]:
    """The parts of a connection that this stand-in knows nothing about."""
    given = inputs.get("connection")
    for name in sorted(given.keys() - CONNECTION) if isinstance(given, Mapping) else ():
        yield f"connection.{name}", "not supported by the offline stand-in for the command plugin"
