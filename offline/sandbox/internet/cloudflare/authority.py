"""What the authoritative name server must be told. The API answers only after it was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from offline.sandbox.internet.cloudflare.records import Record


class Authority(Protocol):
    """An authoritative name server for the account's zones."""

    async def publish(self, zone: str, records: Collection[Record]) -> None:
        """Serve the zone with exactly these records; returns once queries are answered from them."""

    async def withdraw(self, zone: str) -> None:
        """Stop serving the zone."""


class NoAuthority:
    """For the API alone, without any DNS behind it."""

    async def publish(self, zone: str, records: Collection[Record]) -> None:
        """Nothing to tell."""

    async def withdraw(self, zone: str) -> None:
        """Nothing to tell."""
