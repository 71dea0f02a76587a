"""MX: where a domain's mail goes (RFC 5321, section 5)."""

import ipaddress
import re
from collections.abc import Iterator

from model.lasting_records import NO_MAIL
from policy.dns import records_at, server_addresses
from policy.model import DNS_RECORD, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]


def names_a_host(record: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """An MX record holds a name, never an address in whatever notation (RFC 5321, section 5.1)."""
    content = record.get("content")
    if record.get("type") == "MX" and isinstance(content, str) and _is_address(content):
        yield f"The MX record holds the address {content}."


def leads_to_the_server(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Each domain that receives mail here has an MX to a name of the server, with A and, if Poste serves IPv6, AAAA."""
    for domain in stack.settings.domains:
        exchanges = records_at(resources, "MX", domain.name)
        if not domain.receive:
            for exchange in exchanges.found:
                yield exchange, f"The domain {domain.name} has an MX record, yet its setting receive is false."
            continue
        if exchanges.surely_none:
            yield None, f"The domain {domain.name} has no MX record."
        for exchange in exchanges.found:
            host = exchange.get("content")
            if isinstance(host, str) and not _is_address(host):
                for finding in _at_host(resources, stack, host):
                    yield exchange, finding


def null_alone(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """A null MX (RFC 7505), which has all mail refused, has priority 0, stands alone, and where no mail is for us."""
    receiving = {domain.name for domain in stack.settings.domains if domain.receive}
    for record in resources.of_type(DNS_RECORD):
        name, priority = record.get("name"), record.get("priority")
        if record.get("type") != "MX" or record.get("content") != NO_MAIL or not isinstance(name, str):
            continue
        if name in receiving:
            yield record, f"The domain {name} has a null MX record, yet it receives mail here."
        elif name == stack.settings.mail_host:
            yield record, f"The mail host {name} has a null MX record."
        elif priority not in (0, UNKNOWN):
            yield record, f"The null MX record of {name} has the priority {priority}, not 0."
        elif len(records_at(resources, "MX", name).found) > 1:
            yield record, f"{name} has another MX record beside its null MX record."


def _at_host(resources: Resources, stack: Stack, host: str) -> Iterator[str]:
    if records_at(resources, "CNAME", host).found:
        yield f"The MX record points at {host}, which is a CNAME (RFC 2181, section 10.3)."
        return
    addresses = set(server_addresses(resources))
    wanted = {"A": 4, "AAAA": 6} if stack.settings.serves_ipv6 else {"A": 4}
    for kind, version in wanted.items():
        records = records_at(resources, kind, host)
        if records.surely_none:
            yield f"The MX record points at {host}, which has no {kind} record in this stack."
        ours = {address for address in addresses if ipaddress.ip_address(address).version == version}
        for record in records.found:
            content = record.get("content")
            if ours and isinstance(content, str) and content not in ours:
                yield f"The MX record points at {host}, whose {kind} record holds {content}, no address of the server."
    if not stack.settings.serves_ipv6 and records_at(resources, "AAAA", host).found:
        yield f"The MX record points at {host}, which has an AAAA record, yet Poste does not answer on IPv6."


def _is_address(text: str) -> bool:
    """Whether a text is an address however written: in brackets, with a trailing dot, in hexadecimal or as one number.

    No top-level domain is a number, so what ends in one is no name (RFC 1123, section 2.1).
    """
    last = text.strip().strip("[]").rstrip(".").rpartition(".")[2]
    return ":" in text or re.fullmatch(r"\d+|0x[0-9a-f]*", last, re.IGNORECASE) is not None


RULES = (
    ResourceRule(
        name="mx-names-a-host",
        why="An MX record holds a name, because senders refuse an address there.",
        remedy="Point it at the stack's mailHost.",
        types=(DNS_RECORD,),
        check=names_a_host,
    ),
    StackRule(
        name="mx-leads-to-the-server",
        why="The MX of each domain that receives mail here leads to this server by address records, or mail gets lost.",
        remedy="Point the MX at the mailHost, and make the host's address records from the server's addresses.",
        check=leads_to_the_server,
    ),
    StackRule(
        name="mx-null-alone",
        why="A null MX record stands alone, with priority 0, at a host that gets no mail, because all mail to it is "
        "refused.",
        remedy="Leave it to former mail hosts and the hosts of the Worker, as model/wanted_records.py does.",
        check=null_alone,
    ),
)
