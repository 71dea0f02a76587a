"""Poste's signing keys: what signs, what Poste keeps, and what the deploy published (RFC 6376)."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from operate.verify.container import Ask, report
from operate.verify.context import Context
from operate.verify.dkim_record import key_of
from operate.verify.remedies import RERUN
from operate.verify.result import Check, Finding, Mend, fail, ok
from operate.verify.runner import Job
from operate.verify.stack import Domain

SIGNS = Check(
    "container.dkim",
    "signs with the published key",
    "Poste's signers have to find their key, and DNS has to hold its public half, or mail looks forged (RFC 6376).",
    f"{RERUN}: it makes sure that Poste has the domain and a key, lets the signers find it, and publishes it.",
    deadline=40,
)
CHECKS = (SIGNS,)


def jobs(context: Context) -> Iterable[Job]:
    """The check of each domain."""
    ask = report(context)
    for domain in context.selected:
        yield Job(SIGNS, domain.name, partial(signs, ask, domain))


async def signs(ask: Ask, domain: Domain) -> Finding:
    """Every signer finds a key, it is the one that Poste keeps, and that is the one which the deploy published.

    Whether DNS still holds what the deploy published is another check, dns.dkim.
    """
    expected = domain.dkim_name
    key = (await ask())["keys"].get(domain.name) or {}
    files = key.get("files")
    if not files or not files["selector"]:
        return fail("Poste has no key: the domain or its key was deleted there", expected)
    blind = sorted(signer for signer, found in key["signers"].items() if not found)
    if blind:
        return fail(f"{', '.join(blind)} does not find the key", expected, mends=[(Mend.SIGNERS, domain.name)])
    apart = sorted(signer for signer, found in key["signers"].items() if not _same(found, files))
    if apart:
        folders = " ".join(f"/opt/{signer}/config/dkim/{domain.name}" for signer in apart)
        remedy = f"Remove what is not Poste's: docker exec poste rm -r {folders}, on the server. Then {RERUN}."
        return fail(f"{', '.join(apart)} signs with another key than Poste keeps", expected, remedy)
    name = f"{files['selector']}._domainkey.{domain.name}".lower()
    if name != domain.dkim_name:
        return fail(f"signs with {name}: the key was made anew in Poste", expected)
    if bare(files["public"]) != key_of(domain.dkim_value):
        return fail("signs with another key than published: it was made anew in Poste", expected)
    return ok(name, expected)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["selector"], bare(one["public"])) == (other["selector"], bare(other["public"]))


def bare(key: str) -> str:
    """A public key in PEM as base64 alone."""
    return "".join(line.strip() for line in key.splitlines() if not line.startswith("-----"))
