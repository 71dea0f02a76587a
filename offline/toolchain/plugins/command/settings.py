"""What the resources of this plugin share."""

import secrets
from collections.abc import Iterable, Mapping

from offline.toolchain.plugins.common.resource import Values

DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}

CONNECTION_DEFAULTS = {
    f"{where}.{name}": value for where in ("connection", "connection.proxy") for name, value in DEFAULTS.items()
}
"""What is written into a connection, and into its proxy's if it has one."""

CONNECTION = frozenset({*DEFAULTS, "host", "hostKey", "privateKey"})
"""The parts of a connection, to a host or a proxy, that this program gives, or that have a default."""

FOREVER = float("inf")
"""The real plugin sets no time limit of its own: without `customTimeouts` an operation may take for ever."""


def new_id(name: str) -> str:
    """The id of a command: its name and eight random hexadecimal digits."""
    return f"{name}{secrets.token_hex(4)}"


def connection_problems(inputs: Values) -> Iterable[tuple[str, str]]:
    """The parts of a connection that this stand-in knows nothing about."""
    given = inputs.get("connection")
    if not isinstance(given, Mapping):
        return
    proxy = given.get("proxy")
    names = [f"connection.{name}" for name in given.keys() - CONNECTION - {"proxy"}]
    names += [f"connection.proxy.{name}" for name in proxy.keys() - CONNECTION] if isinstance(proxy, Mapping) else []
    for name in sorted(names):
        yield name, "not supported by the offline stand-in for the command plugin"
