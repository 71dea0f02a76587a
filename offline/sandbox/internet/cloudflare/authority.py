"""What the authoritative name server must be told. The API answers only after it was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from dns.rdtypes.ANY.DNSKEY import DNSKEY

from offline.sandbox.internet.cloudflare.dnssec import KEY, Signing
from offline.sandbox.internet.cloudflare.records import Record


class Authority(Protocol):
    """An authoritative name server for the account's zones, and for the zone above them."""

    async def publish(self, zone: str, records: Collection[Record], signing: Signing) -> None:
        """Serve the zone with exactly these records; returns once queries are answered from them."""

    async def key(self, zone: str) -> DNSKEY:
        """The key-signing key of a zone that is signed."""

    async def delegate(self, zone: str, ds: str | None) -> None:
        """Let the zone's parent know it, with this DS record (its right side) or none."""

    async def withdraw(self, zone: str) -> None:
        """Stop serving the zone, and let its parent forget it."""


class NoAuthority:
    """For the API alone, without any DNS behind it."""

    async def publish(self, zone: str, records: Collection[Record], signing: Signing) -> None:
        """Nothing to tell."""

    async def key(self, zone: str) -> DNSKEY:  # noqa: ARG002
        """One that nothing is signed by."""
        return KEY

    async def delegate(self, zone: str, ds: str | None) -> None:
        """Nothing to tell."""

    async def withdraw(self, zone: str) -> None:
        """Nothing to tell."""
