"""DMARC aggregate reports (RFC 9990, and RFC 7489, appendix C, before it): XML, in whatever namespace or none."""

import io
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from operate.reports import values
from operate.reports.archives import RefusedError

RECORDS = 200_000
"""Records that are read of one report, and what else may stand beside them."""
DEPTH = 20
"""Elements in each other; the format has six, extensions a few more."""
ELEMENTS = 10_000
"""Elements of one record, which has some twenty, and a few for each signature."""
IN_ALL = 2_000_000
"""Elements of one report; that many come out of some kilobytes of a bomb, too, and take seconds."""
FORWARDED = {"forwarded", "mailing_list", "trusted_forwarder"}
"""Reasons for not applying the policy: somebody handed the message on, which breaks SPF, and often DKIM."""
VOUCHED = re.compile(r"\barc\s*=\s*pass\b", re.IGNORECASE)
"""What the comment of the reason local_policy says of a message that its forwarders sealed (RFC 8617, 7.2.2)."""
DISPOSITIONS = ("none", "pass", "quarantine", "reject")
"""What receivers do (RFC 9990, section 3.1.1.9)."""
GULP = 1_000_000
"""Bytes that the parser is given at once. It looks anew at a comment or tag that is not whole yet, each time."""
METADATA, POLICY = "report_metadata", "policy_published"
AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\w{1,10});)")
CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")
"""What XML forbids (its section 2.2)."""
REPORT = re.compile(r"<((?:[\w-]+:)?feedback)[\s>].*</\1\s*>", re.DOTALL)


@dataclass(frozen=True)
class Record:
    """Messages from one address that fared alike."""

    source: str
    """The address in its shortest form."""
    count: int
    author: str
    """The domain in From."""
    spf: bool
    """Whether SPF passed and is aligned."""
    dkim: bool
    disposition: str
    forwarded: bool
    vouched: tuple[str, ...]
    """The domains for which SPF or DKIM passed, aligned or not."""


@dataclass(frozen=True)
class AggregateReport:
    """One receiver's report about one domain's policy."""

    reporter: str
    identifier: str
    domain: str
    """Whose policy it is."""
    begin: datetime
    end: datetime
    day: date
    records: tuple[Record, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """All that it is about."""
        return (self.domain,)

    @property
    def key(self) -> tuple[object, ...]:
        """What a report has in common with a copy of it (RFC 9990, section 3.5.2).

        Some reporters number theirs anew each day, hence the time; some not at all, hence what they say.
        """
        return "dmarc", self.reporter.lower(), self.identifier or self.records, self.domain, self.begin, self.end


def parse(text: bytes, now: datetime) -> AggregateReport:
    """The report that a text is. Raises RefusedError."""
    try:
        return _parsed(text.lstrip(), now)
    except DefusedXmlException:
        raise RefusedError("has a document type or entities of its own, which no report needs") from None
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        mended = _mended(text)
        try:
            if mended:
                return _parsed(mended, now)
        except ParseError:
            pass
        raise RefusedError(f"is broken XML ({values.text(str(error))})") from None


def _mended(text: bytes) -> bytes:
    """A report without what some reporters get wrong; empty where none is seen.

    That is a declaration of another encoding than the text has, a byte in none, a lone ampersand in an address of a
    page or before a name that only HTML knows, a control character, and what stands behind the end.
    """
    found = REPORT.search(CONTROL.sub("", text.decode("utf-8", "replace")))
    return AMPERSAND.sub("&amp;", found[0]).encode() if found else b""


def _parsed(text: bytes, now: datetime) -> AggregateReport:
    parts: dict[str, Element] = {}
    records: list[Record] = []
    for count, (place, element) in enumerate(_children(text)):
        if count == RECORDS:
            raise RefusedError(f"has more than {RECORDS} records")
        if place == "record":
            records += _records(element)
        elif place in (METADATA, POLICY):
            parts[place] = element
    return _report(parts, tuple(records), now)


class _Gulps(io.BytesIO):
    def read(self, _size: int | None = -1, /) -> bytes:
        return super().read(GULP)


def _children(text: bytes) -> Iterator[tuple[str, Element]]:
    """The elements right below the root, one after the other, by their names without namespaces."""
    depth = elements = in_all = 0
    root: Element | None = None
    for event, element in iterparse(_Gulps(text), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            depth += 1
            elements += 1
            in_all += 1
            if root is None:
                root = element
                if _bare(root.tag) != "feedback":
                    raise RefusedError(f"begins with {values.text(_bare(root.tag))}, not with feedback")
            elif depth > DEPTH or elements > ELEMENTS or in_all > IN_ALL:
                raise RefusedError(f"has more than {DEPTH} elements in each other, {ELEMENTS} in a record, or {IN_ALL}")
        else:
            depth -= 1
            if depth == 1 and root is not None:
                yield _bare(element.tag), element
                # All else that a large report holds need not be kept.
                root.clear()
                elements = 0


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _under(element: Element | None, *path: str) -> list[Element]:
    """The elements at a path below one, whatever their namespaces."""
    found = [] if element is None else [element]
    for step in path:
        found = [child for parent in found for child in parent if _bare(child.tag) == step]
    return found


def _texts(element: Element | None, *path: str) -> list[str]:
    return [child.text or "" for child in _under(element, *path)]


def _text(element: Element | None, *path: str) -> str:
    return next(iter(_texts(element, *path)), "").strip()


def _report(parts: Mapping[str, Element], records: Sequence[Record], now: datetime) -> AggregateReport:
    told, policy = parts.get(METADATA), parts.get(POLICY)
    reporter = values.text(_text(told, "org_name")) or values.name(_text(told, "email").rpartition("@")[2])
    domain = values.name(_text(policy, "domain"))
    if not reporter or not domain:
        raise RefusedError(f"does not say {'who reports' if domain else 'about which domain it is'}")
    begin = values.seconds(_text(told, "date_range", "begin"), "its beginning")
    end = values.seconds(_text(told, "date_range", "end"), "its end")
    return AggregateReport(
        reporter,
        values.text(_text(told, "report_id")).strip("<>"),
        domain,
        begin,
        end,
        values.day(begin, end, now),
        tuple(records),
    )


def _records(element: Element) -> Iterator[Record]:
    """The records that an element is: one of each row, of which some write several."""
    author = values.name(_text(element, "identifiers", "header_from"))
    passed = [
        values.name(_text(result, "domain"))
        for method in ("dkim", "spf")
        for result in _under(element, "auth_results", method)
        if _text(result, "result").lower() == "pass"
    ]
    vouched = tuple(dict.fromkeys(filter(None, passed)))
    for row in _under(element, "row"):
        yield from _record(row, author, vouched)


def _record(row: Element, author: str, vouched: tuple[str, ...]) -> Iterator[Record]:
    """The record of a row; an empty one has none, and neither has one about no message."""
    source = _text(row, "source_ip")
    count = values.count(_text(row, "count"), "a count") if source else 0
    if not count:
        return
    judged = next(iter(_under(row, "policy_evaluated")), None)
    yield Record(
        _address(source),
        count,
        author,
        _text(judged, "spf").lower() == "pass",
        _text(judged, "dkim").lower() == "pass",
        _disposition(_text(judged, "disposition").lower()),
        any(map(_is_forwarded, _under(judged, "reason"))),
        vouched,
    )


def _disposition(told: str) -> str:
    return told if told in DISPOSITIONS else "other" if told else "none"


def _is_forwarded(reason: Element) -> bool:
    kind = _text(reason, "type").lower()
    return kind in FORWARDED or (kind == "local_policy" and VOUCHED.search(_text(reason, "comment")) is not None)


def _address(written: str) -> str:
    try:
        address = ipaddress.ip_address(written.strip("[]").partition("%")[0])
    except ValueError:
        raise RefusedError(f"{values.text(written)} is no address") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
