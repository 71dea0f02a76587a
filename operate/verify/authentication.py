"""What a receiving provider found out about a message's origin: its Authentication-Results fields (RFC 8601).

Anybody can put such a field into his message, so only those count which the receiver wrote. Servers put their fields on
top: what stands above the sending side's own fields was written after the message had left it. The name that a field
gives itself has to fit the receiver too (RFC 8601, section 4.1). One method's results may stand in one field, or each
in its own.
"""

import contextlib
import re
from collections.abc import Collection, Iterator
from email.message import Message
from email.utils import parseaddr

import authres  # type: ignore[import-untyped]
from authres.core import AuthenticationResult, AuthResError  # type: ignore[import-untyped]

from model.values import is_within

METHODS = ("spf", "dkim", "dmarc")
IDENTITIES = {
    "spf": (("smtp", "mailfrom"), ("smtp", "mail")),
    "dkim": (("header", "d"), ("header", "i")),
    "dmarc": (("header", "from"),),
}
"""Where a result says which identity it is about; RFC 8601, section 2.7."""


def authentication_results(message: Message, sending: Collection[str], receiving: Collection[str]) -> dict[str, str]:
    """The result of spf, dkim and dmarc for the author's domain; a method of which the receiver says nothing is absent.

    `sending` and `receiving` are names of hosts, or of domains with all their hosts. Of several DKIM results a pass
    wins, since one valid signature is enough (RFC 6376, section 4.2); of the others, the one that is no pass.
    """
    author = parseaddr(str(message["From"]))[1].rpartition("@")[2].lower()
    found: dict[str, set[str]] = {}
    for result in _results(message, author, sending, receiving):
        if result.method in METHODS and _concerns(result, author):
            found.setdefault(result.method, set()).add(result.result)
    return {method: _decisive(method, results) for method, results in found.items()}


def _decisive(method: str, results: set[str]) -> str:
    bad = sorted(results - {"pass"})
    return "pass" if not bad or (method == "dkim" and "pass" in results) else bad[0]


def _concerns(result: AuthenticationResult, author: str) -> bool:
    """Whether a result is about the author's domain: a relay's signature or HELO name proves nothing for it."""
    properties = {(entry.type, entry.name): str(entry.value) for entry in result.properties}
    given = [properties[identity] for identity in IDENTITIES[result.method] if identity in properties]
    names = [identity.rpartition("@")[2].lower().rstrip(".") for identity in given]
    about_helo = result.method == "spf" and not given and ("smtp", "helo") in properties
    return not about_helo and all(is_within(name, author) or is_within(author, name) for name in names)


def _results(
    message: Message, author: str, sending: Collection[str], receiving: Collection[str]
) -> Iterator[AuthenticationResult]:
    above = list(_above_the_senders(message, author, sending))
    hosts = {host for name, value in above if name == "received" for host in written_by(value)}
    known = {organisation(host) for host in (*hosts, *receiving)}
    for name, value in above:
        header = _parsed(value) if name == "authentication-results" else None
        if header and (not header.authserv_id or organisation(header.authserv_id) in known):
            yield from (result for result in header.results if isinstance(result, AuthenticationResult))


def _above_the_senders(message: Message, author: str, sending: Collection[str]) -> Iterator[tuple[str, str]]:
    """The fields, in lower case and unfolded, above the first one that the author or the sending side wrote."""
    for name, value in message.items():
        field, text = name.lower(), " ".join(str(value).split())
        signed = re.search(r"(?:^|;)\s*d\s*=([^;]*)", text) if field == "dkim-signature" else None
        domain = re.sub(r"\s", "", signed[1]).lower() if signed else ""
        by_sender = field == "received" and any(is_within(host, own) for host in written_by(text) for own in sending)
        if field == "from" or by_sender or (domain and is_within(author, domain)):
            return
        yield field, text


def written_by(received: str) -> list[str]:
    """The host that wrote a Received field (RFC 5321, section 4.4)."""
    return [host.lower() for host in re.findall(r"\bby\s+([\w.-]+)", re.sub(r"\([^()]*\)", " ", received))[:1]]


def organisation(host: str) -> str:
    """The last two labels of a name, by which a provider's hosts are told from others'.

    That is too wide for names such as example.co.uk, which does no harm among fields that stand above the sender's.
    """
    return ".".join(host.lower().rstrip(".").split(".")[-2:])


def _parsed(value: str) -> authres.AuthenticationResultsHeader | None:
    """The field as authres reads it; None where it cannot be read, which proves nothing either way."""
    text = value.rstrip("; ")  # an end that the grammar does not know, yet some write it
    with contextlib.suppress(AuthResError):
        return authres.AuthenticationResultsHeader.parse_value(text)
    with contextlib.suppress(AuthResError):
        # Microsoft leaves out the name at the beginning.
        header = authres.AuthenticationResultsHeader.parse_value(f"unnamed; {text}")
        header.authserv_id = ""
        return header
    return None
