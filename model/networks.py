"""Networks in CIDR form: which can hold a machine that reaches a server on the Internet, and which are all of it."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ANYWHERE = ("0.0.0.0/0", "::/0")
"""The whole Internet, in both families."""

UNREACHABLE = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by a provider's customers, behind its address translation",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::1/128": "loopback",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
"""Networks from which no packet reaches a server on the Internet (RFC 6890), but for those of the documentation."""

UNICAST: dict[int, Network] = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("2000::/3")}
"""What the Internet's addresses are taken from."""

EVERYBODY = 16
"""More than a sixteenth of all addresses is more than anybody's own networks."""


def collapsed(cidrs: Iterable[str]) -> tuple[str, ...]:
    """The same addresses in as few networks as can be, IPv4 first. nftables refuses sets whose networks overlap."""
    networks = [ipaddress.ip_network(cidr) for cidr in cidrs]
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return tuple(str(network) for network in (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)))


def unreachable(cidr: str) -> str | None:
    """Why no machine in this network reaches a server on the Internet from its own address; None if one can."""
    for special, what in UNREACHABLE.items():
        if _within(cidr, special):
            return what
    network = ipaddress.ip_network(cidr)
    return None if network.overlaps(UNICAST[network.version]) else "reserved"


def is_address(host: str) -> bool:
    """Whether a host is given by its address, not by a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host, given by name, address or network, is the machine itself."""
    if host.lower() == "localhost":
        return True
    return (is_address(host) or "/" in host) and (_within(host, "127.0.0.0/8") or _within(host, "::1/128"))


def open_to_everybody(cidrs: Sequence[str]) -> bool:
    """Whether networks together are the whole Internet, or so much of it that it makes no difference.

    The whole can be written in many ways: as 0.0.0.0/0, as two halves, as all but the private networks.
    """
    return any(
        sum(_shared(ipaddress.ip_network(cidr), whole) for cidr in collapsed(cidrs)) * EVERYBODY > whole.num_addresses
        for whole in UNICAST.values()
    )


def _within(cidr: str, other: str) -> bool:
    inner, outer = ipaddress.ip_network(cidr), ipaddress.ip_network(other)
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _shared(network: Network, whole: Network) -> int:
    """How many addresses two networks have in common."""
    if not network.overlaps(whole):
        return 0
    return min(network.num_addresses, whole.num_addresses)
