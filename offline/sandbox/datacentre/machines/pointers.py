"""PTR records, by dynamic update (RFC 2136) signed with TSIG (RFC 8945), in the sandbox's name server."""

import asyncio
from ipaddress import ip_address

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

from offline.sandbox.world import AUTHORITATIVE, UPDATE_KEY

ZONES = {4: "100.51.198.in-addr.arpa.", 6: "0.0.1.0.8.b.d.0.1.0.0.2.ip6.arpa."}
TTL_SECONDS = 60  # Hetzner's is a day; nobody wants to wait for that here
TIMEOUT_SECONDS = 60


class PointerError(Exception):
    """The name server did not take the update."""


async def point(address: str, name: str | None) -> None:
    """Replace the PTR record of an address, or remove it when the name is None."""
    await asyncio.to_thread(_update, address, name)


def _update(address: str, name: str | None) -> None:
    parsed = ip_address(address)
    keyring = dns.tsigkeyring.from_text(dict([UPDATE_KEY]))
    update = dns.update.UpdateMessage(ZONES[parsed.version], keyring=keyring, keyalgorithm="hmac-sha256")
    owner = dns.name.from_text(parsed.reverse_pointer)
    update.delete(owner, "PTR")
    if name is not None:
        update.add(owner, TTL_SECONDS, "PTR", dns.name.from_text(name).to_text())
    answer: dns.message.Message = dns.query.tcp(update, AUTHORITATIVE.ipv4, timeout=TIMEOUT_SECONDS)
    if answer.rcode() != dns.rcode.NOERROR:
        raise PointerError(f"name server answered {dns.rcode.to_text(answer.rcode())} for {parsed.reverse_pointer}")
