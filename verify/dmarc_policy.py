"""DMARC policies (RFC 7489)."""

import re
from collections.abc import Awaitable, Callable

from components.records import dmarc_name
from components.values import is_within
from verify.names import Names
from verify.result import Finding, fail, ok, warn

POLICIES = ("none", "quarantine", "reject")
Refused = Callable[[str], Awaitable[bool]]
"""Whether our own server refuses mail for an address."""
EXPECTED = "one record: v=DMARC1; p=none, quarantine or reject"


class PolicyError(Exception):
    """The record is no DMARC policy; the text says why."""


def parse(record: str) -> dict[str, str]:
    """The tags of a policy (RFC 7489, section 6.4); raises PolicyError."""
    tags: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in record.split(";"))):
        tag, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise PolicyError(f"{part!r} is no tag with a value")
        if tag in tags:
            raise PolicyError(f"tag {tag} stands twice")
        tags[tag] = value
    if list(tags.items())[:1] != [("v", "DMARC1")]:
        raise PolicyError("does not begin with v=DMARC1")
    for tag in ("p", "sp"):
        if tags.get(tag, "none" if tag == "sp" else "").lower() not in POLICIES:
            raise PolicyError(f"{tag}={tags.get(tag, '')} is no policy")
    if not tags.get("pct", "100").isdigit() or int(tags.get("pct", "100")) > 100:
        raise PolicyError(f"pct={tags['pct']} is no percentage")
    for tag in ("adkim", "aspf"):
        if tags.get(tag, "r") not in ("r", "s"):
            raise PolicyError(f"{tag}={tags[tag]} is neither r nor s")
    return tags


def reported_to(tags: dict[str, str]) -> list[str]:
    """The e-mail addresses that get reports, without size limits (RFC 7489, section 6.2)."""
    uris = ",".join(tags.get(tag, "") for tag in ("rua", "ruf")).split(",")
    found = [re.fullmatch(r"mailto:([^!]+)(!\d+[kmgt]?)?", uri.strip(), re.IGNORECASE) for uri in uris]
    return sorted({match[1].lower() for match in found if match})


async def dmarc_policy(names: Names, domain: str) -> Finding:
    """There is exactly one policy, and it can be understood."""
    texts = (await names.authoritative(dmarc_name(domain), "TXT")).values
    records = [text for text in texts if text.lower().startswith("v=dmarc1")]
    if len(records) != 1:
        return fail(" | ".join(records or texts) or "no record", EXPECTED)
    try:
        tags = parse(records[0])
    except PolicyError as error:
        return fail(f"{records[0]} ({error})", EXPECTED)
    if tags["p"].lower() == "none":
        return warn(records[0], "quarantine or reject", "Set dmarc.policy to reject once the reports show no surprise.")
    return ok(records[0], EXPECTED)


async def report_addresses(names: Names, domain: str, mail_host: str, refused: Refused) -> Finding:
    """Each report address can get mail, and its domain, where it is another, has agreed (RFC 7489, section 7.1)."""
    texts = (await names.authoritative(dmarc_name(domain), "TXT")).values
    try:
        addresses = reported_to(parse(next(iter(texts), "")))
    except PolicyError:
        return warn("no policy", "a policy with report addresses")
    if not addresses:
        return warn("nobody gets reports", "an address for aggregate reports (rua)")
    for address in addresses:
        target = address.rpartition("@")[2]
        hosts = [record.split()[-1] for record in (await names.public(target, "MX")).values]
        if not hosts:
            return fail(f"{address}: {target} takes no mail (no MX record)", "an address that takes mail")
        if mail_host in hosts and await refused(address):
            return fail(f"{address}: no such mailbox", "a mailbox", f"Make the mailbox {address} in Poste.")
        if is_within(target, domain) or is_within(domain, target):
            continue
        name = f"{domain}._report._dmarc.{target}"
        if not any(text.lower().startswith("v=dmarc1") for text in (await names.public(name, "TXT")).values):
            return fail(
                f"{target} has not agreed to reports about {domain}",
                f"TXT record at {name}",
                f'The owner of {target} has to publish: {name} TXT "v=DMARC1"',
            )
    return ok(", ".join(addresses), "addresses that take reports")
