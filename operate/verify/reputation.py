"""The server's addresses in DNS block lists (RFC 5782)."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import dns.reversename

from operate.verify.context import Context
from operate.verify.names import LookupFailedError, Names
from operate.verify.result import Check, Finding, fail, ok, unknown
from operate.verify.runner import Job


@dataclass(frozen=True)
class BlockList:
    """One list: where it is asked, whether it knows IPv6, and where one gets off it."""

    zone: str
    ipv6: bool
    removal: str


LISTS = (
    BlockList("zen.spamhaus.org", ipv6=True, removal="https://check.spamhaus.org/"),
    BlockList("bl.spamcop.net", ipv6=False, removal="https://www.spamcop.net/bl.shtml"),
    BlockList("b.barracudacentral.org", ipv6=False, removal="https://www.barracudacentral.org/rbl/removal-request"),
)
LISTED = Check(
    "reputation.listed",
    "not on a block list",
    "Many servers refuse mail from listed addresses (RFC 5782); a cloud's address may be so for an earlier owner.",
    "Ask the list to remove the address, at its own page, once the reason is gone.",
    required=False,
)
CHECKS = (LISTED,)

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
REFUSALS = ipaddress.ip_network("127.255.255.0/24")
"""What Spamhaus answers to whom it does not serve, such as large public resolvers: no listing."""


def jobs(context: Context) -> Iterable[Job]:
    """The check of each address in each list that knows its family."""
    for address in context.stack.families.values():
        for block_list in LISTS:
            if block_list.ipv6 or ":" not in address:
                yield Job(LISTED, f"{address} {block_list.zone}", partial(listed, context.names, address, block_list))


def query_name(address: str, zone: str) -> str:
    """Where a list is asked for an address (RFC 5782, sections 2.1 and 2.4): reversed, as for a PTR record."""
    reverse = dns.reversename.from_address(address).to_text(omit_final_dot=True)
    return f"{reverse.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


async def listed(names: Names, address: str, block_list: BlockList) -> Finding:
    """The list has no entry for the address. A refusal to answer is told apart from one."""
    expected = "not listed"
    try:
        answer = await names.public(query_name(address, block_list.zone), "A")
    except LookupFailedError as error:
        return unknown(f"the list does not answer: {error}", expected, "Look again later.")
    codes = [ipaddress.ip_address(value) for value in answer.values]
    if not codes:
        return ok("not listed", expected)
    if any(code in REFUSALS or code not in LOOPBACK for code in codes):
        remedy = "Ask through a resolver of your own, with --resolver: lists do not serve the large public ones."
        return unknown(f"the list refuses this resolver ({answer.shown})", expected, remedy)
    return fail(f"listed ({answer.shown})", expected, f"See why, and ask for removal: {block_list.removal}")
