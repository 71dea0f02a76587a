"""What the resources of this plugin share."""

import secrets

DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}

CONNECTION_DEFAULTS = {f"connection.{name}": value for name, value in DEFAULTS.items()} | {
    f"connection.proxy.{name}": value for name, value in DEFAULTS.items()
}
"""What is written into a connection, and into its proxy if it has one."""

FOREVER = float("inf")
"""The real plugin sets no time limit of its own: without `customTimeouts` an operation may take for ever."""


def new_id(name: str) -> str:
    """The id of a command: its name and eight random hexadecimal digits."""
    return f"{name}{secrets.token_hex(4)}"
