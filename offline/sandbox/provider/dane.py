"""Tell Postfix of which domains the mail servers have TLSA records, so that DANE comes before MTA-STS.

RFC 8461, section 2: an MTA-STS policy must not override a failure of DANE. Postfix's own default is DANE, but what a
policy map says of a domain stands above the default; so this map is asked before the one of MTA-STS, and says "dane"
where the servers of the domain have such records (RFC 7672), and nothing of others.

It speaks Postfix's socketmap protocol (socketmap_table(5)): `<name> <key>` and its answer as netstrings.
"""

from __future__ import annotations

import asyncio
from functools import partial

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.resolver

HOST, PORT = "127.0.0.1", 8460
PAYLOAD = 1232
"""Bytes that an answer over UDP may have."""
LOOKUP_LIMIT = 10.0
"""Seconds for one lookup, of the resolver's own tries together."""
NOTHING = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)
"""What the resolver raises for a name or type that is not there."""


def make_resolver() -> dns.asyncresolver.Resolver:
    """One that asks the machine's resolver to validate (RFC 4035), and remembers nothing."""
    resolver = dns.asyncresolver.Resolver()
    resolver.use_edns(0, dns.flags.DO, PAYLOAD)
    resolver.lifetime = LOOKUP_LIMIT
    return resolver


async def policy(resolver: dns.asyncresolver.Resolver, domain: str) -> str:
    """The answer for a domain: `OK dane`, nothing, or that it cannot be told now."""
    if domain.startswith((".", "[")):  # Postfix asks for the domain's parents, too, and for hosts that are no domains
        return "NOTFOUND "
    try:
        servers = await _mail_servers(resolver, domain)
        found = [await _has_tlsa(resolver, server) for server in servers]
    except dns.exception.DNSException as error:
        return f"TEMP {error}"
    return "OK dane" if any(found) else "NOTFOUND "


async def _mail_servers(resolver: dns.asyncresolver.Resolver, domain: str) -> list[str]:
    """The hosts of the domain's MX records if the resolver vouches for those (RFC 7672, section 2.2.1)."""
    try:
        answer = await resolver.resolve(domain, "MX")
    except NOTHING:
        return [domain]
    return [str(item.exchange) for item in answer] if answer.response.flags & dns.flags.AD else []


async def _has_tlsa(resolver: dns.asyncresolver.Resolver, server: str) -> bool:
    """Whether the server has TLSA records that the resolver vouches for, or may have: a failed lookup is no "none"."""
    try:
        answer = await resolver.resolve(f"_25._tcp.{server.rstrip('.')}", "TLSA")
    except NOTHING:
        return False
    except dns.resolver.NoNameservers:
        return True
    return bool(answer.response.flags & dns.flags.AD)


async def serve(
    resolver: dns.asyncresolver.Resolver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the requests of one connection until it ends."""
    try:
        while True:
            length = int((await reader.readuntil(b":"))[:-1])
            request = (await reader.readexactly(length + 1))[:-1].decode()
            answer = (await policy(resolver, request.partition(" ")[2])).encode()
            writer.write(b"%d:%b," % (len(answer), answer))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve for ever."""
    server = await asyncio.start_server(partial(serve, make_resolver()), HOST, PORT)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
