"""Certificates and TLS versions as a port presents them."""

import asyncio
import ssl
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from model.ports import Port
from operate.verify.context import Context
from operate.verify.conversation import encrypted, unverified
from operate.verify.trust import trusting


@dataclass(frozen=True)
class Presented:
    """What a port presents in its handshake."""

    certificate: x509.Certificate
    version: str
    """The TLS version that a modern client gets."""
    distrust: str
    """Why a client would not trust it, whatever the name; empty if it would."""

    @property
    def names(self) -> list[str]:
        """The DNS names that it is for (RFC 9525, section 2: the subject's common name does not count)."""
        try:
            extension = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return []
        return [name.lower() for name in extension.value.get_values_for_type(x509.DNSName)]

    @property
    def is_self_signed(self) -> bool:
        """Whether all that speaks against it is that nobody known has signed it."""
        return "self-signed certificate" in self.distrust

    @property
    def left(self) -> timedelta:
        """Until it expires; negative once it has."""
        return self.certificate.not_valid_after_utc - datetime.now(UTC)

    @property
    def lifetime(self) -> timedelta:
        """From its first moment to its last."""
        return self.certificate.not_valid_after_utc - self.certificate.not_valid_before_utc

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, by which it is told from others."""
        return self.certificate.fingerprint(SHA256()).hex()


Look = Callable[[], Awaitable[Presented]]


def look(context: Context, port: Port) -> Look:
    """What a port of the mail host presents, over IPv4; looked at once, however many checks ask."""
    stack = context.stack
    work = partial(presented, stack.ipv4, port, stack.mail_host, stack.own.authorities)
    return partial(context.shared.once, ("certificate", port.number), work)


def covers(names: list[str], host: str) -> bool:
    """Whether one of the names is the host's; a wildcard stands for one label (RFC 9525, section 6.3)."""
    parent = host.partition(".")[2]
    return host in names or f"*.{parent}" in names


async def presented(address: str, port: Port, server_name: str, authorities: Path | None = None) -> Presented:
    """Look at a port's certificate twice: as it is, and as a client that checks it against the authorities it knows.

    Those are the system's, and those in the file `authorities`.
    """
    async with encrypted(address, port.number, port.service, port.security, server_name, unverified()) as talk:
        if talk.tls is None:
            raise ssl.SSLError("no TLS session")
        certificate = x509.load_der_x509_certificate(talk.tls.getpeercert(binary_form=True) or b"")
        version = talk.tls.version() or "none"
    distrust = ""
    strict = trusting(authorities, names=False)  # names are a check of their own
    try:
        async with encrypted(address, port.number, port.service, port.security, server_name, strict):
            pass
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message
    return Presented(certificate, version, distrust)


async def accepts_old_tls(address: str, port: Port, server_name: str) -> bool:
    """Whether a client that knows TLS 1.0 and 1.1 only is served (RFC 8996 forbids both)."""
    old = unverified()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # OpenSSL's default security level would refuse the old versions on our side already.
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        async with encrypted(address, port.number, port.service, port.security, server_name, old):
            return True
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        return False
