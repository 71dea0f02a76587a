"""DNSSEC as a validating resolver sees it (RFC 9364): a zone's signatures, and the parent's word for their key."""

from collections.abc import Sequence

from operate.verify.names import LookupFailedError, Names
from operate.verify.remedies import NAME, REFRESH, UP
from operate.verify.result import Finding, fail, ok, warn

EXPECTED = "signed and validated"
Delegation = tuple[str, ...]
"""The fields of a DS record: key tag, algorithm, digest type and digest (RFC 4034, section 5)."""


async def dnssec(names: Names, zone: str, needed: str, *, place: int | None) -> Finding:
    """The resolver vouches for a zone.

    `needed` is the DS record that its parent needs, where the stack has the zone signed. `place` is the next free one
    in the setting dnssec; None where the zone stands there already.
    """
    try:
        if (await names.public(zone, "SOA")).authenticated:
            return ok(EXPECTED)
        refused = False
    except LookupFailedError:
        # Whoever does not validate gets an answer: so what is wrong are the signatures.
        await names.unvalidated(zone, "SOA")
        refused = True
    try:
        at_parent = await _delegations(names, zone)
    except LookupFailedError as error:
        if not refused:  # some resolvers know no DS records
            return warn(f"not validated, and what the parent has cannot be looked up ({error})", EXPECTED)
        at_parent = []
    if refused:
        found = f"resolvers refuse {zone}: its signatures do not fit the parent's DS record {_shown(at_parent)}"
        return fail(found, _expected(needed), _mend(zone, needed, at_parent))
    return _delegated(zone, needed, at_parent) if at_parent else _not_delegated(zone, needed, place)


def _delegated(zone: str, needed: str, at_parent: Sequence[Delegation]) -> Finding:
    """For a zone whose parent has a DS record, and which the resolver nevertheless does not vouch for."""
    if needed and _fields(needed) not in at_parent:
        return fail(f"the parent's DS record is {_shown(at_parent)}", _expected(needed), _mend(zone, needed, at_parent))
    advice = "Wait for the TTL of older answers, a day say, and ask a resolver that validates (--resolver)."
    return warn("the parent has a DS record, and the resolver does not vouch for the zone", EXPECTED, advice)


def _not_delegated(zone: str, needed: str, place: int | None) -> Finding:
    """For a zone of whose key the parent knows nothing, so that nobody validates."""
    if needed:
        give = f"Give the registrar of {zone} this DS record: {needed}."
        advice = f"{give} When the parent has it, which can take a day: {UP}."
        return warn("signed, but the parent has no DS record, so nobody validates", _expected(needed), advice)
    if place is None:
        return warn("not signed yet", EXPECTED, f"{REFRESH} has Cloudflare sign the zone.")
    sign = f"pulumi config set --path 'dnssec[{place}]' {zone} --stack {NAME}, then {UP}"
    return warn("not signed", EXPECTED, f"{sign}; the output dnssec then tells the DS record for the registrar.")


async def _delegations(names: Names, zone: str) -> Sequence[Delegation]:
    """The DS records at the parent, which vouches for them."""
    return [_fields(value) for value in (await names.public(zone, "DS")).values]


def _fields(record: str) -> Delegation:
    """Of a record in presentation form, be it with name, TTL and type before."""
    tag, algorithm, kind, *digest = " ".join(record.upper().split()).rpartition(" DS ")[2].split()
    return tag, algorithm, kind, "".join(digest)


def _expected(needed: str) -> str:
    return f"at the parent: {needed}" if needed else EXPECTED


def _shown(records: Sequence[Delegation]) -> str:
    return "; ".join(" ".join(record) for record in records) or "(none)"


def _mend(zone: str, needed: str, at_parent: Sequence[Delegation]) -> str:
    """What to do at once while all who validate refuse a zone."""
    if not needed:
        return (
            f"Have the registrar of {zone} take its DS record away, or switch DNSSEC on at Cloudflare again and give "
            "the registrar the DS record that it then tells."
        )
    if _fields(needed) in at_parent:
        return (
            f"{REFRESH} has Cloudflare sign the zone, if it does not. If that does not help within an hour, have the "
            "registrar take the DS record away, until it does."
        )
    return f"Have the registrar of {zone} replace its DS record by: {needed}."
