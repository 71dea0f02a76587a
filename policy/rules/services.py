"""SRV: which servers mail programs are told to use (RFC 6186, RFC 8314)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.service_records import NOWHERE, PREFERENCE
from policy.dns import fields
from policy.model import DNS_RECORD, UNKNOWN, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

NAME = re.compile(r"_([a-z0-9-]+)\._tcp\..+")
KNOWN = {port.service for port in PREFERENCE}


def as_served(record: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The record says where and on which port the service is, and of a closed one that it is nowhere.

    Its priority stands beside its data, too: Cloudflare tells it there, and would differ for ever without.
    """
    data = fields(record)
    if record.get("type") != "SRV" or data is None:
        return
    beside, within = record.get("priority"), data.get("priority")
    if UNKNOWN not in (beside, within) and beside != within:
        yield f"The SRV record's priority is {beside}, and {within} in its data."
    if isinstance(record.get("name"), str):
        yield from _of_service(record.get("name"), data, stack)


def _of_service(name: str, data: Mapping[str, Any], stack: Stack) -> Iterator[str]:
    found = NAME.fullmatch(name)
    if not found or found[1] not in KNOWN:
        yield f"{name} is no service that mail programs look for and the port table has."
        return
    service, target, port, host = found[1], data.get("target"), data.get("port"), stack.settings.mail_host
    served = {row.service: row.number for row in stack.settings.ports}
    if target is UNKNOWN:
        return
    if service not in served:
        if target != NOWHERE:
            yield f"The port of {service} is closed, yet the SRV record leads to {target}."
    elif target != host:
        yield f"The SRV record leads to {target}; {service} is served by {host}."
    elif port not in (served[service], UNKNOWN):
        yield f"The SRV record says port {port}; {service} is served on {served[service]}."


RULES = (
    ResourceRule(
        name="srv-as-served",
        why="SRV records lead to the mail host and an open port, or say that the service is nowhere, because mail "
        "programs believe them.",
        remedy="Make it with services() of model/service_records.py, its priority beside its data, too.",
        types=(DNS_RECORD,),
        check=as_served,
    ),
)
