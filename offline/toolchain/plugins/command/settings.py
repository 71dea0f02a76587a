"""What both resources of this plugin share."""

_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}

CONNECTION_DEFAULTS = {f"connection.{name}": value for name, value in _DEFAULTS.items()} | {
    f"connection.proxy.{name}": value for name, value in _DEFAULTS.items()
}
"""What is written into a connection, and into its proxy if it has one."""

FOREVER = float("inf")
"""The real plugin sets no time limit of its own: without `customTimeouts` an operation may take for ever."""
