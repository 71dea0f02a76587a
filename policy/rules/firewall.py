"""The cloud firewalls: what reaches the server and what leaves it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from model.networks import open_to_everybody
from model.ports import SMTP, SSH, WEB
from policy.model import FIREWALL, FIREWALL_ATTACHMENT, SERVER, UNKNOWN, Resource, Resources
from policy.networks import collapse, outside
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]
FirewallRule = Mapping[str, Any]


def inbound(firewall: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Only single ports of the open rows of the port table, SSH, and ICMP; web ports as the reverse proxy wants it."""
    opened = {str(port.number): port for port in stack.settings.ports}
    proxies = stack.settings.reverse_proxy_cidrs
    for rule in _rules(firewall, "in"):
        protocol, port = rule.get("protocol"), rule.get("port")
        if UNKNOWN in (protocol, port) or protocol == "icmp" or (protocol == "tcp" and port == str(SSH)):
            continue
        if protocol != "tcp" or port not in opened:
            yield f"Inbound {protocol} port {port} is open, which is no port that this stack opens."
        elif opened[port].service in WEB and proxies:
            for network in outside(_known(rule.get("sourceIps")), proxies):
                yield f"Inbound port {port} is open to {network}, yet only a reverse proxy may reach the web ports."


def ssh(firewall: Resource, stack: Stack, settings: Settings) -> Iterator[str]:
    """SSH from the administrators' networks only; in protected stacks never from everywhere, whatever adminCidrs is."""
    sources = _ssh_sources(firewall)
    if stack.settings.protect and _is_everybody(sources):
        yield "SSH is open to the whole world in a protected stack."
        return
    for network in outside(sources, settings["networks"] or stack.settings.admin_cidrs):
        yield f"SSH is open to {network}, which is no network of the administrators."


def ssh_together(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """What several firewalls open adds up, since Hetzner lets through what any of them does."""
    sources = {firewall.urn: _ssh_sources(firewall) for firewall in resources.of_type(FIREWALL)}
    if not stack.settings.protect or any(map(_is_everybody, sources.values())):
        return  # each alone is judged by firewall-ssh
    if _is_everybody(list(chain.from_iterable(sources.values()))):
        yield None, "The firewalls together open SSH to the whole world in a protected stack."


def outbound(firewall: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Only what the list of outbound traffic has."""
    listed = _listed(stack)
    for rule in _rules(firewall, "out"):
        protocol, port = rule.get("protocol"), rule.get("port") or None
        if UNKNOWN in (protocol, port):
            continue
        if (protocol, port) not in listed:
            yield f"Outbound {_named(protocol, port)} is allowed, which is not on the list of outbound traffic."
            continue
        for network in outside(_known(rule.get("destinationIps")), listed[protocol, port]):
            yield f"Outbound {_named(protocol, port)} is allowed to {network}, which is not on the list."


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


def covers_server(resources: Resources, stack: Stack, _settings: Settings) -> Found:
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
        if missing := _listed(stack).keys() - outward:
            listed = ", ".join(sorted(_named(*entry) for entry in missing))
            yield server, f"The firewalls that match the server do not allow outbound {listed}."


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector of the form key=value,key=value matches, or might when all is known."""
    if selector is UNKNOWN:
        return True
    wanted = [part.partition("=") for part in str(selector).split(",")]
    return all(labels.get(key.strip()) in (value.strip("= "), UNKNOWN) for key, _, value in wanted)


def _listed(stack: Stack) -> dict[tuple[Any, Any], tuple[str, ...]]:
    """Where the server may call, by protocol and port."""
    return {
        (egress.protocol, None if egress.port is None else str(egress.port)): egress.destinations
        for egress in stack.settings.egress
    }


def _is_everybody(networks: Sequence[str]) -> bool:
    return open_to_everybody([str(network) for network in collapse(networks)])


def _ssh_sources(firewall: Resource) -> list[str]:
    """The networks to which any of the firewall's rules opens SSH's port, be it in a range."""
    opening = [
        rule
        for rule in _rules(firewall, "in")
        if str(rule.get("protocol")).lower() == "tcp" and _includes(rule.get("port"), SSH)
    ]
    return [network for rule in opening for network in _known(rule.get("sourceIps"))]


def _includes(ports: Any, number: int) -> bool:
    """Whether a rule's port, a range such as 20-25, or any (the same as none), has a number in it."""
    if ports is UNKNOWN:
        return False
    if not (text := str(ports or "any").strip()) or text.lower() == "any":
        return True
    low, _, high = text.partition("-")
    try:
        return int(low) <= number <= int(high or low)
    except ValueError:
        return False


def _rules(firewall: Resource, direction: str) -> list[FirewallRule]:
    return [rule for rule in firewall.entries("rules") if rule.get("direction") == direction]


def _known(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _named(protocol: Any, port: Any) -> str:
    return f"{protocol} {port}" if port else str(protocol)


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
        remedy="Take the rule out; a port that Poste really serves belongs into the port table, model/ports.py.",
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
    StackRule(
        name="firewall-ssh-together",
        why="All firewalls together do not open SSH to the whole world, however it is split among them.",
        remedy="Set adminCidrs to the networks that you work from, for example ['198.51.100.7/32'].",
        check=ssh_together,
    ),
    ResourceRule(
        name="firewall-outbound",
        why="Outbound, the server starts only the connections that mail needs, so that a break-in cannot call out.",
        remedy="Take the rule out, or add what Poste needs to EGRESS in model/ports.py.",
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
        remedy="Give the firewalls the label selector of the stack's labels, and all rows of model/ports.py.",
        check=covers_server,
    ),
)
