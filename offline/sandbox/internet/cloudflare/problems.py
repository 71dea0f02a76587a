"""The API's errors. Codes and texts are the real API's, as its users quote them, unless a line says otherwise.

An answer carries a list of errors and an HTTP status. Content errors stand in that list themselves; a few older
checks (time to live, tags) come wrapped as `error_chain` of 1004 "DNS Validation Error".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SAME_NAME_PAGE = (
    "For more details, refer to "
    "<https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>."
)
MX_PAGE = (
    "For more details, refer to "
    "<https://developers.cloudflare.com/dns/manage-dns-records/how-to/email-records/#add-mx-records>."
)


@dataclass(frozen=True)
class Problem:
    """One error of the API: its number, its text, and whether it comes inside 1004's error chain."""

    code: int
    message: str
    chained: bool = False


class ApiError(Exception):
    """Ends a request with these errors and this HTTP status."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.message} ({problem.code})" for problem in problems))
        self.status = status
        self.problems = tuple(problems)

    def errors(self) -> list[Json]:
        """The envelope's `errors`."""
        plain = [{"code": p.code, "message": p.message} for p in self.problems if not p.chained]
        chain = [{"code": p.code, "message": p.message} for p in self.problems if p.chained]
        if chain:
            return [*plain, {"code": 1004, "message": "DNS Validation Error", "error_chain": chain}]
        return plain


def refused(*problems: Problem) -> ApiError:
    """A record that is not valid or not possible beside the others (400)."""
    return ApiError(400, problems)


NAME_INVALID = Problem(9000, "DNS name is invalid.")
# Number and text not seen for this case; the types are those the sandbox can serve.
TYPE_INVALID = Problem(9002, "Invalid DNS record type.", chained=True)
TARGET_NOT_PROXIABLE = "Target {} is not allowed for a proxied record."
NOT_PROXIABLE = Problem(9004, "This record type cannot be proxied.")
A_INVALID = Problem(9005, "Content for A record must be a valid IPv4 address.")
AAAA_INVALID = Problem(9006, "Content for AAAA record must be a valid IPv6 address.")
CNAME_INVALID = Problem(9007, "Content for CNAME record is invalid.")
MX_INVALID = Problem(9009, f"Change the content of your MX record to be a hostname (and not an IP address). {MX_PAGE}")
TTL_RANGE = Problem(9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic.", chained=True)
TTL_NOT_A_NUMBER = Problem(9022, "TTL must be a number, not a string.")
CNAME_TO_ITSELF = Problem(9039, "CNAME content cannot reference itself.")
# The next ones: the numbers are of the right family, the texts are the sandbox's own.
NS_INVALID = Problem(9018, "Content for NS record is invalid.")
SRV_INVALID = Problem(9036, "Content for SRV record is invalid.")
TLSA_INVALID = Problem(9060, "Content for TLSA record is invalid.")
TXT_INVALID = Problem(9051, "Invalid TXT record. Quoted content must consist of quoted character strings (RFC 1035).")
SRV_NAME_INVALID = Problem(9150, "The name of an SRV record must begin with _service._proto (RFC 2782).", chained=True)
COMMENT_TOO_LONG = Problem(9313, "DNS record comment exceeds the maximum length of 100 characters.")
BESIDE_ADDRESS = Problem(81053, f"An A, AAAA, or CNAME record with that host already exists. {SAME_NAME_PAGE}")
BESIDE_CNAME = Problem(81054, f"A CNAME record with that host already exists. {SAME_NAME_PAGE}")
BESIDE_NS = Problem(81056, f"NS records with that host already exist. {SAME_NAME_PAGE}")
# Number and text not seen.
BESIDE_MX = Problem(890191, "Remove the zone's other MX records before you enable Email Routing.")
IDENTICAL = Problem(81058, "An identical record already exists.")

EMAIL_ROUTING_MX = ApiError(
    403, [Problem(890190, "This zone is managed by Email Routing. Disable Email Routing to add/modify MX records.")]
)
# Number as users quote it, text not seen.
READ_ONLY = ApiError(403, [Problem(1046, "This record is managed by Email Routing and cannot be changed.")])
# The next ones: neither numbers nor texts seen.
DNSSEC_STATUS = Problem(1004, 'The status of DNSSEC must be "active" or "disabled".')
DNSSEC_IN_USE = ApiError(
    400, [Problem(1004, "DNSSEC records cannot be deleted before DNSSEC is disabled and the DS record is gone.")]
)
RECORD_NOT_FOUND = ApiError(404, [Problem(81044, "Record does not exist.")])
NO_CREDENTIALS = ApiError(400, [Problem(9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")])
TOKEN_REFUSED = ApiError(403, [Problem(9109, "Invalid access token")])
RECORDS_REFUSED = ApiError(403, [Problem(10000, "Authentication error")])
ZONE_REFUSED = ApiError(403, [Problem(9109, "Unauthorized to access requested resource")])
RATE_LIMITED = ApiError(429, [Problem(971, "Please wait and consider throttling your request speed")])
NOT_JSON = ApiError(400, [Problem(9207, "Request body is invalid.")])


def required(field: str) -> Problem:
    """A field every record of this type needs is missing."""
    return Problem(9100, f"{field} is a required field.")


def required_data(field: str) -> Problem:
    """A field of `data` that this type needs is missing."""
    return Problem(9101, f"{field} is a required data field.")


def out_of_range(field: str, largest: int) -> Problem:
    """A number that does not fit its field on the wire (text not seen, except for priority: 9008)."""
    return Problem(9008, f"Invalid {field}, {field} must be set and be between 0 and {largest}", chained=True)


def too_many_tags(count: int) -> Problem:
    """Free zones may carry no tags."""
    return Problem(9300, f"DNS record has {count} tags, exceeding the quota of 0.", chained=True)


def without_settings(names: Sequence[str]) -> Problem:
    """The sandbox's own: what the settings ask for is not done."""
    return Problem(9999, f"settings: {', '.join(names)}: not supported by the sandbox")


def without_dnssec(names: Sequence[str]) -> Problem:
    """The sandbox's own: a zone is signed plainly or not at all."""
    return Problem(9999, f"{', '.join(names)}: not supported by the sandbox")


def no_route(path: str) -> ApiError:
    """A path the API does not know, or an identifier that cannot be one (not 32 hexadecimal digits)."""
    return ApiError(404, [Problem(7003, f"Could not route to {path}, perhaps your object identifier is invalid?")])


class BadHeaderError(ApiError):
    """A header that cannot be what it claims to be (400): 6003 with its own kind of chain."""

    def __init__(self, code: int, header: str) -> None:
        super().__init__(400, [Problem(code, f"Invalid format for {header} header")])

    def errors(self) -> list[Json]:
        """The envelope's `errors`."""
        chain = [{"code": p.code, "message": p.message} for p in self.problems]
        return [{"code": 6003, "message": "Invalid request headers", "error_chain": chain}]
