"""What both resources of this plugin share: how a `connection` is completed and checked."""

from collections.abc import Iterable, Mapping
from typing import Any

from toolchain.plugins.common.resource import Values

FOREVER = float("inf")
"""The real plugin sets no time limit of its own: without `customTimeouts` an operation may take for ever."""

_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}

CONNECTION_DEFAULTS = {f"connection.{name}": value for name, value in _DEFAULTS.items()} | {
    f"connection.proxy.{name}": value for name, value in _DEFAULTS.items()
}


def connection_problems(inputs: Values) -> Iterable[tuple[str, str]]:
    """A connection and its proxy, if known, need a host."""
    connection = inputs.get("connection")
    if isinstance(connection, Mapping):
        yield from _host("connection", connection)
        if isinstance(proxy := connection.get("proxy"), Mapping):
            yield from _host("connection.proxy", proxy)


def _host(where: str, settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if settings.get("host") in (None, ""):
        yield f"{where}.host", "Missing required argument: the address of the host to connect to"
