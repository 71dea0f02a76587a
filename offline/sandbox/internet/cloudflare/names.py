"""Host names as the API stores them: absolute, lower case, in Punycode, without the trailing dot."""

from __future__ import annotations

import re

# Underscores are allowed everywhere: _dmarc, _domainkey, _imaps._tcp. RFC 1035 section 2.3.4 gives the lengths.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
MAX_NAME = 253


def to_ascii(name: str) -> str:
    """Lower case and Punycode (RFC 3490), without a trailing dot; raises ValueError if there is no such form."""
    bare = name.strip().removesuffix(".").lower()
    if bare.isascii():
        return bare
    return bare.encode("idna").decode("ascii")


def is_hostname(name: str) -> bool:
    """Whether a name in `to_ascii`'s form can stand on the right side of CNAME, MX, SRV or NS."""
    labels = name.split(".")
    looks_like_ipv4 = labels[-1].isdigit()
    return 0 < len(name) <= MAX_NAME and all(_LABEL.fullmatch(label) for label in labels) and not looks_like_ipv4


def hostname(text: str) -> str:
    """A right-side host name in the stored form; raises ValueError."""
    name = to_ascii(text)
    if not is_hostname(name):
        raise ValueError(f"{text!r} is not a host name")
    return name


def record_name(text: str, zone: str) -> str:
    """A record's name in the stored form; raises ValueError.

    `@` and the zone's own name are the apex. A name that does not end in the zone's name is relative to it, however
    absolute it looks: that is what the API does. A wildcard is a whole label, the leftmost (RFC 4592).
    """
    name = to_ascii(text)
    if name in ("@", zone):
        return zone
    if not name.endswith("." + zone):
        name = f"{name}.{zone}"
    fixed = name.removeprefix("*.")
    if len(name) > MAX_NAME or not all(_LABEL.fullmatch(label) for label in fixed.split(".")):
        raise ValueError(f"{text!r} is not a name in {zone}")
    return name
