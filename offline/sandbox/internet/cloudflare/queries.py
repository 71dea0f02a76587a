"""Lists, paged as a request's query asks.

https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from offline.sandbox.internet.cloudflare.problems import ApiError, Json, Problem

T = TypeVar("T")


def only(query: Mapping[str, str], *known: str) -> None:
    """Raise ApiError for a filter or an order that the sandbox does not have: nobody asks for them."""
    unknown = sorted(query.keys() - {"page", "per_page", *known})
    if unknown:
        raise ApiError(400, [_bad_parameter(f"{', '.join(unknown)} (not supported by the sandbox)")])


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
