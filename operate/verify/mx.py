"""Where a domain's mail goes: MX records, and what holds without them (RFC 5321, section 5.1; RFC 7505)."""

from collections.abc import Sequence

from operate.verify.names import Answer, Names

NULL = "."
"""The host of a null MX: the domain takes no mail (RFC 7505, section 3)."""


def hosts(answer: Answer) -> Sequence[str]:
    """The hosts of MX records, by name; NULL for a null MX."""
    return sorted(record.partition(" ")[2].strip() or NULL for record in answer.values)


async def mail_servers(names: Names, domain: str) -> Sequence[str]:
    """The hosts that take a domain's mail: those of its MX records, else the domain itself where it has an address.

    Empty where the domain takes no mail. Raises LookupFailedError.
    """
    found = hosts(await names.public(domain, "MX"))
    if found:
        return [host for host in found if host != NULL]
    addresses = [await names.public(domain, kind) for kind in ("A", "AAAA")]
    return [domain] if any(answer.values for answer in addresses) else []
