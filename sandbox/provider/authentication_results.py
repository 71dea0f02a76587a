"""Authentication-Results header fields (RFC 8601): what a receiving server found out about a message's origin."""

import re
from collections.abc import Iterable

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"\s*([a-z0-9-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)


def method_results(headers: Iterable[str], authserv_id: str) -> dict[str, str]:
    """Return the result of each method, such as ``{"spf": "pass", "dkim": "fail"}``.

    Only fields written by ``authserv_id`` count: anybody can put others into his message. Of several results of one
    method (two signatures, say) a pass wins, since one valid signature is enough (RFC 6376 section 4.2).
    """
    results: dict[str, str] = {}
    for header in headers:
        server, *entries = _without_comments(header).split(";")
        if server.split()[:1] != [authserv_id]:
            continue
        for entry in entries:
            found = _METHOD.match(entry)
            if found:
                method, result = found[1].lower(), found[2].lower()
                if results.get(method) != "pass":
                    results[method] = result
    return results


def _without_comments(text: str) -> str:
    """Remove comments from the inside out, since they may be nested (RFC 5322 section 3.2.2)."""
    while True:
        shorter = _COMMENT.sub(" ", text)
        if shorter == text:
            return text
        text = shorter
