"""Names and texts of the DNS records that a mail domain needs, as pure functions.

Cloudflare keeps names as lower-case FQDNs without the trailing dot and TXT content as quoted strings; what is sent in
another form comes back changed and then differs from the program for ever. So both are made here, in that form, and
nowhere else.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from model.tag_list import tags

CHARACTER_STRING_LIMIT = 255
"""Bytes in one character-string of a TXT record (RFC 1035, section 3.3)."""

MINIMUM_DKIM_BITS = 2048
"""Signers should use keys of at least this size (RFC 8301, section 3.2)."""

QUOTED = r'"(?:[^"\\]|\\.)*"'
"""A character-string in presentation form."""

SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")

DmarcPolicy = Literal["none", "quarantine", "reject"]
SpfQualifier = Literal["~all", "-all"]


def fqdn(*labels: str) -> str:
    """Join labels or names into one lower-case FQDN without a trailing dot."""
    return ".".join(label.strip(".") for label in labels if label.strip(".")).lower()


def txt(text: str) -> str:
    """TXT content in presentation form: character-strings of at most 255 bytes, each quoted, a space between them.

    Raises ValueError for text that is not printable ASCII: nothing in mail's TXT records needs more (RFC 7208 and
    RFC 6376 are ASCII), and escapes come back from Cloudflare in another form.
    """
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"a TXT record holds printable ASCII text; this one does not: {text!r}")
    escaped = [character if character not in '"\\' else f"\\{character}" for character in text]
    strings = [
        "".join(escaped[start : start + CHARACTER_STRING_LIMIT])
        for start in range(0, len(escaped), CHARACTER_STRING_LIMIT)
    ]
    return " ".join(f'"{string}"' for string in strings or [""])


def txt_value(content: str) -> str:
    """The text of TXT content in presentation form, joined as its reader joins it (RFC 7208, section 3.3).

    Content that is no row of quoted strings is taken as it is: so it stands in zones that were filled in by hand.
    """
    if not re.fullmatch(rf"\s*({QUOTED}\s*)+", content):
        return content
    return "".join(re.sub(r"\\(.)", r"\1", string[1:-1]) for string in re.findall(QUOTED, content))


def spf(ipv4: str, ipv6: str, qualifier: SpfQualifier = "~all", senders: Sequence[str] = (), *, a: bool = True) -> str:
    """SPF policy (RFC 7208): the domain's A and MX hosts, the server's two addresses and `senders`, and nobody else."""
    return spf_policy((f"ip4:{ipv4}", f"ip6:{ipv6}", *senders), qualifier, a=a)


def spf_policy(senders: Sequence[str], qualifier: SpfQualifier, *, a: bool = True) -> str:
    """SPF policy for the domain's MX hosts, its A hosts (`a`) and the senders that these terms allow."""
    return " ".join(["v=spf1", *(["a"] if a else []), "mx", *senders, qualifier])


def dmarc(policy: DmarcPolicy, rua: Sequence[str], ruf: Sequence[str], tags: Mapping[str, str]) -> str:
    """DMARC policy (RFC 9989, section 4.7): what receivers do with mail that fails, and where they report.

    `rua` and `ruf` are e-mail addresses for aggregate and failure reports; `tags` are further tags such as fo or sp.
    """
    parts = ["v=DMARC1", f"p={policy}"]
    for tag, addresses in (("rua", rua), ("ruf", ruf)):
        if addresses:
            parts.append(f"{tag}=" + ",".join(f"mailto:{address}" for address in addresses))
    return "; ".join([*parts, *(f"{tag}={value}" for tag, value in tags.items())])


def dmarc_name(domain: str) -> str:
    """Where receivers look for the DMARC policy of a domain (RFC 9989)."""
    return fqdn("_dmarc", domain)


def dmarc_report_name(domain: str, target: str) -> str:
    """Where a domain that gets reports about another one agrees to them (RFC 9990)."""
    return fqdn(domain, "_report", "_dmarc", target)


def tls_reports(addresses: Sequence[str]) -> str:
    """Where senders report about encryption that fails (TLSRPT, RFC 8460, section 3)."""
    return "v=TLSRPTv1; rua=" + ",".join(f"mailto:{address}" for address in addresses)


def tls_reports_name(domain: str) -> str:
    """Where senders look for that."""
    return fqdn("_smtp._tls", domain)


def permission(issuer: str, account: str) -> str:
    """Value of a CAA record with the tag issue (RFC 8659, section 4.2): who may issue, for which ACME account, by which
    proof (RFC 8657).
    """
    return f"{issuer}; accounturi={account}; validationmethods=http-01"


def is_report_consent(name: str) -> bool:
    """Whether a record's name is such a place. It comes and goes with the report addresses, and no mail hangs on it."""
    return "._report._dmarc." in name


def dkim(public_key: str) -> str:
    """DKIM key record (RFC 6376, section 3.6.1) for a public key in base64 (DER, SubjectPublicKeyInfo)."""
    return f"v=DKIM1; k=rsa; p={public_key}"


REVOKED_DKIM = "v=DKIM1; k=rsa; p="
"""The record of a key that is none any more: no signature with it is valid (RFC 6376, section 3.6.1)."""


def is_revoked_dkim(text: str) -> bool:
    """Whether the text of a DKIM record says that its key was revoked: an empty p."""
    return dict(tags(text)).get("p") == ""


def dkim_name(selector: str, domain: str) -> str:
    """Where receivers look for the key of a selector (RFC 6376, section 3.6.2.1)."""
    if not SELECTOR.fullmatch(selector.lower()):
        raise ValueError(
            f"{selector!r} is no DKIM selector: expected letters, digits and hyphens, for example s20260101123"
        )
    return fqdn(selector, "_domainkey", domain)


def dkim_bits(public_key: str) -> int:
    """Size in bits of an RSA public key in base64.

    Raises ValueError where the text is no RSA public key: published, such a record fails every signature.
    """
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("the DKIM public key is not base64 of a DER public key") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the DKIM key is no RSA key, yet its record says k=rsa")
    return key.key_size


def strong_dkim_key(public_key: str) -> str:
    """The key itself, if it has at least 2048 bits; else ValueError."""
    bits = dkim_bits(public_key)
    if bits < MINIMUM_DKIM_BITS:
        raise ValueError(f"the DKIM key has {bits} bits. Expected {MINIMUM_DKIM_BITS} or more (RFC 8301, section 3.2)")
    return public_key
