"""Checks, before the sandbox's network is made, that its addresses mean nothing else on this machine."""

import socket
import time
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

Network = IPv4Network | IPv6Network

# Routes wider than these are ways to the world (a default route, a VPN's halves of it), not somebody's network.
WIDEST_PREFIX = {4: 8, 6: 16}


def clashes(wanted: Iterable[str], routes: Iterable[Network], resolvers: Iterable[str]) -> list[str]:
    """What on this machine lies within the wanted networks, or around them, in words; empty when they are free."""
    found = []
    resolver_list = list(resolvers)
    route_list = [route for route in routes if route.prefixlen >= WIDEST_PREFIX[route.version]]
    for network in map(ip_network, wanted):
        found += [
            f"{network}: the machine has a route for {route}"
            for route in route_list
            if route.version == network.version and route.overlaps(network)
        ]
        found += [
            f"{network}: the machine's resolver is {resolver}"
            for resolver in resolver_list
            if ip_address(resolver) in network
        ]
    return found


def ipv4_routes(table: str) -> list[Network]:
    """The networks in /proc/net/route, whose numbers are hexadecimal in the host's byte order (little-endian here)."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [IPv4Network((_ipv4(row[1]), _ipv4(row[7]))) for row in rows]


def _ipv4(text: str) -> str:
    return socket.inet_ntoa(bytes.fromhex(text)[::-1])


def ipv6_routes(table: str) -> list[Network]:
    """The networks in /proc/net/ipv6_route, the machine's own addresses among them."""
    rows = [line.split() for line in table.splitlines()]
    return [IPv6Network((bytes.fromhex(row[0]), int(row[1], 16))) for row in rows]


def resolvers(configuration: str) -> list[str]:
    """The name servers in a resolv.conf(5)."""
    rows = [line.split() for line in configuration.splitlines()]
    return [row[1].split("%")[0] for row in rows if len(row) > 1 and row[0] == "nameserver"]


def clashes_here(wanted: Sequence[str]) -> list[str]:
    routes = ipv4_routes(Path("/proc/net/route").read_text())
    ipv6 = Path("/proc/net/ipv6_route")
    if not ipv6.exists():
        return [f"{network}: this machine has IPv6 switched off" for network in wanted if ":" in network]
    return clashes(wanted, [*routes, *ipv6_routes(ipv6.read_text())], resolvers(Path("/etc/resolv.conf").read_text()))


def comes_free(port: int, seconds: float) -> bool:
    """Whether nothing listens on that loopback port, or within these seconds nothing does any more.

    Any program's connection may have a port like ours at its own end, for as long as it lasts.
    """
    deadline = time.monotonic() + seconds
    while is_taken(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_taken(port: int) -> bool:
    """Whether something listens on that loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
