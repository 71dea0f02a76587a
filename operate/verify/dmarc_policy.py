"""DMARC policies (RFC 9989)."""

from model.dmarc import READ, DmarcError, parse
from model.records import dmarc_name
from operate.verify.names import Names
from operate.verify.remedies import REFRESH, UP
from operate.verify.result import Finding, fail, ok, warn

EXPECTED = "one record: v=DMARC1; p=none, quarantine or reject"
WALK = 8
"""Questions that a walk up the tree takes at most (RFC 9989, section 4.10)."""


async def policy_records(names: Names, domain: str, *, public: bool = False) -> list[str]:
    """The texts at _dmarc that are meant as policies; others that stand there do not count (RFC 9989, section 4.10)."""
    ask = names.public if public else names.authoritative
    texts = (await ask(dmarc_name(domain), "TXT")).values
    return [text for text in texts if READ.match(text)]


async def dmarc_policy(names: Names, domain: str) -> Finding:
    """There is exactly one policy, it can be understood, and it protects the domain."""
    records = await policy_records(names, domain)
    if len(records) != 1:
        # With several, receivers take none.
        others = (await names.authoritative(dmarc_name(domain), "TXT")).values
        return fail(" | ".join(records or others) or "no record", EXPECTED)
    try:
        tags = parse(records[0])
    except DmarcError as error:
        return fail(f"{records[0]} ({error})", EXPECTED)
    weakness = _weakness(tags)
    return warn(records[0], *weakness) if weakness else ok(records[0], EXPECTED)


def _weakness(tags: dict[str, str]) -> tuple[str, str] | None:
    """What a policy should say instead, and how it comes to say so; None for one that protects the domain."""
    if tags["p"].lower() == "none":
        return "quarantine or reject", f"Set dmarc.policy to reject once the reports show no surprise; then {UP}."
    if tags.get("t", "n").lower() == "y":
        return "no t=y", f"It says that this is a test: set dmarc.testing to false when it is over; then {UP}."
    if tags.get("pct", "100") != "100":
        advice = "Receivers apply the policy to all mail or to a part, as they are new or old. For a test there is"
        return "no pct (RFC 9989)", f"{advice} dmarc.testing; what the program publishes has no pct: {REFRESH}."
    if tags.get("psd", "u").lower() == "y":
        return "no psd=y", f"It says that names below this one have owners of their own, as below com: {REFRESH}."
    return None


async def organizational_domain(names: Names, domain: str) -> str:
    """The domain that stands for all names of its owner, found by a walk up the tree (RFC 9989, section 4.10.2)."""
    labels = domain.split(".")
    # Of a long name, the walk leaves out what lies between the name itself and its last seven labels.
    places = [0, *range(max(1, len(labels) - WALK + 1), len(labels))]
    found = domain
    for place in places:
        name = ".".join(labels[place:])
        records = await policy_records(names, name, public=True)
        psd = _psd(records[0]) if len(records) == 1 else None
        if psd is None:
            continue
        if psd == "n":
            return name
        if psd == "y" and name != domain:
            return ".".join(labels[place - 1 :])
        found = name
    return found


def _psd(record: str) -> str | None:
    """What a policy says of being a public suffix; None for a text that is no policy."""
    try:
        return parse(record).get("psd", "u").lower()
    except DmarcError:
        return None


async def same_organization(names: Names, one: str, other: str) -> bool:
    """Whether two domains have one owner, by what the owners publish."""
    return await organizational_domain(names, one) == await organizational_domain(names, other)
