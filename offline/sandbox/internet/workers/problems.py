"""The errors of the Workers API: the real API's, as its users quote them, unless a line says otherwise."""

from __future__ import annotations

from offline.sandbox.internet.cloudflare.problems import ApiError, Problem

REFUSED = ApiError(403, [Problem(10000, "Authentication error")])
SCRIPT_NOT_FOUND = ApiError(404, [Problem(10007, "This Worker does not exist on your account.")])
NO_METADATA = ApiError(400, [Problem(10021, "could not read content for part metadata")])
NAME_INVALID = ApiError(400, [Problem(10016, "workers.api.error.invalid_script_name")])
TOO_SLOW = "Script startup exceeded CPU time limit."
# HTTP status not seen.
ZONE_NOT_FOUND = ApiError(404, [Problem(10083, "workers.api.error.zone_not_found")])
# Number and text not seen.
DOMAIN_NOT_FOUND = ApiError(404, [Problem(100115, "This custom domain does not exist on your account.")])


def invalid(reason: str) -> ApiError:
    """A script that does not compile or start, or whose parts do not fit together."""
    return ApiError(400, [Problem(10021, reason)])


def taken(hostname: str) -> ApiError:
    """Somebody else's addresses or CNAME stand at the name of a custom domain."""
    text = f"Hostname '{hostname}' already has externally managed DNS records (A, CNAME, etc). "
    return ApiError(409, [Problem(100117, f"{text}Delete them first or try a different hostname.")])


def outside(hostname: str, zone: str) -> ApiError:
    """A name that is not the zone's (number and text not seen)."""
    return ApiError(400, [Problem(100118, f"Hostname '{hostname}' is not in the zone '{zone}'.")])


def unsupported(what: str) -> ApiError:
    """The sandbox's own: what is asked for is not done."""
    return ApiError(400, [Problem(9999, f"{what}: not supported by the sandbox")])
