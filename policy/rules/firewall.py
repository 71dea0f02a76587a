"""The cloud firewalls: what reaches the server and what leaves it."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.ports import EGRESS, SMTP, SSH, WEB
from policy.model import FIREWALL, FIREWALL_ATTACHMENT, SERVER, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]
FirewallRule = Mapping[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LISTED_OUTBOUND = {(egress.protocol, None if egress.port is None else str(egress.port)) for egress in EGRESS}


def inbound(firewall: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Only single ports of the open rows of the port table, SSH, and ICMP; web ports as the reverse proxy wants it."""
    opened = {str(port.number): port for port in stack.ports}
    for rule in _rules(firewall, "in"):
        protocol, port = rule.get("protocol"), rule.get("port")
        if UNKNOWN in (protocol, port) or protocol == "icmp" or (protocol == "tcp" and port == str(SSH)):
            continue
        if protocol != "tcp" or port not in opened:
            yield f"Inbound {protocol} port {port} is open, which is no port that this stack opens."
        elif opened[port].service in WEB and stack.web_cidrs:
            for network in _outside(_known(rule.get("sourceIps")), stack.web_cidrs):
                yield f"Inbound port {port} is open to {network}, yet only a reverse proxy may reach the web ports."


def ssh(firewall: Resource, stack: Stack, settings: Settings) -> Iterator[str]:
    """SSH from the administrators' networks only; in protected stacks never from everywhere, whatever adminCidrs is."""
    allowed = settings["networks"] or stack.admin_cidrs
    for rule in _rules(firewall, "in"):
        if rule.get("protocol") != "tcp" or rule.get("port") != str(SSH):
            continue
        sources = _known(rule.get("sourceIps"))
        if stack.protected and any(network.prefixlen == 0 for network in _collapsed(sources)):
            yield "SSH is open to the whole world in a protected stack."
            continue
        for network in _outside(sources, allowed):
            yield f"SSH is open to {network}, which is no network of the administrators."


def outbound(firewall: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Only what the list of outbound traffic has."""
    for rule in _rules(firewall, "out"):
        protocol, port = rule.get("protocol"), rule.get("port") or None
        if UNKNOWN not in (protocol, port) and (protocol, port) not in LISTED_OUTBOUND:
            yield f"Outbound {_named(protocol, port)} is allowed, which is not on the list of outbound traffic."


def by_label(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Firewalls find their server by label; no attachments, no firewall_ids, no server ids."""
    if resource.type == FIREWALL_ATTACHMENT:
        yield "A firewall attachment binds a firewall to servers."
    elif resource.type == SERVER:
        if resource.get("firewallIds") not in (None, [], UNKNOWN):
            yield "The server names its firewalls itself, by firewall_ids."
    else:
        for target in resource.entries("applyTos"):
            if target.get("server") is not None:
                yield "The firewall names a server by its id."


def covers_server(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """Each server is matched by firewalls that open SSH, open mail, and list all outbound traffic."""
    for server in resources.of_type(SERVER):
        labels = server.get("labels")
        if labels is UNKNOWN:
            continue
        rules: list[FirewallRule] = []
        for firewall in resources.of_type(FIREWALL):
            if firewall.may_have_more("applyTos") or firewall.may_have_more("rules"):
                return
            if any(selects(target.get("labelSelector"), labels or {}) for target in firewall.entries("applyTos")):
                rules += firewall.entries("rules")
        if any(UNKNOWN in rule.values() for rule in rules):
            return
        inward = {rule.get("port") for rule in rules if rule.get("direction") == "in"}
        outward = {(rule.get("protocol"), rule.get("port") or None) for rule in rules if rule.get("direction") == "out"}
        for what, number in (("SSH", SSH), ("mail", SMTP.number)):
            if str(number) not in inward:
                yield server, f"No firewall that opens {what} (port {number}) matches the server's labels."
        if missing := LISTED_OUTBOUND - outward:
            listed = ", ".join(sorted(_named(*entry) for entry in missing))
            yield server, f"The firewalls that match the server do not allow outbound {listed}."


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector of the form key=value,key=value matches, or might when all is known."""
    if selector is UNKNOWN:
        return True
    wanted = [part.partition("=") for part in str(selector).split(",")]
    return all(labels.get(key.strip()) in (value.strip("= "), UNKNOWN) for key, _, value in wanted)


def _rules(firewall: Resource, direction: str) -> list[FirewallRule]:
    return [rule for rule in firewall.entries("rules") if rule.get("direction") == direction]


def _known(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _named(protocol: Any, port: Any) -> str:
    return f"{protocol} {port}" if port else str(protocol)


def _collapsed(networks: Sequence[str]) -> list[Network]:
    """The networks as few as they can be: two halves of the world are the world."""
    parsed = [found for network in networks if (found := _network(network))]
    four = [network for network in parsed if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in parsed if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def _outside(networks: Sequence[str], allowed: Sequence[str]) -> Iterator[str]:
    outer = _collapsed(allowed)
    for network in networks:
        inner = _network(network)
        if not any(_holds(possible, inner) for possible in outer):
            yield network


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _holds(outer: Network, inner: Network | None) -> bool:
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)


NETWORKS = Setting(
    name="networks",
    meaning="The networks that may use SSH, in CIDR form. Unless set, they are the stack's `adminCidrs`.",
    schema={"type": "array", "items": {"type": "string"}},
    default=(),
)

RULES = (
    ResourceRule(
        name="firewall-inbound",
        why="Inbound, only the ports of the port table that the stack opens are reachable, beside SSH and ICMP.",
        remedy="Take the rule out; a port that Poste really serves belongs into the port table, components/ports.py.",
        types=(FIREWALL,),
        check=inbound,
    ),
    ResourceRule(
        name="firewall-ssh",
        why="SSH is open to the administrators' networks only, because it is the way to everything on the server.",
        remedy="Set adminCidrs to the networks that you work from, for example ['198.51.100.7/32'].",
        types=(FIREWALL,),
        check=ssh,
        settings=(NETWORKS,),
    ),
    ResourceRule(
        name="firewall-outbound",
        why="Outbound, the server starts only the connections that mail needs, so that a break-in cannot call out.",
        remedy="Take the rule out, or add what Poste needs to EGRESS in components/ports.py.",
        types=(FIREWALL,),
        check=outbound,
    ),
    ResourceRule(
        name="firewall-by-label",
        why="Firewalls find the server by its labels and in no other way, because two ways undo each other's work.",
        remedy="Use only apply_tos with a label_selector.",
        types=(FIREWALL, FIREWALL_ATTACHMENT, SERVER),
        check=by_label,
    ),
    StackRule(
        name="firewall-covers-server",
        why="The server stands behind firewalls that open SSH and mail and list outbound traffic; with none, Hetzner "
        "lets everything through.",
        remedy="Give the firewalls the label selector of the stack's labels, and all rows of components/ports.py.",
        check=covers_server,
    ),
)
