"""DMARC aggregate reports (RFC 9990, and RFC 7489, appendix C, before it): XML, in whatever namespace or none."""

import io
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from operate.reports import values
from operate.reports.archives import RefusedError

RECORDS = 200_000
"""Records that are read of one report."""
DEPTH = 20
"""Elements in each other; the format has six, extensions a few more."""
ELEMENTS = 10_000
"""Elements of one record, which has some twenty, and a few for each signature."""
FORWARDED = {"forwarded", "mailing_list", "trusted_forwarder"}
"""Reasons for not applying the policy: somebody handed the message on, which breaks SPF, and often DKIM."""


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

        Some reporters number theirs anew each day, hence the time.
        """
        return "dmarc", self.reporter.lower(), self.identifier, self.domain, self.begin, self.end


def parse(text: bytes, now: datetime) -> AggregateReport:
    """The report that a text is. Raises RefusedError."""
    parts: dict[str, Element] = {}
    records: list[Record] = []
    try:
        for place, element in _children(text.lstrip()):
            if place == "record":
                records += _record(element)
                if len(records) > RECORDS:
                    raise RefusedError(f"has more than {RECORDS} records")
            else:
                parts[place] = element
    except DefusedXmlException:
        raise RefusedError("has a document type or entities of its own, which no report needs") from None
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"is broken XML ({values.text(str(error))})") from None
    return _report(parts, tuple(records), now)


def _children(text: bytes) -> Iterator[tuple[str, Element]]:
    """The elements right below the root, one after the other, by their names without namespaces."""
    depth = elements = 0
    root: Element | None = None
    for event, element in iterparse(io.BytesIO(text), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            depth += 1
            elements += 1
            if root is None:
                root = element
                if _bare(root.tag) != "feedback":
                    raise RefusedError(f"begins with {values.text(_bare(root.tag))}, not with feedback")
            elif depth > DEPTH or elements > ELEMENTS:
                raise RefusedError(f"has more than {DEPTH} elements in each other, or {ELEMENTS} in a record")
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
    told, policy = parts.get("report_metadata"), parts.get("policy_published")
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


def _record(element: Element) -> Iterator[Record]:
    """The record that an element is; an empty one is none."""
    source = _text(element, "row", "source_ip")
    if not source:
        return
    passed = [
        values.name(_text(result, "domain"))
        for method in ("dkim", "spf")
        for result in _under(element, "auth_results", method)
        if _text(result, "result").lower() == "pass"
    ]
    judged = next(iter(_under(element, "row", "policy_evaluated")), None)
    reasons = {reason.strip().lower() for reason in _texts(judged, "reason", "type")}
    yield Record(
        _address(source),
        values.count(_text(element, "row", "count"), "a count"),
        values.name(_text(element, "identifiers", "header_from")),
        _text(judged, "spf").lower() == "pass",
        _text(judged, "dkim").lower() == "pass",
        values.text(_text(judged, "disposition")).lower() or "none",
        bool(reasons & FORWARDED),
        tuple(dict.fromkeys(filter(None, passed))),
    )


def _address(written: str) -> str:
    try:
        address = ipaddress.ip_address(written.strip("[]").partition("%")[0])
    except ValueError:
        raise RefusedError(f"{values.text(written)} is no address") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
