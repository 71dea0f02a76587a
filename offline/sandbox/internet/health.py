"""Do the container's daemons answer?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import dns.asyncquery
import dns.exception
import dns.message

TIMEOUT = 2.0  # seconds


def answers_dns(address: str, name: str = "sandbox.example.") -> Callable[[], Awaitable[None]]:
    """A check that a DNS server answers at this address; it raises OSError."""

    async def check() -> None:
        try:
            await dns.asyncquery.udp(dns.message.make_query(name, "SOA"), address, timeout=TIMEOUT)
        except dns.exception.DNSException as error:
            raise OSError(f"no DNS at {address}: {error}") from error

    return check


def accepts(address: str, port: int) -> Callable[[], Awaitable[None]]:
    """A check that something listens on this TCP port; it raises OSError."""

    async def check() -> None:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_connection(address, port)
        writer.close()
        await writer.wait_closed()

    return check
