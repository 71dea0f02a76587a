"""The servers' cables, as at Hetzner: gateway 172.31.1.1 and fe80::1, the primary IPs routed to the cable.

The data centre answers for the servers' addresses on the sandbox's network (proxy ARP and NDP), so that neighbours
know one hardware address for all of them and a new server with an old address is reachable at once.
"""

from ipaddress import ip_network
from pathlib import Path

from offline.sandbox.datacentre.hypervisor import Machine
from offline.sandbox.datacentre.machines.packet_filter import interface
from offline.sandbox.datacentre.machines.shell import attempt, run

UPLINK = "eth0"
GATEWAY_IPV4 = "172.31.1.1"
GATEWAY_IPV6 = "fe80::1"


async def prepare() -> None:
    """Make the data centre a router that answers at once for the addresses behind it."""
    # /proc/sys is read-only in a container, and these switches come per interface.
    await run("mount", "--bind", "/proc/sys/net", "/proc/sys/net")
    await run("mount", "-o", "remount,bind,rw", "/proc/sys/net")
    _answer_at_once()


def _answer_at_once() -> None:
    for family in ("ipv4", "ipv6"):
        Path(f"/proc/sys/net/{family}/neigh/{UPLINK}/proxy_delay").write_text("0")


def first_address(network: str) -> str:
    """The address of a /64 that a server uses: ::1."""
    return str(ip_network(network)[1])


async def plug(machine: Machine, pid: int) -> None:
    """Connect the network namespace of a process, the server's first, with its addresses and routes."""
    cable = interface(machine.server)
    await unplug(machine)
    await run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    await _configure(pid, "link set lo up", "link set eth0 up")
    await _here(f"addr add {GATEWAY_IPV4}/32 dev {cable}", f"link set {cable} up")
    if machine.ipv4 is not None:
        await _here(f"route replace {machine.ipv4}/32 dev {cable}")
        await _configure(
            pid,
            f"addr add {machine.ipv4}/32 dev eth0",
            f"route add {GATEWAY_IPV4} dev eth0",
            f"route add default via {GATEWAY_IPV4}",
        )
    if machine.ipv6 is not None:
        address = first_address(machine.ipv6)
        await _here(
            f"addr add {GATEWAY_IPV6}/64 dev {cable} nodad",
            f"route replace {machine.ipv6} dev {cable}",
            f"neigh add proxy {address} dev {UPLINK}",
        )
        await _configure(pid, f"addr add {address}/64 dev eth0 nodad", f"route add ::/0 via {GATEWAY_IPV6} dev eth0")


async def unplug(machine: Machine) -> None:
    """Take away what `plug` made, as far as it is there; the routes go with the cable."""
    await attempt("ip", "link", "delete", interface(machine.server))
    if machine.ipv6 is not None:
        await attempt("ip", "-6", "neigh", "delete", "proxy", first_address(machine.ipv6), "dev", UPLINK)


async def _here(*lines: str) -> None:
    await run("ip", "-batch", "-", stdin="\n".join(lines))


async def _configure(pid: int, *lines: str) -> None:
    await run("nsenter", "--target", str(pid), "--net", "ip", "-batch", "-", stdin="\n".join(lines))
