"""The messages of a mailbox that may hold reports, by IMAP (RFC 9051): read without a trace, deleted only if asked."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from imaplib import IMAP4

from operate.reports.messages import is_meant
from operate.terminal import printable
from operate.verify.mailbox import Mailbox, MailboxError, said

LARGEST = 25_000_000
"""Bytes of a message that is fetched."""
AT_ONCE = 200
"""Messages that are asked for in one command."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ATTACHED = re.compile(rb'zip|xml|json|tlsrpt|octet-stream|"rfc822"|\.gz', re.IGNORECASE)
"""What the structure of a message shows (RFC 9051, section 7.5.2) that has more than text."""
SHIFTED = re.compile(r"&|[^ -~]+")
"""What does not stand for itself in a folder's name."""
LISTED = re.compile(rb'\) (?:"\\?."|NIL) (".*"|[^ "]+)$')
"""A folder's name in the list of all (RFC 9051, section 7.3.1)."""
UID = re.compile(rb"UID (\d+)")
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
HEADER = "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"


@dataclass(frozen=True)
class Place:
    """Where a message lies."""

    folder: str
    validity: str
    """What says whether the number still means the same message (UIDVALIDITY)."""
    uid: str


@dataclass(frozen=True)
class Fetched:
    """A message that may hold reports."""

    place: Place
    raw: bytes
    """Empty for one that is too large to be fetched."""


def messages(mailbox: Mailbox, folder: str, since: date) -> Iterator[Fetched]:
    """The messages that came since a day and may hold reports. Raises MailboxError."""
    with mailbox.imap(readonly=True) as imap:
        validity = _opened(imap, folder, readonly=True)
        when = f"{since.day}-{MONTHS[since.month - 1]}-{since.year}"
        found = _lines(imap.uid("SEARCH", "SINCE", when))
        uids = [uid.decode() for line in found for uid in line.split()]
        for start in range(0, len(uids), AT_ONCE):
            for uid, size in _likely(imap, uids[start : start + AT_ONCE]):
                place = Place(folder, validity, uid)
                raw = b"" if size > LARGEST else _fetched(imap, uid)
                # One that somebody has deleted meanwhile has nothing.
                if raw or size > LARGEST:
                    yield Fetched(place, raw)


def delete(mailbox: Mailbox, places: Sequence[Place]) -> Iterator[int]:
    """Delete messages that were read; how many, step by step. Raises MailboxError if they cannot be told apart."""
    for folder in dict.fromkeys(place.folder for place in places):
        there = [place for place in places if place.folder == folder]
        with mailbox.imap(readonly=True) as imap:
            if {place.validity for place in there} != {_opened(imap, folder, readonly=False)}:
                raise MailboxError(f"{folder} was made anew meanwhile. Nothing was deleted there; try again")
            # EXPUNGE alone would also take what others have marked (RFC 4315).
            if not re.search(rb"UIDPLUS|IMAP4REV2", b" ".join(_lines(imap.capability())).upper()):
                raise MailboxError("the server has no UIDPLUS, without which others' messages might go. Delete by hand")
            for start in range(0, len(there), AT_ONCE):
                step = there[start : start + AT_ONCE]
                uids = ",".join(place.uid for place in step)
                _done(imap.uid("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)"))
                _done(imap.uid("EXPUNGE", uids))
                yield len(step)


def _likely(imap: IMAP4, uids: Sequence[str]) -> Iterator[tuple[str, int]]:
    """UID and size of those messages that may hold a report, by what the server says of them."""
    answer = _done(imap.uid("FETCH", ",".join(uids), f"(UID RFC822.SIZE BODYSTRUCTURE {HEADER})"))
    for told in _each(answer):
        uid, size = UID.search(told), SIZE.search(told)
        if uid and size and (ATTACHED.search(told) or is_meant(told.decode("utf-8", "replace"))):
            yield uid[1].decode(), int(size[1])


def _each(answer: Sequence[bytes | tuple[bytes, bytes]]) -> Iterator[bytes]:
    """What is said of each message. The library gives a piece up to and with each literal, and then the rest."""
    told = b""
    for part in answer:
        told += b" ".join(part) if isinstance(part, tuple) else part
        # Only the last piece is without a literal.
        if not isinstance(part, tuple):
            yield told
            told = b""


def _fetched(imap: IMAP4, uid: str) -> bytes:
    answer = _done(imap.uid("FETCH", uid, "(BODY.PEEK[])"))
    return next((part[1] for part in answer if isinstance(part, tuple)), b"")


def _opened(imap: IMAP4, folder: str, *, readonly: bool) -> str:
    """The validity of a folder's numbers, once it is open. Raises MailboxError, with the folders that there are."""
    status, answer = imap.select(_quoted(folder), readonly)
    if status != "OK":
        named = ", ".join(_folders(imap))
        raise MailboxError(
            f"no folder {folder} can be opened: {said(answer)}{f'. There are: {named}' if named else ''}"
        )
    _, found = imap.response("UIDVALIDITY")
    return (found[0] or b"").decode() if found else ""


def _quoted(folder: str) -> str:
    """A folder's name as servers have it, in modified UTF-7 (RFC 9051, appendix A.1), and quoted."""
    encoded = SHIFTED.sub(_shifted, folder)
    return '"' + encoded.replace("\\", r"\\").replace('"', r"\"") + '"'


def _folders(imap: IMAP4) -> Iterator[str]:
    """The names of the folders, as people know them."""
    for line in filter(None, map(LISTED.search, _lines(imap.list()))):
        name = line[1].decode("ascii", "replace")
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        yield printable(re.sub("&([A-Za-z0-9+,]*)-", _unshifted, name))


def _unshifted(found: re.Match[str]) -> str:
    return base64.b64decode(found[1].replace(",", "/") + "==").decode("utf-16-be", "replace") or "&"


def _shifted(found: re.Match[str]) -> str:
    inner = "" if found[0] == "&" else base64.b64encode(found[0].encode("utf-16-be")).decode()
    return f"&{inner.rstrip('=').replace('/', ',')}-"


def _lines(answer: tuple[str, Sequence[object]]) -> list[bytes]:
    return [part for part in _done(answer) if isinstance(part, bytes)]


def _done(answer: tuple[str, Sequence[object]]) -> list[bytes | tuple[bytes, bytes]]:
    status, parts = answer
    if status != "OK":
        raise MailboxError(f"the server says {said(parts)}")
    return [part for part in parts if isinstance(part, bytes | tuple)]
