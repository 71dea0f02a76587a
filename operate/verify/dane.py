"""TLSA records of the mail host: which certificate senders demand on port 25 (RFC 6698, RFC 7672)."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from operate.verify.certificates import Look
from operate.verify.container import Ask
from operate.verify.names import Names
from operate.verify.remedies import REFRESH
from operate.verify.result import Finding, fail, ok, warn

DANE_TA, DANE_EE = 2, 3
"""The usages that count for mail: an authority's certificate, the server's own (RFC 7672, section 3.1)."""
EXPECTED = "none, or one that fits the certificate"
OWN = "the present key's and the next one's"
PUBLISH = f"{REFRESH}: where DNSSEC validates, it publishes the records of both keys."
USELESS = "See dns.dnssec; or delete the records."


def tlsa_name(mail_host: str) -> str:
    """Where senders look (RFC 7672, section 2.2.2)."""
    return f"_25._tcp.{mail_host}"


async def tlsa(names: Names, mail_host: str, look: Look, *, own: bool) -> Finding:
    """One of the records fits what port 25 presents. `own` is whether the stack publishes them, where DNSSEC validates.

    Senders pass over records whose signature they cannot validate.
    """
    answer = await names.authoritative(tlsa_name(mail_host), "TLSA")
    validated = (await names.public(mail_host, "A")).authenticated
    if not answer.values:
        if own and validated:
            return warn("none, though DNSSEC validates", OWN, PUBLISH)
        return ok("no TLSA record", EXPECTED)
    certificate = (await look()).certificate
    records = [_fields(value) for value in answer.values]
    if not any(fits(certificate, *record) for record in records):
        if any(usage == DANE_TA for usage, *_ in records):
            return warn(f"names an authority, which is not looked at: {answer.shown}", EXPECTED)
        return fail(f"fits not: {answer.shown}", EXPECTED)
    if not validated:
        return warn("fits, but without DNSSEC no sender heeds it", "validated by DNSSEC", USELESS)
    return ok("fits the certificate", EXPECTED)


async def next_key(names: Names, mail_host: str, ask: Ask) -> Finding:
    """Where there are records that senders heed, one of them is of the key that the server has ready."""
    answer = await names.authoritative(tlsa_name(mail_host), "TLSA")
    if not answer.values or not (await names.public(mail_host, "A")).authenticated:
        return ok("no TLSA record that counts", f"none, or {OWN}")
    digest = (await ask())["certificate"]["next"]
    if not digest:
        return fail("the server has no next key", OWN, PUBLISH)
    wanted = (DANE_EE, 1, 1, digest)
    announced = wanted in [_fields(value) for value in answer.values]
    return ok("announced", OWN) if announced else fail(f"not announced: {answer.shown}", OWN, PUBLISH)


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
