"""Knot DNS as the account's authoritative name server: a zone file for each zone, and knotc to have it loaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.rdatatype

from offline.sandbox.internet.cloudflare.records import ADDRESS_TYPES, Record
from offline.sandbox.internet.cloudflare.zonefile import Address, flattened, zone_file

ADDRESS = "127.0.0.1"
TIMEOUT = 2.0  # seconds for an answer from this very machine

SOCKET = "/run/knot/knot.sock"  # given, or knotc would read the whole configuration first, for three times the time


class Knot:
    """A running Knot DNS whose default template serves `<folder>/<zone>.zone` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()
        # Serial numbers must grow, also beyond those served before a restart.
        self._serial = int(time.time())

    async def publish(self, zone: str, records: Collection[Record]) -> None:
        """Serve the zone with exactly these records; raises OSError if Knot does not."""
        self._serial += 1
        file = self._folder / f"{zone}.zone"
        target = flattened(zone, records)
        elsewhere = await _addresses(target) if target and not f".{target}".endswith(f".{zone}") else []
        file.write_text(zone_file(zone, records, self._serial, elsewhere))
        if zone not in self._known:
            await self._configure("conf-set", zone)
            self._known.add(zone)
        # Blocking: Knot answers from the new zone when this returns.
        await knotc("--blocking", "zone-reload", zone)

    async def withdraw(self, zone: str) -> None:
        """Stop serving the zone."""
        await self._configure("conf-unset", zone)
        self._known.discard(zone)

    async def _configure(self, command: str, zone: str) -> None:
        await knotc("conf-begin")
        await knotc(command, f"zone[{zone}]")
        await knotc("conf-commit")


async def _addresses(name: str) -> list[Address]:
    """The addresses that the sandbox's own zones have of a name; none of a name outside of them."""
    found = []
    for kind in ADDRESS_TYPES:
        answer = await dns.asyncquery.udp(dns.message.make_query(name, kind), ADDRESS, timeout=TIMEOUT)
        wanted = dns.rdatatype.from_text(kind)
        found += [(kind, item.to_text()) for rrset in answer.answer if rrset.rdtype == wanted for item in rrset]
    return found


async def knotc(*arguments: str) -> None:
    """Give Knot an order; raises OSError with its answer if it refuses."""
    process = await asyncio.create_subprocess_exec(
        "knotc", "--socket", SOCKET, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise OSError(f"knotc {' '.join(arguments)}: {output.decode().strip()}")
