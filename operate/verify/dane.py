"""TLSA records of the mail host: which certificate senders demand on port 25 (RFC 6698, RFC 7672)."""

import hashlib
from collections.abc import Awaitable, Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from operate.verify.certificates import Presented
from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn

DANE_TA, DANE_EE = 2, 3
"""The usages that count for mail: an authority's certificate, the server's own (RFC 7672, section 3.1)."""
EXPECTED = "none, or one that fits the certificate"


def tlsa_name(mail_host: str) -> str:
    """Where senders look (RFC 7672, section 2.2.2)."""
    return f"_25._tcp.{mail_host}"


async def tlsa(names: Names, mail_host: str, look: Callable[[], Awaitable[Presented]]) -> Finding:
    """There is no TLSA record, or one of them fits what port 25 presents."""
    answer = await names.authoritative(tlsa_name(mail_host), "TLSA")
    if not answer.values:
        return ok("no TLSA record", EXPECTED)
    certificate = (await look()).certificate
    records = [_fields(value) for value in answer.values]
    if any(fits(certificate, *record) for record in records):
        return ok("fits the certificate", EXPECTED)
    if any(usage == DANE_TA for usage, *_ in records):
        return warn(f"names an authority, which is not looked at: {answer.shown}", EXPECTED)
    return fail(f"fits not: {answer.shown}", EXPECTED)


def fits(certificate: x509.Certificate, usage: int, selector: int, matching: int, data: str) -> bool:
    """Whether a record describes the server's own certificate (RFC 6698, section 2.1)."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    content = {0: certificate.public_bytes(Encoding.DER), 1: key}.get(selector, b"")
    digests = {0: content, 1: hashlib.sha256(content).digest(), 2: hashlib.sha512(content).digest()}
    return usage == DANE_EE and digests.get(matching, b"").hex() == data


def _fields(record: str) -> tuple[int, int, int, str]:
    """Usage, selector, matching type and data of a record in presentation form."""
    usage, selector, matching, *data = record.split()
    return int(usage), int(selector), int(matching), "".join(data).lower()
