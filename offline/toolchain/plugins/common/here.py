"""Where a stand-in may be used: on this machine and its sandbox, and nowhere else.

A stand-in is made to serve the stack `dev`. Against the real clouds or a server elsewhere it would pass for the real
plugin until it differs from it, so it refuses to begin.
"""

import ipaddress
import os
import socket
from urllib.parse import urlsplit

from offline.sandbox.world import IPV4_NETWORK, IPV6_NETWORK
from offline.toolchain.plugins.common.resource import ProviderError

ANYWHERE = "POSTE_MAIL_STAND_INS_ANYWHERE"
"""The variable that, when it is "true", lets a stand-in serve any endpoint."""

SANDBOX = (ipaddress.ip_network(IPV4_NETWORK), ipaddress.ip_network(IPV6_NETWORK))
SOCKETS = ("unix", "npipe", "fd")
"""Schemes of a Docker host whose endpoint is a file of this machine."""


def require_host_here(plugin: str, host: str) -> None:
    """Raises ProviderError unless `host`, a name or an address, is this machine's or the sandbox's."""
    _require(plugin, host, is_here=_is_here(host))


def require_url_here(plugin: str, url: str) -> None:
    """Raises ProviderError unless the URL's host is this machine or in the sandbox.

    Without a scheme, Docker takes a host for one of TCP.
    """
    try:
        parts = urlsplit(url if "://" in url else f"tcp://{url}")
        host = parts.hostname or ""
    except ValueError:
        _require(plugin, "an address that cannot be read", is_here=False)
        return
    # The parsers of URLs disagree on what a backslash ends, so the host that we see may not be the one that is called.
    is_here = parts.scheme in SOCKETS or ("\\" not in url and _is_here(host))
    _require(plugin, host or "an address without a host", is_here=is_here)


def _require(plugin: str, where: str, *, is_here: bool) -> None:
    if not is_here and os.environ.get(ANYWHERE) != "true":
        raise ProviderError(
            f"this is a stand-in for the {plugin} plugin, made for this machine and its sandbox, and {where} is "
            f"neither: install Pulumi's own CLI and plugin as offline/toolchain/README.md says (`./run` then uses "
            f"them), or set {ANYWHERE}=true if you do want a stand-in there"
        )


def _is_here(host: str) -> bool:
    """Whether a host is, for certain, on this machine or in its sandbox; names but localhost (RFC 6761) are not."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or any(address in network for network in SANDBOX) or _is_of_an_interface(address)


def _is_of_an_interface(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether one of this machine's interfaces has the address: the system lets us bind no other one."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return not address.is_multicast
