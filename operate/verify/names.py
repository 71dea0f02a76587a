"""DNS as verification asks it: at the zone's own name servers, and as the public sees it, told apart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from operate.verify.runner import Shared

QUERY_TIMEOUT = 3.0
"""Seconds for one question to one server."""
SIDE_BY_SIDE = 32
"""Questions under way at once; more would overflow a small resolver's socket."""


class LookupFailedError(Exception):
    """No usable answer: which server did not answer, or refused, what."""


@dataclass(frozen=True)
class Answer:
    """The records found under a name; none where the name or the type does not exist."""

    values: tuple[str, ...] = ()
    """In presentation form and a fixed order, names without the last dot, TXT joined (RFC 7208, section 3.3)."""
    alias: str = ""
    """What the name is an alias (CNAME) for."""
    authenticated: bool = False
    """Whether the resolver vouches for the answer by DNSSEC (the AD bit)."""

    @property
    def shown(self) -> str:
        """The values in a line."""
        return ", ".join(self.values) or "nothing"


class Names(Protocol):
    """Where checks look names up."""

    async def public(self, name: str, kind: str) -> Answer:
        """What the resolver says; raises LookupFailedError."""

    async def authoritative(self, name: str, kind: str) -> Answer:
        """What the zone's own name servers say, past any cache; raises LookupFailedError."""

    async def unvalidated(self, name: str, kind: str) -> Answer:
        """What the resolver hands on without looking at signatures (RFC 4035, section 3.2.2); raises LookupFailedError.

        An answer here, and none by `public`, says that the signatures are wrong.
        """


class Dns:
    """Names in the real DNS; each question is asked once. `servers` are resolvers, the system's unless given."""

    def __init__(self, shared: Shared, servers: Sequence[str] = ()) -> None:
        self._shared = shared
        self._turn = asyncio.Semaphore(SIDE_BY_SIDE)
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = list(servers)
        self._resolver.lifetime = 2 * QUERY_TIMEOUT

    async def public(self, name: str, kind: str) -> Answer:
        return await self._shared.once(("public", name, kind), lambda: self._ask_resolver(name, kind))

    async def unvalidated(self, name: str, kind: str) -> Answer:
        return await self._shared.once(
            ("unvalidated", name, kind), lambda: self._ask_resolver(name, kind, flags=dns.flags.CD)
        )

    async def authoritative(self, name: str, kind: str) -> Answer:
        return await self._shared.once(("authoritative", name, kind), lambda: self._ask_zone(name, kind))

    async def _ask_resolver(self, name: str, kind: str, flags: int = 0) -> Answer:
        servers = [str(server) for server in self._resolver.nameservers]
        return await self._ask(servers, name, kind, dns.flags.RD | flags)

    async def _ask_zone(self, name: str, kind: str) -> Answer:
        zone = await self._zone_of(name)
        servers = await self._shared.once(("servers", zone), lambda: self._servers_of(zone))
        return await self._ask(servers, name, kind, 0)

    async def _zone_of(self, name: str) -> str:
        """The zone that holds a name, found by its SOA record."""
        labels = name.split(".")
        for start in range(len(labels) - 1):
            candidate = ".".join(labels[start:])
            answer = await self.public(candidate, "SOA")
            # An alias's answer holds the SOA record of another zone.
            if answer.values and not answer.alias:
                return candidate
        raise LookupFailedError(
            f"no zone holds {name}: the domain is not registered, or its name servers do not answer"
        )

    async def _servers_of(self, zone: str) -> list[str]:
        names = (await self.public(zone, "NS")).values
        answers = await asyncio.gather(*(self.public(name, "A") for name in names))
        addresses = [address for answer in answers for address in answer.values]
        if not addresses:
            raise LookupFailedError(f"the name servers of {zone} have no address: {', '.join(names) or 'none named'}")
        return addresses

    async def _ask(self, servers: Sequence[str], name: str, kind: str, flags: int) -> Answer:
        try:
            query = dns.message.make_query(name, kind, use_edns=0, want_dnssec=False, payload=1232)
        except dns.exception.DNSException as error:
            # Others' policies and reverse zones name what no zone can hold.
            raise LookupFailedError(f"{name} {kind}: {type(error).__name__}, so this is no name of the DNS") from None
        query.flags = dns.flags.AD | flags
        problem = "no name server is known"
        for server in servers:
            try:
                async with self._turn:
                    response, _ = await dns.asyncquery.udp_with_fallback(query, server, timeout=QUERY_TIMEOUT)
            except (dns.exception.DNSException, OSError) as error:
                problem = f"{server} does not answer ({type(error).__name__})"
                continue
            if response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return answer_of(response, kind)
            problem = f"{server} answers {dns.rcode.to_text(response.rcode())}"
        raise LookupFailedError(f"{name} {kind}: {problem}")


def answer_of(response: dns.message.Message, kind: str) -> Answer:
    """What a response says of the records of a type."""
    values = [
        _text(record) for rrset in response.answer if rrset.rdtype == dns.rdatatype.from_text(kind) for record in rrset
    ]
    aliases = [_text(rrset[0]) for rrset in response.answer if rrset.rdtype == dns.rdatatype.CNAME]
    return Answer(tuple(sorted(values)), aliases[0] if aliases else "", bool(response.flags & dns.flags.AD))


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("ascii", "backslashreplace")
    return " ".join(part.rstrip(".").lower() or "." if part.endswith(".") else part for part in str(record).split())
