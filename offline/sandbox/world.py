"""The sandbox's world: addresses, names and keys that its parts, its tests and the stack `dev` have in common.

Nothing here is a secret, and no address leads out of this machine. Files that are no Python (of the name server, the
resolver, the zones, the mail provider, the stack) say the same again; a test compares them. Images copy this module, so
it imports nothing of its neighbours.
"""

from typing import NamedTuple

IPV4_NETWORK, IPV6_NETWORK = "198.51.100.0/24", "2001:db8:100::/48"
"""All of the sandbox; ranges for documentation (RFC 5737, RFC 3849), which no real host has."""

IPV4_PARTS, IPV6_PARTS = "198.51.100.0/25", "2001:db8:100::/64"
"""What of it the sandbox's parts and the administrator have; the rest is the servers'."""


class Addresses(NamedTuple):
    """One host's, in each family."""

    ipv4: str
    ipv6: str


GATEWAY = Addresses("198.51.100.1", "2001:db8:100::1")
"""The machine itself: you, the administrator."""
DATACENTRE = Addresses("198.51.100.2", "2001:db8:100::2")
AUTHORITATIVE = Addresses("198.51.100.53", "2001:db8:100::53")
"""The name server of all zones; the Cloudflare API and the container registry, too."""
RESOLVER = Addresses("198.51.100.54", "2001:db8:100::54")
"""What everybody asks; it remembers answers."""
MIRROR = Addresses("198.51.100.55", "2001:db8:100::55")
"""The servers' package mirror."""
AUTHORITY = Addresses("198.51.100.56", "2001:db8:100::56")
"""The certificate authorities: ACME on port 443, what to trust on port 80."""
BOXES = Addresses("198.51.100.57", "2001:db8:100::57")
"""The Storage Boxes: SSH on port 23."""
ALERTS = Addresses("198.51.100.58", "2001:db8:100::58")
"""Whoever is told of alarms: HTTPS."""
EDGE = Addresses("198.51.100.60", "2001:db8:100::60")
"""What a proxied name leads to: HTTPS and HTTP, for the custom domains of Workers alone."""
RELAY = Addresses("198.51.100.70", "2001:db8:100::70")
"""The relay, through which mail leaves where its sender may not use port 25."""
PROVIDER = Addresses("198.51.100.80", "2001:db8:100::80")
"""The other mail provider."""

HETZNER, CLOUDFLARE = "http://127.0.0.1:47001", "http://127.0.0.1:47002"
"""Where this machine reaches the clouds' APIs."""
REGISTRY = "127.0.0.1:47003"
"""Where it reaches the container registry."""
PACKAGES = "http://127.0.0.1:47004"
"""Where it reaches the package mirror."""
AUTHORITY_CONTROL = "http://127.0.0.1:47005"
"""Where it reaches what is not ACME of the certificate authorities: their faults, lifetime and roots."""

BOXES_CONTROL = "http://127.0.0.1:47006"
"""Where it reaches what is not SSH of the Storage Boxes: their faults."""
RELAY_CONTROL = "http://127.0.0.1:47007"
"""Where it reaches what is not mail of the relay: its switches, and what it has done."""

ALERTS_CONTROL = "http://127.0.0.1:47008"
"""Where it reaches what was told of alarms."""

ALERTS_HOST = "alerts.example"

ACME_HOST, BRIEF_HOST = "acme.example", "brief.example"
"""The ACME authorities, one that issues for 90 days and one whose certificates live as long as asked for."""

UPDATE_KEY = ("sandbox-ptr", "c2FuZGJveC1wdHItdHNpZy1rZXktMDEyMzQ1Njc4OWE=")
"""Name and secret of the TSIG key (RFC 8945) for dynamic updates of the sandbox's own zones; it opens nothing else."""

OTHER_DOMAIN, OTHER_HOST = "other.example", "mx.other.example"
"""The other provider's domain, and its server."""
OTHER_MAILBOX, OTHER_PASSWORD = "user@other.example", "sandbox-Provider-1"
"""The one mailbox there."""

RELAY_DOMAIN, RELAY_HOST = "relay.example", "smtp.relay.example"
"""The relay's domain, and its server."""
RELAY_USER, RELAY_PASSWORD = "club", "sandbox-Relay-1"
"""Its one customer."""
RELAY_SELECTOR = "relay1"
"""Of its DKIM key, which its customers publish by a CNAME to the same selector below `domainkey` of its own domain."""

BOX_DOMAIN = "your-storagebox.de"
"""Every name below it is a Storage Box's, as at Hetzner."""
BOX_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPNq/kAurpVDPqz8coSHtLYTZ08IWQSZSnsl1/lwvWpV"
"""The one that all boxes show; Hetzner publishes another."""
