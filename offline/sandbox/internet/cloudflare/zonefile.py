"""A zone of the account as a master file (RFC 1035 section 5), as Cloudflare's name servers would answer it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from offline.sandbox import world
from offline.sandbox.internet.cloudflare import txt
from offline.sandbox.internet.cloudflare.records import ADDRESS_TYPES, AUTOMATIC_TTL, PROXIABLE_TYPES, Record
from offline.sandbox.internet.cloudflare.zones import NAME_SERVER

SERVED_AUTOMATIC_TTL = 300  # seconds, what "automatic" and "proxied" mean on the wire
NEGATIVE_TTL = 1800  # seconds that resolvers remember that a name, or a type at a name, does not exist (RFC 2308)

# What a proxied name resolves to: an edge of Cloudflare's, which answers for Workers' custom domains alone.
# Mail sent there is lost, as it would be in the real world.
EDGE = {"A": world.EDGE.ipv4, "AAAA": world.EDGE.ipv6}


Address = tuple[str, str]  # type, A or AAAA, and the address


def flattened(zone: str, records: Collection[Record]) -> str | None:
    """The name whose addresses the zone's own name has by a CNAME, followed as far as the zone knows; or None."""
    names = {record.name: record.content.text for record in records if record.type == "CNAME" and not record.proxied}
    target = names.get(zone)
    for _ in names:
        target = names.get(target, target) if target is not None else None
    return target


def zone_file(zone: str, records: Collection[Record], serial: int, elsewhere: Collection[Address] = ()) -> str:
    """The whole zone, with its SOA and NS; `elsewhere` are the addresses of `flattened` as other zones know them."""
    lines = [
        f"{zone}. 300 SOA {NAME_SERVER}. hostmaster.sandbox.example. {serial} 10000 2400 604800 {NEGATIVE_TTL}",
        f"{zone}. 300 NS {NAME_SERVER}.",
    ]
    answers = list(dict.fromkeys(_answers(zone, records, elsewhere)))
    # All records of one name and type share one time to live on the wire (RFC 2181 section 5.2): the shortest.
    ttls: dict[tuple[str, str], int] = {}
    for name, ttl, kind, _ in answers:
        ttls[name, kind] = min(ttl, ttls.get((name, kind), ttl))
    lines += [f"{name}. {ttls[name, kind]} {kind} {right}" for name, _, kind, right in answers]
    return "\n".join(lines) + "\n"


def _answers(
    zone: str, records: Collection[Record], elsewhere: Collection[Address]
) -> Iterator[tuple[str, int, str, str]]:
    """Name, time to live, type and right side of each record on the wire."""
    target = flattened(zone, records)
    here = [(record.type, record.content.text) for record in records if record.name == target]
    # One proxied record makes the whole name proxied, for addresses.
    proxied = {record.name for record in records if record.proxied}
    for record in records:
        ttl = SERVED_AUTOMATIC_TTL if record.ttl == AUTOMATIC_TTL else record.ttl
        if record.name in proxied and record.type in PROXIABLE_TYPES:
            # The edge has both families, whatever the origin has.
            yield from ((record.name, SERVED_AUTOMATIC_TTL, kind, EDGE[kind]) for kind in ADDRESS_TYPES)
        elif record.type == "CNAME" and record.name == zone:
            addresses = [address for address in (*here, *elsewhere) if address[0] in ADDRESS_TYPES]
            yield from ((zone, SERVED_AUTOMATIC_TTL, kind, address) for kind, address in addresses)
        else:
            yield record.name, ttl, record.type, _right_side(record)


def _right_side(record: Record) -> str:
    content = record.content
    if record.type == "TXT":
        return txt.presentation(txt.strings(content.text))
    if record.type == "CAA" and content.data:
        value = txt.presentation([str(content.data["value"]).encode()])
        return f"{content.data['flags']} {content.data['tag']} {value}"
    names_no_host = record.type in (*ADDRESS_TYPES, "TLSA")
    absolute = content.text if names_no_host or content.text.endswith(".") else f"{content.text}."
    return f"{content.priority} {absolute}" if content.priority is not None else absolute
