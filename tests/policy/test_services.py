"""The rule for SRV records."""

from typing import Any

import pytest

from model.service_records import Service, services
from policy.model import DNS_RECORD, UNKNOWN, Resource
from tests.support.case import PROD, Case, holds, sentence, stack

HOST = "mail.example.com"
FEW = stack(optionalPorts=[])


def record(name: Any, priority: Any = 0, **data: Any) -> Resource:
    fields = {"priority": 0, "weight": 1, "port": 993, "target": HOST} | data
    props = {"type": "SRV", "name": name, "priority": priority, "data": fields}
    return Resource(DNS_RECORD, str(name), props, str(name))


IMAPS, IMAP = "_imaps._tcp.example.com", "_imap._tcp.example.com"
RIGHT = record(IMAPS)


def as_made(service: Service) -> Resource:
    """The record that the program makes."""
    name = f"{service.record_name}.example.com"
    return Resource(
        DNS_RECORD, name, {"type": "SRV", "name": name, "priority": service.priority, "data": service.data}, name
    )


def spoilt(sentence: str, resource: Resource, finds: str) -> Case:
    return Case(sentence, "srv-as-served", [resource], finds)


CASES = [
    *(
        Case(
            f"all services of a host that opens {ports}",
            "srv-as-served",
            [as_made(service) for service in services(HOST, held.settings.ports)],
            stack=held,
        )
        for ports, held in (("every port", PROD), ("few ports", FEW))
    ),
    Case(
        "a closed service that is nowhere",
        "srv-as-served",
        [record(IMAP, port=0, target="."), record("_sieve._tcp.example.com", port=0, target=".")],
        stack=FEW,
    ),
    Case("a closed service that leads here", "srv-as-served", [record(IMAP, port=143)], "imap is closed", FEW),
    Case(
        "a closed service that leads elsewhere",
        "srv-as-served",
        [record(IMAP, target="imap.example.net")],
        "imap is closed",
        FEW,
    ),
    spoilt(
        "an open service that is nowhere", record(IMAPS, port=0, target="."), "leads to .; imaps is served by mail."
    ),
    spoilt("another host", record(IMAPS, target="imap.example.net"), "leads to imap.example.net"),
    spoilt("a former host", record(IMAPS, target="mx.example.com"), "leads to mx.example.com"),
    spoilt("no target", record(IMAPS, target=None), "leads to None"),
    spoilt("no fields", Resource(DNS_RECORD, "x", {"type": "SRV", "name": IMAPS}), "leads to None"),
    spoilt("the port of another service", record(IMAPS, port=143), "says port 143; imaps is served on 993"),
    spoilt("a port that nothing opens", record(IMAPS, port=1993), "says port 1993"),
    spoilt("a service of no mail program", record("_smtp._tcp.example.com", port=25), "is no service"),
    spoilt("a service that the port table lacks", record("_ldap._tcp.example.com", port=389), "is no service"),
    spoilt("a service by UDP", record("_imaps._udp.example.com"), "is no service"),
    spoilt("a name that is no service", record("example.com"), "is no service"),
    spoilt("no priority beside the data", record(IMAPS, None), "priority is None, and 0 in its data"),
    spoilt("another priority beside the data", record(IMAPS, 10), "priority is 10, and 0 in its data"),
    Case(
        "what is not known yet",
        "srv-as-served",
        [record(UNKNOWN, port=1), record(IMAPS, UNKNOWN, port=UNKNOWN), record(IMAPS, target=UNKNOWN)],
    ),
    Case(
        "a record of another type",
        "srv-as-served",
        [Resource(DNS_RECORD, "x", {"type": "TXT", "name": IMAPS, "content": '"x"'})],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
