"""Where DMARC reports go: aggregate ones (RFC 9990) and those of single failures (RFC 9991)."""

import re
from collections.abc import Awaitable, Callable, Collection

from model.dmarc import READ, DmarcError, parse
from operate.verify.dmarc_policy import policy_records, same_organization
from operate.verify.mx import mail_servers
from operate.verify.names import Names
from operate.verify.remedies import REFRESH
from operate.verify.result import Finding, fail, ok, warn

Refused = Callable[[str], Awaitable[bool]]
"""Whether our own server refuses mail for an address."""


def reported_to(tags: dict[str, str]) -> list[str]:
    """The e-mail addresses that get reports; a limit of size, as RFC 7489 had it, does not belong to the address."""
    uris = ",".join(tags.get(tag, "") for tag in ("rua", "ruf")).split(",")
    found = [re.fullmatch(r"mailto:([^!]+)(!\d+[kmgt]?)?", uri.strip(), re.IGNORECASE) for uri in uris]
    return sorted({match[1].lower() for match in found if match})


async def report_addresses(
    names: Names, domain: str, mail_host: str, siblings: Collection[str], refused: Refused
) -> Finding:
    """Each report address can get mail, and its domain, where it is another owner's, has agreed (RFC 9990, section 4).

    `siblings` are the domains of this stack, which publishes their agreement itself.
    """
    records = await policy_records(names, domain)
    try:
        addresses = reported_to(parse(records[0])) if len(records) == 1 else None
    except DmarcError:
        addresses = None
    if addresses is None:
        return warn("no policy", "a policy with report addresses")
    if not addresses:
        return warn("nobody gets reports", "an address for aggregate reports (rua)")
    for address in addresses:
        target = address.rpartition("@")[2]
        hosts = await mail_servers(names, target)
        if not hosts:
            return fail(f"{address}: {target} takes no mail", "an address that takes mail")
        if mail_host in hosts and await refused(address):
            return fail(f"{address}: no such mailbox", "a mailbox", f"Make the mailbox {address} in Poste.")
        name = f"{domain}._report._dmarc.{target}"
        if await same_organization(names, target, domain) or await _has_agreed(names, name):
            continue
        ours = f"The stack publishes it: {REFRESH}."
        theirs = f'The owner of {target} has to publish: {name} TXT "v=DMARC1".'
        return fail(
            f"{target} has not agreed to reports about {domain}",
            f"TXT record at {name}",
            ours if target in siblings else theirs,
        )
    return ok(", ".join(addresses), "addresses that take reports")


async def _has_agreed(names: Names, name: str) -> bool:
    return any(READ.match(text) for text in (await names.public(name, "TXT")).values)
