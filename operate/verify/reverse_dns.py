"""Reverse DNS of the server's addresses."""

import ipaddress
from collections.abc import Iterable
from functools import partial

import dns.reversename

from operate.verify.context import Context
from operate.verify.names import Names
from operate.verify.remedies import REFRESH
from operate.verify.result import Check, Finding, equal, fail, ok
from operate.verify.runner import Job

PTR = Check(
    "reverse.ptr",
    "reverse name",
    "Most servers refuse mail from an address whose PTR record is missing or generic (RFC 1912, section 2.1).",
    f"{REFRESH} restores what was changed in Hetzner's console.",
)
CONFIRMED = Check(
    "reverse.confirmed",
    "reverse name leads back",
    "Receivers trust a reverse name only if it resolves to the same address (RFC 8601, section 2.7.3, iprev).",
    f"{REFRESH} restores the reverse names at Hetzner, and the mail host's A and AAAA records.",
)
CHECKS = (PTR, CONFIRMED)


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each address."""
    for address in context.stack.families.values():
        yield Job(PTR, address, partial(ptr, context.names, address, context.stack.mail_host))
        yield Job(CONFIRMED, address, partial(confirmed, context.names, address))


def _reverse(address: str) -> str:
    return dns.reversename.from_address(address).to_text(omit_final_dot=True)


async def ptr(names: Names, address: str, mail_host: str) -> Finding:
    """The only reverse name is the mail host's."""
    return equal((await names.public(_reverse(address), "PTR")).shown, mail_host)


async def confirmed(names: Names, address: str) -> Finding:
    """The reverse name resolves to the address."""
    reverse = (await names.public(_reverse(address), "PTR")).values
    if not reverse:
        return fail("no reverse name", address)
    kind = "AAAA" if ipaddress.ip_address(address).version == 6 else "A"
    answer = await names.public(reverse[0], kind)
    if address not in answer.values:
        return fail(f"{reverse[0]} is {answer.shown}", address)
    return ok(f"{reverse[0]} is {address}", address)
