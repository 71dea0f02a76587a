"""What the rules for DNS ask of the stack's records."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.addresses import ipv6_host
from model.records import txt_value
from policy.model import DNS_RECORD, PRIMARY_IP, UNKNOWN, Resource, Resources


@dataclass(frozen=True)
class Matches:
    """The records that were looked for."""

    found: list[Resource]
    may_be_more: bool
    """Whether there are records of which is not known yet if they belong to these."""

    @property
    def surely_none(self) -> bool:
        """Whether there is no such record, now or later."""
        return not self.found and not self.may_be_more


def records_at(resources: Resources, kind: str, name: str) -> Matches:
    """The records of a type at a name."""
    found, more = [], False
    for record in resources.of_type(DNS_RECORD):
        if record.get("type") in (kind, UNKNOWN) and record.get("name") in (name, UNKNOWN):
            if UNKNOWN in (record.get("type"), record.get("name")):
                more = True
            else:
                found.append(record)
    return Matches(found, more)


def texts_at(resources: Resources, name: str, beginning: re.Pattern[str]) -> Matches:
    """The TXT records at a name whose text begins so."""
    here = records_at(resources, "TXT", name)
    texts = {record.urn: text_of(record) for record in here.found}
    found = [record for record in here.found if beginning.match(texts[record.urn] or "")]
    return Matches(found, here.may_be_more or None in texts.values())


def text_of(record: Resource) -> str | None:
    """The text of a TXT record as its reader joins it, or None for other records and where it is not known."""
    content = record.get("content")
    return txt_value(content) if record.get("type") == "TXT" and isinstance(content, str) else None


def fields(record: Resource) -> Mapping[str, Any] | None:
    """The fields of a record that is made of such (SRV, CAA, TLSA), or None where none of them is known."""
    data = record.get("data")
    if data is UNKNOWN:
        return None
    return data if isinstance(data, Mapping) else {}


def server_addresses(resources: Resources) -> Iterator[str]:
    """The server's IPv4 and IPv6 address, as far as they are known."""
    for address in resources.of_type(PRIMARY_IP):
        ip = address.get("ipAddress")
        if isinstance(ip, str):
            yield ipv6_host(ip) if ":" in ip else ip
