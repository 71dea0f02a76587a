"""A port of this machine for a server that another process starts."""

import random
import socket
from contextlib import suppress

# Below those that a system gives to outgoing connections, which would take it before the server does
# (on Linux 32768 and up; RFC 6335, section 6: 49152 and up).
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - it need not be hard to guess
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
