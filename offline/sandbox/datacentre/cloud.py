"""One project's books together with the machinery that makes them real."""

import logging
from ipaddress import IPv4Address

from offline.sandbox.datacentre.actions import Actions
from offline.sandbox.datacentre.hypervisor import Filter, Hypervisor, Machine
from offline.sandbox.datacentre.model import PrimaryIp, Project, Server

log = logging.getLogger(__name__)


def default_pointer(address: str) -> str:
    """The PTR name an IPv4 address has until someone sets one, after Hetzner's pattern."""
    reverse = IPv4Address(address).reverse_pointer.removesuffix(".in-addr.arpa")
    return f"static.{reverse}.clients.your-server.example"


def pointer_entries(ip: PrimaryIp) -> list[dict[str, str]]:
    """The `dns_ptr` list of a primary IP: IPv4 always has one name, IPv6 only those that were set."""
    pointers = dict(ip.pointers)
    if ip.type == "ipv4":
        pointers.setdefault(ip.ip, default_pointer(ip.ip))
    return [{"ip": address, "dns_ptr": name} for address, name in pointers.items()]


class Cloud:
    """What the resource handlers work on."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self.project = Project()
        self.actions = Actions()
        self.hypervisor = hypervisor
        hypervisor.on_halt = self._halted

    def _halted(self, number: int) -> None:
        server = self.project.server.get(number)
        if server is not None and server.status in ("running", "stopping"):
            server.status = "off"

    def machine(self, server: Server) -> Machine:
        ipv4 = self.project.primary_ip[server.ipv4].ip if server.ipv4 else None
        ipv6 = self.project.primary_ip[server.ipv6].ip if server.ipv6 else None
        return Machine(
            server=server.id,
            name=server.name,
            location=server.location.name,
            cores=server.type.cores,
            memory=server.type.memory,
            ipv4=ipv4,
            ipv6=ipv6,
            user_data=server.user_data,
            ssh_keys=tuple(server.ssh_keys),
            volumes=tuple(volume.id for volume in self.project.volumes_of(server)),
        )

    def filter_of(self, server: Server) -> Filter:
        """The union of the server's firewalls: all that comes in is dropped unless a rule lets it in; all may go out
        unless there are `out` rules.
        """
        firewalls = self.project.firewalls_of(server)
        rules = [rule for firewall in firewalls for rule in firewall.rules]
        inbound = [rule for rule in rules if rule.direction == "in"]
        outbound = [rule for rule in rules if rule.direction == "out"]
        return Filter(inbound=inbound if firewalls else None, outbound=outbound or None)

    async def refilter(self) -> None:
        """Bring the packet filter up to date; called after every change of servers, labels, rules or selectors."""
        await self.hypervisor.filter({server.id: self.filter_of(server) for server in self.project.server.values()})

    async def point_new(self, ip: PrimaryIp) -> None:
        """Publish the default name of a new address."""
        if ip.type == "ipv4":
            await self._point_if_possible(ip.ip, default_pointer(ip.ip))

    async def unpoint(self, ip: PrimaryIp) -> None:
        """Remove all PTR records of an address that is given back."""
        for entry in pointer_entries(ip):
            await self._point_if_possible(entry["ip"], None)

    async def _point_if_possible(self, address: str, name: str | None) -> None:
        """A name server that is down must not keep addresses from being made and given back."""
        try:
            await self.hypervisor.point(address, name)
        except Exception as error:  # of whatever kind, as said
            log.warning("PTR record of %s not changed: %s", address, error)

    async def point(self, ip: PrimaryIp, address: str, name: str | None) -> None:
        """Set a PTR name, or with None put the default back, in DNS and in the books."""
        if name is None:
            await self.hypervisor.point(address, default_pointer(address) if ip.type == "ipv4" else None)
            ip.pointers.pop(address, None)
        else:
            await self.hypervisor.point(address, name)
            ip.pointers[address] = name
