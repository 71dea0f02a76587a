"""Which recipients the server takes from a stranger. Named only: no message is ever sent."""

import secrets
from collections.abc import Sequence

from verify.smtp_session import reply, session

Replies = dict[str, tuple[int, str]]
"""Code and text of the reply to RCPT, by address."""

ROLE_ADDRESSES = ("postmaster", "abuse")
SENDER = ""
"""The empty sender of bounces, which every server has to take (RFC 5321, section 4.5.5)."""
BATCH = 3
"""Domains on one connection: servers hang up on whoever resets too often."""
_NOBODY = f"nobody-{secrets.token_hex(6)}"


def nobody(domain: str) -> str:
    """A mailbox that nobody has made in a domain."""
    return f"{_NOBODY}@{domain}"


async def recipients(address: str, port: int, domains: Sequence[str]) -> Replies:
    """Name the role addresses and an unknown mailbox of each domain, one transaction each."""
    replies: dict[str, tuple[int, str]] = {}
    # One connection after the other: many at once look like an attack, and Poste bans attackers.
    for start in range(0, len(domains), BATCH):
        replies |= await _recipients(address, port, domains[start : start + BATCH])
    return replies


async def _recipients(address: str, port: int, domains: Sequence[str]) -> Replies:
    replies: dict[str, tuple[int, str]] = {}
    async with session(address, port) as (client, _):
        await client.ehlo()
        for domain in domains:
            for recipient in [*(f"{local}@{domain}" for local in ROLE_ADDRESSES), nobody(domain)]:
                sender = await reply(client, f"MAIL FROM:<{SENDER}>")
                replies[recipient] = sender if sender[0] >= 300 else await reply(client, f"RCPT TO:<{recipient}>")
                await client.rset()
    return replies
