"""What the relay makes of a message: a mark (Received), a signature for the author's domain, maybe another body."""

from __future__ import annotations

from email.parser import BytesHeaderParser
from email.utils import formatdate, parseaddr

import dkim  # type: ignore[import-untyped]

from offline.sandbox.relay.session import Envelope
from offline.sandbox.world import RELAY_DOMAIN, RELAY_SELECTOR

FOOTER = f"\r\n-- \r\nSent by way of {RELAY_DOMAIN}\r\n".encode()
"""What comes to the end of a body, as a link or picture does that tells whether a message is read."""


def author_domain(text: bytes) -> str:
    """The domain of the From header; empty if there is none."""
    return parseaddr(str(BytesHeaderParser().parsebytes(text).get("From", "")))[1].rpartition("@")[2].lower()


def passed_on(envelope: Envelope, key: bytes, *, rewrite: bool) -> bytes:
    """The message as it leaves; `key` is a private RSA key in PEM. A signature that it brings along stays.

    The relay signs as the author's domain (RFC 6376), which publishes the key: so its signature is aligned (DMARC,
    RFC 9989), whatever becomes of the author's own.
    """
    text = envelope.text + FOOTER if rewrite else envelope.text
    if domain := author_domain(text):
        text = bytes(dkim.sign(text, RELAY_SELECTOR.encode(), domain.encode(), key)) + text
    return f"Received: {envelope.origin}; {formatdate()}\r\n".encode() + text
