"""Problem documents (RFC 9457) with ACME's error types (RFC 8555 section 6.7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web

RATE_LIMIT, RATE_WINDOW = 5, timedelta(hours=168)
"""Let's Encrypt's: so many certificates for the same names within that time."""
RETRY_AFTER = RATE_WINDOW / RATE_LIMIT
"""When the next one may be had: Let's Encrypt gives back a certificate at a time."""


def problem(status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error answer of that type, such as `malformed`."""
    return web.json_response(
        {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": status},
        status=status,
        headers=headers,
        content_type="application/problem+json",
    )


def fault(status: int) -> web.Response:
    """The answer of an authority that has enough of a client (429), is broken (5xx), or wants something else."""
    if status == 429:
        return _rate_limited()
    if status >= 500:
        return problem(status, "serverInternal", "The service is down for maintenance or had an internal error")
    return problem(status, "malformed", "Refused on request")


def _rate_limited() -> web.Response:
    until = (datetime.now(UTC) + RETRY_AFTER).strftime("%Y-%m-%d %H:%M:%S UTC")
    window = f"{RATE_WINDOW.total_seconds() / 3600:.0f}h0m0s"
    detail = (
        f"too many certificates ({RATE_LIMIT}) already issued for this exact set of identifiers in the last {window}, "
        f"retry after {until}: see "
        "https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers"
    )
    return problem(429, "rateLimited", detail, {"Retry-After": f"{RETRY_AFTER.total_seconds():.0f}"})
