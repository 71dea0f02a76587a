"""Lists of records: filtered, sorted and paged as a request's query asks.

https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from offline.sandbox.internet.cloudflare.problems import ApiError, Json, Problem
from offline.sandbox.internet.cloudflare.records import Record

T = TypeVar("T")
Filter = Callable[[Record], bool]

# Comparisons are blind to case, as the API's are.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "": str.__eq__,
    "exact": str.__eq__,
    "contains": str.__contains__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


_TEXTS: dict[str, Callable[[Record], str | None]] = {
    "name": lambda record: record.name,
    "content": lambda record: record.content.text,
    "comment": lambda record: record.comment,
}
_KEYS: dict[str, Callable[[Record], Any]] = {
    "type": lambda record: (record.type, record.name),
    "name": lambda record: record.name,
    "content": lambda record: record.content.text,
    "ttl": lambda record: record.ttl,
    "proxied": lambda record: record.proxied,
}


def _filter(key: str, value: str) -> Filter | None:
    """The filter one parameter of the query asks for, or None if it is another kind of parameter."""
    field, _, operator = key.partition(".")
    if key in ("comment.present", "comment.absent"):
        return lambda record: (record.comment is not None) == (operator == "present")
    if key == "type":
        return lambda record: record.type == value.upper()
    if key == "proxied":
        return lambda record: record.proxied == (value == "true")
    if field in _TEXTS and operator in _OPERATORS:
        return lambda record: _OPERATORS[operator]((_TEXTS[field](record) or "").lower(), value.lower())
    return None


def select(records: Iterable[Record], query: Mapping[str, str]) -> list[Record]:
    """The records a list request asks for, sorted (by type and name unless asked otherwise), not yet paged."""
    filters = [wanted for key, value in query.items() if (wanted := _filter(key, value))]
    holds = any if query.get("match") == "any" and filters else all
    found = [record for record in records if holds(fits(record) for fits in filters)]
    needle = query.get("search", "").lower()
    found = [record for record in found if needle in f"{record.name}\n{record.content.text}\n{record.comment}".lower()]
    order = query.get("order", "type")
    if order not in _KEYS:
        raise ApiError(400, [_bad_parameter("order")])
    return sorted(found, key=_KEYS[order], reverse=query.get("direction") == "desc")


def page(items: Sequence[T], query: Mapping[str, str], default: int, largest: int) -> tuple[list[T], Json]:
    """One page of a list and its `result_info`."""
    try:
        number = max(1, int(float(query.get("page", 1))))
        size = min(largest, max(1, int(float(query.get("per_page", default)))))
    except ValueError:
        raise ApiError(400, [_bad_parameter("page or per_page")]) from None
    shown = list(items[(number - 1) * size : number * size])
    info = {
        "page": number,
        "per_page": size,
        "count": len(shown),
        "total_count": len(items),
        "total_pages": -(-len(items) // size),
    }
    return shown, info


def _bad_parameter(name: str) -> Problem:
    """Number and text not seen for this case."""
    return Problem(6003, f"Invalid request parameter: {name}")
