"""BIMI: whether receivers find a domain's logo, and may show it (draft-brand-indicators-for-message-identification)."""

import ssl
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from cryptography import x509

from model.bimi import Bimi, record_name
from model.dmarc import parse
from operate.verify.dmarc_policy import policy_records
from operate.verify.https_page import PageUnreadableError, page
from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn

LARGEST = 32 * 1024
"""Bytes of a logo."""
TYPE, ROOT, PROFILE = "image/svg+xml", "{http://www.w3.org/2000/svg}svg", "tiny-ps"
STRICT = "Set dmarc.policy to quarantine or reject, without subdomainPolicy none and without testing; see dns.dmarc."


async def bimi(names: Names, domain: str, wanted: Bimi, tls: ssl.SSLContext) -> Finding:
    """The record is the stack's, the domain's DMARC policy is strict, and logo and certificate are what they should."""
    texts = (await names.authoritative(record_name(domain), "TXT")).values
    records = [text for text in texts if text.startswith("v=BIMI1")]
    if records != [wanted.record]:
        return fail(" | ".join(records) or f"no record at {record_name(domain)}", wanted.record)
    if not await _is_strict(names, domain):
        return warn("the DMARC policy is not strict, so no receiver shows the logo", "p=quarantine or reject", STRICT)
    try:
        logo = await page(names, wanted.logo, tls)
        evidence = await page(names, wanted.certificate, tls) if wanted.certificate else None
    except PageUnreadableError as error:
        return warn(str(error), "logo and certificate at their addresses")
    fault = _fault(logo.type, logo.content) or (_expiry(evidence.content) if evidence else "")
    expected = f"an SVG of the profile {PROFILE}, {LARGEST // 1024} KB at most, and a valid certificate if one is named"
    return warn(fault, expected) if fault else ok(wanted.record, expected)


async def _is_strict(names: Names, domain: str) -> bool:
    """Whether mail that fails is turned away or put aside, all of it."""
    try:
        (record,) = await policy_records(names, domain)
        tags = parse(record)
    except ValueError:
        return False
    weak = "none" in (tags["p"].lower(), tags.get("sp", "").lower())
    return not weak and tags.get("t", "n").lower() == "n" and tags.get("pct", "100") == "100"


def _fault(kind: str, content: bytes) -> str:
    """What is wrong with a logo; nothing for a good one."""
    if kind != TYPE:
        return f"the logo is served as {kind or 'nothing'}, not as {TYPE}"
    if len(content) > LARGEST:
        return f"the logo has more than {LARGEST // 1024} KB"
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat of today refuses what would fill the memory
    except ET.ParseError as error:
        return f"the logo is no SVG ({error})"
    if root.tag != ROOT or root.get("baseProfile") != PROFILE:
        return f"the logo is no SVG with baseProfile {PROFILE}"
    return ""


def _expiry(content: bytes) -> str:
    """What is wrong with a certificate; nothing for one that is valid today."""
    try:
        certificate = x509.load_pem_x509_certificates(content)[0]
    except ValueError:
        return "the certificate is no PEM file"
    expired = certificate.not_valid_after_utc < datetime.now(UTC)
    return f"the certificate has expired on {certificate.not_valid_after_utc:%Y-%m-%d}" if expired else ""
