"""Which recipients the server takes from a stranger. Named only: no message is ever sent."""

import asyncio
import secrets
from collections.abc import Sequence

import aiosmtplib

from operate.verify.smtp_session import reply, session

Replies = dict[str, tuple[int, str]]
"""Code and text of the reply to RCPT, by address."""

ROLE_ADDRESSES = ("postmaster", "abuse")
SENDER = ""
"""The empty sender of bounces, which every server has to take (RFC 5321, section 4.5.5)."""
BATCH = 3
"""Domains on one connection: servers hang up on whoever resets too often."""
CONNECTIONS = 3
"""Connections at once: more look like an attack, and Poste bans attackers."""
_NOBODY = f"nobody-{secrets.token_hex(6)}"


def nobody(domain: str) -> str:
    """A mailbox that nobody has made in a domain."""
    return f"{_NOBODY}@{domain}"


async def recipients(address: str, port: int, domains: Sequence[str]) -> Replies:
    """Name the role addresses and an unknown mailbox of each domain, one transaction each."""
    turn = asyncio.Semaphore(CONNECTIONS)

    async def ask(batch: Sequence[str]) -> Replies:
        async with turn:
            return await _recipients(address, port, batch)

    starts = range(0, len(domains), BATCH)
    answers = await asyncio.gather(*(ask(domains[start : start + BATCH]) for start in starts))
    return {recipient: answer for batch in answers for recipient, answer in batch.items()}


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


async def refuses(address: str, port: int, recipient: str) -> bool:
    """Whether the server refuses a recipient for good; a server that cannot be asked refuses nothing."""
    try:
        async with session(address, port) as (client, _):
            await client.ehlo()
            code, _ = await reply(client, f"MAIL FROM:<{SENDER}>")
            return code < 300 and (await reply(client, f"RCPT TO:<{recipient}>"))[0] >= 500
    except (OSError, aiosmtplib.SMTPException):
        return False
