"""Knot DNS as the account's authoritative name server: a zone file for each zone, and knotc to have it loaded.

Knot signs by itself, with keys that it makes for each zone and keeps while the zone is not signed, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.dnskeybase import Flag

from offline.sandbox.internet.cloudflare.dnssec import Signing
from offline.sandbox.internet.cloudflare.records import ADDRESS_TYPES, Record
from offline.sandbox.internet.cloudflare.zonefile import Address, flattened, zone_file
from offline.sandbox.internet.cloudflare.zones import NAME_SERVER

ADDRESS = "127.0.0.1"
PARENT = "example"
"""The zone above all zones of the account."""
DELEGATION_TTL = 300  # seconds
TIMEOUT, TRIES = 5.0, 6  # seconds for an answer from this very machine, which may be busy; questions

SOCKET = "/run/knot/knot.sock"  # given, or knotc would read the whole configuration first, for three times the time

Order = tuple[str, ...]


class Knot:
    """A running Knot DNS whose default template serves `<folder>/<zone>.zone` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Signing] = {}
        self._delegated: set[str] = set()
        # Knot has one transaction of its configuration and one of each zone at a time.
        self._turn = asyncio.Lock()
        # Serial numbers must grow, also beyond those served before a restart.
        self._serial = int(time.time())

    async def publish(self, zone: str, records: Collection[Record], signing: Signing) -> None:
        """Serve the zone with exactly these records; raises OSError if Knot does not."""
        self._serial += 1
        file = self._folder / f"{zone}.zone"
        target = flattened(zone, records)
        elsewhere = await _addresses(target) if target and not f".{target}".endswith(f".{zone}") else []
        file.write_text(zone_file(zone, records, self._serial, elsewhere))
        if self._known.get(zone) is not signing:
            await self._configure(zone, signing)
        # Blocking: Knot answers from the new zone when this returns.
        await knotc("--blocking", "zone-reload", zone)

    async def key(self, zone: str) -> DNSKEY:
        """The key-signing key of a zone that is signed; raises OSError if it is not."""
        return await key_signing_key(zone)

    async def delegate(self, zone: str, ds: str | None) -> None:
        """Let the parent know the zone, with this DS record or none; raises OSError."""
        node = (PARENT, zone.removesuffix(f".{PARENT}"))
        orders: list[Order] = [("zone-unset", *node)] if zone in self._delegated else []
        orders.append(("zone-set", *node, str(DELEGATION_TTL), "NS", f"{NAME_SERVER}."))
        if ds is not None:
            orders.append(("zone-set", *node, str(DELEGATION_TTL), "DS", *ds.split()))
        await self._transaction("zone", (PARENT,), orders)
        self._delegated.add(zone)

    async def withdraw(self, zone: str) -> None:
        """Stop serving the zone, and let its parent forget it; raises OSError."""
        await self._transaction("conf", (), [("conf-unset", f"zone[{zone}]")])
        await self._transaction("zone", (PARENT,), [("zone-unset", PARENT, zone.removesuffix(f".{PARENT}"))])
        self._known.pop(zone, None)
        self._delegated.discard(zone)

    async def _configure(self, zone: str, signing: Signing) -> None:
        item = f"zone[{zone}]"
        orders: list[Order] = [] if zone in self._known else [("conf-set", item)]
        if signing is not Signing.DELETED:
            orders += [("conf-set", f"{item}.dnssec-policy", signing), ("conf-set", f"{item}.dnssec-signing", "on")]
        elif zone in self._known:
            orders += [("conf-unset", f"{item}.dnssec-signing"), ("conf-unset", f"{item}.dnssec-policy")]
        await self._transaction("conf", (), orders)
        self._known[zone] = signing

    async def _transaction(self, kind: str, of: Order, orders: Sequence[Order]) -> None:
        """Orders that are followed together or not at all, of the configuration or of a zone."""
        async with self._turn:
            await knotc(f"{kind}-begin", *of)
            try:
                for order in orders:
                    await knotc(*order)
                await knotc(f"{kind}-commit", *of)
            except OSError:
                await knotc(f"{kind}-abort", *of)
                raise


async def key_signing_key(zone: str) -> DNSKEY:
    """The key of a zone that its parent may vouch for (RFC 4034, section 2.1.1); raises OSError if it is not signed."""
    answer = await _asked(zone, "DNSKEY")
    for item in (item for rrset in answer.answer for item in rrset):
        if isinstance(item, DNSKEY) and item.flags & Flag.SEP:
            return item
    raise OSError(f"Knot has no key of {zone}")


async def _addresses(name: str) -> list[Address]:
    """The addresses that the sandbox's own zones have of a name; none of a name outside of them."""
    found = []
    for kind in ADDRESS_TYPES:
        answer = await _asked(name, kind)
        wanted = dns.rdatatype.from_text(kind)
        found += [(kind, item.to_text()) for rrset in answer.answer if rrset.rdtype == wanted for item in rrset]
    return found


async def _asked(name: str, kind: str) -> dns.message.Message:
    """What Knot answers; raises OSError where it does not."""
    for _ in range(TRIES):
        with contextlib.suppress(dns.exception.Timeout):
            return await dns.asyncquery.udp(dns.message.make_query(name, kind), ADDRESS, timeout=TIMEOUT)
    raise OSError(f"Knot does not say what {kind} {name} has")


async def knotc(*arguments: str) -> None:
    """Give Knot an order; raises OSError with its answer if it refuses."""
    process = await asyncio.create_subprocess_exec(
        "knotc", "--socket", SOCKET, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise OSError(f"knotc {' '.join(arguments)}: {output.decode().strip()}")
