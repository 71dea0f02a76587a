"""The server, its addresses and its volume."""

from collections.abc import Iterator, Mapping

from model.labels import stack_labels
from model.lasting_records import is_lasting
from model.settings import Part
from policy.model import (
    DNS_RECORD,
    FIREWALL,
    PRIMARY_IP,
    RDNS,
    SERVER,
    SSH_KEY,
    STACK,
    STORAGE_ACCOUNT,
    STORAGE_BOX,
    UNKNOWN,
    VOLUME,
    ZONE_DNSSEC,
    Resource,
    Resources,
)
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

PARTS: Mapping[str, Part] = {
    SERVER: "server",
    FIREWALL: "server",
    PRIMARY_IP: "addresses",
    VOLUME: "volume",
    DNS_RECORD: "records",
    ZONE_DNSSEC: "records",
    STORAGE_BOX: "backup",
    STORAGE_ACCOUNT: "backup",
}
"""Which part of the stack a resource belongs to; each part is protected apart from the others."""

AT_HETZNER = {
    SERVER: ("deleteProtection", "rebuildProtection"),
    PRIMARY_IP: ("deleteProtection",),
    VOLUME: ("deleteProtection",),
    STORAGE_BOX: ("deleteProtection",),
}
"""The protections that Hetzner itself has for a resource."""

REPLACEABLE: Part = "server"
"""The one part that may be unprotected where protection is required: a broken server has to be replaced."""


def own_addresses(server: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """A primary IPv4 and a primary IPv6, both named; those that Hetzner makes by itself go with the server."""
    if server.may_have_more("publicNets"):
        return
    nets = server.entries("publicNets")
    for family, label in (("ipv4", "IPv4"), ("ipv6", "IPv6")):
        if any(net.get(f"{family}Enabled") is False for net in nets):
            yield f"The server has {label} turned off."
        elif not any(net.get(family) for net in nets):
            yield f"The server names no primary {label} address."


def kept_address(address: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """auto_delete is off, which must be said."""
    if address.get("autoDelete") not in (False, UNKNOWN):
        yield "The primary address does not set auto_delete to false, so it may go when the server goes."


def ptr_name(ptr: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The PTR record holds the mail host."""
    name = ptr.get("dnsPtr")
    if name is not UNKNOWN and name != stack.settings.mail_host:
        yield f"The PTR record says {name}; the mail host is {stack.settings.mail_host}."


def ptr_of_each_address(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """Each primary address has a PTR record. In a preview the two are known to belong together by their dependency."""
    ptrs = resources.of_type(RDNS)
    for address in resources.of_type(PRIMARY_IP):
        if not any(_belongs(ptr, address) for ptr in ptrs):
            yield address, "The primary address has no PTR record."


def _belongs(ptr: Resource, address: Resource) -> bool:
    if "primaryIpId" in ptr.uses:
        return address.urn in ptr.uses["primaryIpId"]
    wanted, own = ptr.get("primaryIpId"), address.get("id")
    return UNKNOWN in (wanted, own) or (wanted is not None and str(wanted) == str(own))


def protection(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """What belongs to a protected part is protected, by Pulumi and, where there is such a thing, at Hetzner."""
    part = PARTS[resource.type]
    if resource.type == DNS_RECORD and not _is_lasting(resource):
        return
    if not stack.settings.protects(part):
        return
    if not resource.protect:
        yield f"Pulumi's option protect is off, yet the stack protects its {part}."
    for name in AT_HETZNER.get(resource.type, ()):
        if resource.get(name) not in (True, UNKNOWN):
            yield f"Hetzner's {name} is off, yet the stack protects its {part}."


def _is_lasting(record: Resource) -> bool:
    kind, name, content = known = [record.get(key) for key in ("type", "name", "content")]
    return UNKNOWN not in known and is_lasting(record.name, kind, str(name), content)


def located(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The location is set."""
    if not resource.get("location"):
        yield "No location is set."


def labelled(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The stack's labels are there."""
    labels = resource.get("labels")
    if labels is UNKNOWN:
        return
    for name, value in stack_labels(stack.project, stack.name).items():
        if (labels or {}).get(name) not in (value, UNKNOWN):
            yield f"The label {name}={value} is missing."


def must_be_protected(_resource: Resource, stack: Stack, settings: Settings) -> Iterator[str]:
    """Where the environment wants protected stacks only, `protect` may not be turned off, nor lifted part by part."""
    if not settings["required"]:
        return
    if not stack.settings.protect:
        yield "The stack's setting protect is false, where protected stacks are required."
    elif lifted := sorted(set(stack.settings.unprotected) - {REPLACEABLE}):
        yield f"The stack's setting unprotected has {', '.join(lifted)}, where protected stacks are required."


REQUIRED = Setting(
    name="required",
    meaning="Whether this environment may only have protected stacks.",
    schema={"type": "boolean"},
    default=False,
)

RULES = (
    ResourceRule(
        name="server-own-addresses",
        why="The server uses a primary IPv4 and IPv6 address of its own, because a sender's reputation hangs on its "
        "address.",
        remedy="Name both primary addresses in public_nets.",
        types=(SERVER,),
        check=own_addresses,
    ),
    ResourceRule(
        name="primary-ip-kept",
        why="A primary address outlives its server, because a new address starts with no reputation.",
        remedy="Set auto_delete to False.",
        types=(PRIMARY_IP,),
        check=kept_address,
    ),
    ResourceRule(
        name="ptr-is-mail-host",
        why="PTR records name the mail host, because receivers refuse mail from an address that is called otherwise.",
        remedy="Set dns_ptr to the stack's mailHost.",
        types=(RDNS,),
        check=ptr_name,
    ),
    StackRule(
        name="ptr-for-each-address",
        why="Each primary address has a PTR record, because receivers refuse mail from an address without a name.",
        remedy="Make an Rdns with the primary_ip_id of the address.",
        check=ptr_of_each_address,
    ),
    ResourceRule(
        name="protection",
        why="In a protected stack server, firewalls, addresses, volume, DNS records, zones' signing and Storage Box "
        "cannot be deleted, nor the server rebuilt, by mistake.",
        remedy="Set protect, and delete_protection and rebuild_protection at Hetzner, from settings.protects().",
        types=tuple(PARTS),
        check=protection,
    ),
    ResourceRule(
        name="stack-protected",
        why="Where the policy configuration says so, every stack is protected; its server alone may be unprotected, to "
        "be replaced.",
        remedy="Set them with: pulumi config set protect true, pulumi config rm unprotected",
        types=(STACK,),
        check=must_be_protected,
        settings=(REQUIRED,),
    ),
    ResourceRule(
        name="location-set",
        why="Server, addresses and volume say where they are, because they only fit together in one place.",
        remedy="Set location to the stack's location.",
        types=(SERVER, PRIMARY_IP, VOLUME),
        check=located,
    ),
    ResourceRule(
        name="labels-present",
        why="Everything at Hetzner carries the stack's labels, which tell one stack's resources from another's.",
        remedy="Set labels to stack_labels(project, stack).",
        types=(SERVER, PRIMARY_IP, VOLUME, FIREWALL, SSH_KEY, STORAGE_BOX),
        check=labelled,
    ),
)
