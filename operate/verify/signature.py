"""DKIM signatures of a message as it arrived (RFC 6376), checked by dkimpy with the keys in DNS."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy

import dkim  # type: ignore[import-untyped]

from operate.verify.names import Names


async def signature(names: Names, raw: bytes, domain: str) -> str:
    """Whether a signature of the domain holds: valid, invalid with the reason, or missing.

    `raw` is the message byte by byte: a signature may cover its line ends and folds (RFC 6376, section 3.4.1), which
    writing the message anew would change.
    """
    found = await signatures(names, raw, domain)
    if "valid" in found.values():
        return "valid"
    return list(found.values())[-1] if found else "missing"


async def signatures(names: Names, raw: bytes, domain: str) -> dict[str, str]:
    """By selector, whether a signature of the domain holds: valid, or invalid with the reason."""
    found: dict[str, str] = {}
    for place, signer, selector in _signatures(raw):
        if signer != domain:
            continue
        texts = (await names.public(f"{selector}._domainkey.{signer}", "TXT")).values
        # Where there are several records, receivers may take any (RFC 6376, section 3.6.2.2).
        problems = [_problem(raw, place, text) for text in texts or ("",)]
        found[selector] = "valid" if "" in problems else problems[-1]
    return found


def _signatures(raw: bytes) -> Iterator[tuple[int, str, str]]:
    """Place, domain and selector of each signature, from the top."""
    fields = message_from_bytes(raw, policy=policy.compat32).get_all("DKIM-Signature", [])
    for place, field in enumerate(fields):
        # Signers fold long fields, which may fall into a long name.
        tags = dict(part.split("=", 1) for part in re.sub(r"\s", "", str(field)).split(";") if "=" in part)
        yield place, tags.get("d", "").lower(), tags.get("s", "").lower()


def _problem(raw: bytes, place: int, key: str) -> str:
    if not key:
        return "invalid (no key in DNS)"
    try:
        holds = dkim.DKIM(raw).verify(idx=place, dnsfunc=lambda *_, **__: key.encode())
    except dkim.DKIMException as error:
        return f"invalid ({error})"
    return "" if holds else "invalid"
