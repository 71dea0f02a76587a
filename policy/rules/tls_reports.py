"""TLSRPT: where senders report about encryption that fails (RFC 8460)."""

import re
from collections.abc import Iterator

from policy.dns import text_of
from policy.model import DNS_RECORD, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

PLACE = "_smtp._tls."
URI = r"(mailto:[^\s,;!@]+@[^\s,;!@]+|https://[^\s,;!/]+(/[^\s,;!]*)?)"
RECORD = re.compile(rf"v=TLSRPTv1\s*;\s*rua=\s*{URI}(\s*,\s*{URI})*\s*;?")
"""A record (section 3); extensions that RFC 8460 leaves room for are none of ours."""


def readable(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The record names addresses by mailto: or https:, and nothing else."""
    name, text = record.get("name"), text_of(record)
    if isinstance(name, str) and name.startswith(PLACE) and text is not None and not RECORD.fullmatch(text):
        yield f"The text at {name} is no v=TLSRPTv1 record whose rua has addresses with mailto: or https: only."


RULES = (
    ResourceRule(
        name="tls-reports-valid",
        why="A TLSRPT record is one that senders can read, or nobody reports that encryption fails.",
        remedy="Make it with tls_reports() of model/records.py, with the addresses in tlsReports.",
        types=(DNS_RECORD,),
        check=readable,
    ),
)
