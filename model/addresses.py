"""Addresses of the server, as pure functions."""

import ipaddress


def ipv6_host(network: str) -> str:
    """The server's own IPv6 address: the first of the /64 that Hetzner gives it (…::1).

    `network` is the address of that network, with or without its prefix length.
    """
    address = ipaddress.IPv6Address(network.partition("/")[0])
    prefix = ipaddress.IPv6Network((address, 64), strict=False)
    return str(prefix.network_address + 1)
