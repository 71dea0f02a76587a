"""The DKIM key record (RFC 6376, section 3.6.1), read by dkimpy."""

import dkim  # type: ignore[import-untyped]

from model.records import MINIMUM_DKIM_BITS, is_revoked_dkim
from model.tag_list import tags
from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn


async def dkim_record(names: Names, name: str, expected: str) -> Finding:
    """There is exactly one record, it is the one that the deploy published, and its key is usable and strong."""
    texts = (await names.authoritative(name, "TXT")).values
    if len(texts) != 1:
        return fail(f"{len(texts)} records at {name}" if texts else f"no record at {name}", _short(expected))
    found = texts[0]
    if is_revoked_dkim(expected):
        return ok(f"{name}, revoked", expected) if is_revoked_dkim(found) else fail(_short(found), expected)
    try:
        _, bits, _, _ = dkim.load_pk_from_dns(name.encode(), dnsfunc=lambda *_, **__: found.encode())
    except (dkim.DKIMException, ValueError) as error:
        return fail(f"no usable key: {error}"[:200], _short(expected))
    if key_of(found) != key_of(expected):
        return fail(f"another key: {_short(found)}", _short(expected))
    if bits < MINIMUM_DKIM_BITS:
        return warn(f"{bits} bits", f"{MINIMUM_DKIM_BITS} bits (RFC 8301, section 3.2)")
    return ok(f"{name}, {bits} bits", _short(expected))


def key_of(record: str) -> str:
    """The public key in base64, without the white space that may stand in it."""
    return "".join(dict(tags(record)).get("p", "").split())


def _short(record: str) -> str:
    """A record's tags with the beginning and the end of its key, by which a person tells keys apart."""
    key = key_of(record)
    return record.replace(key, f"{key[:8]}…{key[-12:]}") if len(key) > 24 else record
