"""IP networks as they stand in firewall rules and SPF policies."""

import ipaddress
from collections.abc import Iterable, Mapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse(text: str) -> Network | None:
    """The network, or the single address, that a text stands for; None if it is neither."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def collapse(texts: Iterable[str]) -> list[Network]:
    """The networks as few as they can be: two halves of the world are the world. What is no network is left out."""
    parsed = [network for text in texts if (network := parse(text))]
    four = [network for network in parsed if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in parsed if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def vast(texts: Iterable[str], shortest: Mapping[int, int]) -> list[str]:
    """What the networks together hold that has a shorter prefix than `shortest` allows for its IP version."""
    return [str(network) for network in collapse(texts) if network.prefixlen < shortest[network.version]]


def outside(texts: Iterable[str], allowed: Iterable[str]) -> list[str]:
    """The networks that lie in none of those allowed, or are no networks."""
    outer = collapse(allowed)
    return [text for text in texts if not any(_holds(network, parse(text)) for network in outer)]


def _holds(outer: Network, inner: Network | None) -> bool:
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)
