"""The server's own firewall (nftables), the second wall behind the cloud firewall and made from the same port table."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from model.ports import SSH, WEB, Port

TABLE = "mail_host"

METADATA = ("ip daddr 169.254.169.254", "ip6 daddr fe80::a9fe:a9fe")
"""Where Hetzner tells a server its user data, on both families (cloud-init's data source for Hetzner asks both)."""


def ruleset(ports: Sequence[Port], admin_cidrs: Sequence[str], web_cidrs: Sequence[str]) -> str:
    """An nftables ruleset: inbound only SSH from the administrators, ICMP and the open ports; the rest is dropped.

    Outbound, only the metadata address is closed, because the user data holds the host's private key and any process in
    the container could ask for it, through the host's network or, in bridge mode, through what the host forwards.

    Loading it replaces this one table at once and leaves Docker's tables alone. `web_cidrs` restricts the web ports to
    a reverse proxy; empty means the whole world.
    """
    web = [port.number for port in ports if port.service in WEB]
    mail = [port.number for port in ports if port.service not in WEB]
    lines = [
        "ct state established,related accept",
        "ct state invalid drop",
        'iifname "lo" accept',
        "meta l4proto { icmp, ipv6-icmp } accept",
        *_accept(admin_cidrs, [SSH]),
        *_accept(web_cidrs or ["0.0.0.0/0", "::/0"], web),
        *_accept(["0.0.0.0/0", "::/0"], mail),
    ]
    secrets = [f"{address} drop" for address in METADATA]
    # Docker's own rules decide what is forwarded to a published port; here only that nothing else is.
    forward = [
        *secrets,
        "ct state established,related accept",
        "ct status dnat accept",
        'iifname "docker0" accept',
    ]
    return "\n".join(
        [
            f"table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            *_chain("input", "drop", lines),
            *_chain("forward", "drop", forward),
            *_chain("output", "accept", secrets),
            "}",
            "",
        ]
    )


def _accept(cidrs: Iterable[str], ports: Sequence[int]) -> Iterator[str]:
    numbers = ", ".join(str(number) for number in sorted(ports))
    for version, family in ((4, "ip"), (6, "ip6")):
        networks = sorted(cidr for cidr in cidrs if ipaddress.ip_network(cidr).version == version)
        if networks:
            yield f"{family} saddr {{ {', '.join(networks)} }} tcp dport {{ {numbers} }} accept"


def _chain(hook: str, policy: str, rules: Iterable[str]) -> Iterator[str]:
    yield f"  chain {hook} {{"
    yield f"    type filter hook {hook} priority filter; policy {policy};"
    yield from (f"    {rule}" for rule in rules)
    yield "  }"
