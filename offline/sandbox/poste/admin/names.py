"""Syntax of host names, domains and mail addresses, as strict as the SMTP world needs and no stricter."""

import re

MIN_PASSWORD_LENGTH = 8
"""Poste's own rule is not public; a lenient one leaves the strict one to the program under test."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")
_LOCAL_PART = re.compile(r"[a-z0-9!$%&'=?^_`{}~-]+(?:\.[a-z0-9!$%&'=?^_`{}~-]+)*")


def is_fqdn(name: str) -> bool:
    """Tell whether ``name`` is a fully qualified host name in lower case (so not an IP address)."""
    return _FQDN.fullmatch(name) is not None


def is_address(address: str) -> bool:
    """Tell whether ``address`` is a mailbox in lower case (RFC 5321 section 4.1.2).

    ``+ / * # |`` are not taken, since they mean something else in a file name or in a list of recipients.
    """
    local_part, at, domain = address.rpartition("@")
    return bool(at) and len(local_part) <= 64 and bool(_LOCAL_PART.fullmatch(local_part)) and is_fqdn(domain)
