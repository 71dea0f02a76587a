"""The reports in a message: somewhere among its parts, under whatever name and media type."""

import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

from operate.reports import aggregate, archives, tls, values
from operate.reports.aggregate import AggregateReport
from operate.reports.archives import RefusedError
from operate.reports.tls import TlsReport

Report = AggregateReport | TlsReport

PARTS = 50
"""Parts of a message that are looked at."""
SUBJECT = re.compile(r"report\s+domain:|submitter:|dmarc\b.*\breport|tls\b.*\breport", re.IGNORECASE)
"""What subjects of reports hold (RFC 9990, section 3.5.2; RFC 8460, section 5.3), and those that some make up."""
NAME = re.compile(r"[^!/]+![^!/]+!\d+!\d+(![^!/]*)?\.(xml|json|zip|gz|gzip)(\.gz)?", re.IGNORECASE)
"""How attachments are to be called: receiver!domain!begin!end!identifier.xml.gz."""
AGGREGATE = re.compile(rb"<([\w-]+:)?feedback[\s>]")
TLS = re.compile(rb'"organization-name"')
FORGED = re.compile(r"\bdmarc\s*=\s*fail\b", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """What a message holds."""

    reports: tuple[Report, ...] = ()
    refused: tuple[str, ...] = ()
    """Why it, or parts of it, are not read; empty for a message that has nothing to do with reports."""
    other: bool = False
    """Whether something else is attached, so that the message is more than its reports."""


def read(raw: bytes, now: datetime) -> Found:
    """What is in a message."""
    try:
        message = message_from_bytes(raw)
        parts = list(_parts(message))
    except RecursionError:
        return Found(refused=("has too many parts in each other",))
    meant = is_meant(str(message.get("Subject", ""))) or any(NAME.fullmatch(name) for name, _ in parts)
    reports: list[Report] = []
    refused: list[str] = [f"has more than {PARTS} parts, of which the others are not read"] * _has_more(message)
    for name, data in parts:
        with _told(refused, name):
            for text in archives.unpack(data):
                # A file that is none takes nothing from those beside it.
                with _told(refused, name):
                    reports.append(_report(text, now))
    if meant and not reports and not refused:
        refused.append("holds no report")
    # The uppermost is that of the server which took the message; anybody can write the others.
    if (meant or reports) and FORGED.search(str(message.get("Authentication-Results", ""))):
        return Found(refused=("comes from somebody else than it says (dmarc=fail)",))
    # A broken archive in other mail is none of our business.
    other = bool(reports) and any(map(_is_other, message.walk()))
    return Found(tuple(reports), tuple(refused) if meant or reports else (), other)


@contextlib.contextmanager
def _told(refused: list[str], name: str) -> Iterator[None]:
    """Has why an attachment is not read told, and the work go on behind it."""
    try:
        yield
    except RefusedError as error:
        refused.append(f"{name or 'what is attached'} {error}")


def _has_more(message: Message) -> bool:
    return next(itertools.islice(message.walk(), PARTS, None), None) is not None


def is_meant(subject: str) -> bool:
    """Whether a message is meant as a report, by its subject."""
    with contextlib.suppress(LookupError, ValueError, MessageError):
        subject = str(make_header(decode_header(subject)))
    return bool(SUBJECT.search(" ".join(subject.split())))


def _parts(message: Message) -> Iterator[tuple[str, bytes]]:
    """Name and content of the parts that can be reports."""
    for part in itertools.islice(message.walk(), PARTS):
        name, payload = values.text(part.get_filename()), _payload(part)
        if not part.is_multipart() and _can_be_report(name, payload):
            yield name, payload


def _payload(part: Message) -> bytes:
    payload = None if part.is_multipart() else part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _can_be_report(name: str, data: bytes) -> bool:
    return NAME.fullmatch(name) is not None or archives.is_archive(data) or _is_report(data)


def _is_other(part: Message) -> bool:
    """Whether a part is a file that somebody has attached, but no report, and no signature of the message."""
    name = values.text(part.get_filename())
    is_file = name and part.get_content_maintype() not in ("text", "image")
    if part.is_multipart() or not (is_file or part.get_content_disposition() == "attachment"):
        return False
    return not part.get_content_subtype().endswith("signature") and not _can_be_report(name, _payload(part))


def _is_report(data: bytes) -> bool:
    beginning = data[:4096].replace(b"\0", b"")
    return bool(
        (archives.is_xml(data) and AGGREGATE.search(beginning)) or (archives.is_json(data) and TLS.search(beginning))
    )


def _report(text: bytes, now: datetime) -> Report:
    if archives.is_archive(text):
        raise RefusedError("is an archive in an archive")
    if archives.is_xml(text):
        return aggregate.parse(text, now)
    if archives.is_json(text):
        return tls.parse(text, now)
    raise RefusedError("is neither XML nor JSON")
