"""The cloud firewalls as an nftables ruleset, in the data centre's forward path, outside of all servers.

Before them stands what Hetzner lets no server of a new account do: send mail.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

from offline.sandbox.datacentre.hypervisor import Filter
from offline.sandbox.datacentre.model import Rule

TABLE = "inet cloud_firewall"
CABLE = "vps"
MAIL_BLOCK = f'    iifname "{CABLE}*" tcp dport {{ 25, 465 }} drop'
"""Both families, and what is established, too."""


def interface(server: int) -> str:
    """The data centre's end of the server's cable."""
    return f"{CABLE}{server}"


def ruleset(filters: Mapping[int, Filter], *, outbound_mail: bool) -> str:
    """A complete nft script; loading it replaces the former rules in one step.

    Without `outbound_mail` no server reaches ports 25 and 465 of others.
    A packet between two servers passes the sender's `out` rules and then the receiver's `in` rules. Answers pass.
    """
    chains: list[str] = []
    leaving: list[str] = []
    arriving: list[str] = []
    for server, its_filter in filters.items():
        if its_filter.outbound is not None:
            leaving.append(f'"{interface(server)}" : jump out_{server}')
            chains += _chain(f"out_{server}", its_filter.outbound, "daddr")
        if its_filter.inbound is not None:
            arriving.append(f'"{interface(server)}" : jump in_{server}')
            chains += _chain(f"in_{server}", its_filter.inbound, "saddr")
    return "\n".join(
        [
            f"table {TABLE}",
            f"delete table {TABLE}",
            f"table {TABLE} {{",
            *chains,
            "  chain forward {",
            "    type filter hook forward priority filter; policy accept;",
            *([] if outbound_mail else [MAIL_BLOCK]),
            "    ct state established,related accept",
            *_verdicts("iifname", leaving),
            *_verdicts("oifname", arriving),
            "  }",
            "}",
            "",
        ]
    )


def _verdicts(key: str, entries: Sequence[str]) -> list[str]:
    return [f"    {key} vmap {{ {', '.join(entries)} }}"] if entries else []


def _chain(name: str, rules: Iterable[Rule], peer_field: str) -> list[str]:
    """What a rule lets pass returns to the forward chain, where the other side's rules follow; the rest is dropped."""
    lines = [f"    {match} return" for rule in rules for match in _matches(rule, peer_field)]
    return [f"  chain {name} {{", *lines, "    drop", "  }"]


def _matches(rule: Rule, peer_field: str) -> list[str]:
    networks = [ip_network(peer) for peer in rule.peers]
    matches = []
    for family, version in (("ip", 4), ("ip6", 6)):
        peers = [str(network) for network in networks if network.version == version]
        if peers:
            matches.append(f"{family} {peer_field} {{ {', '.join(peers)} }} {_protocol(rule, version)}")
    return matches


def _protocol(rule: Rule, version: int) -> str:
    if rule.protocol == "icmp" and version == 6:
        return "meta l4proto ipv6-icmp"  # the API's "icmp" means both
    if rule.protocol in ("tcp", "udp") and rule.port not in (None, "any"):
        return f"{rule.protocol} dport {rule.port}"
    return f"meta l4proto {rule.protocol}"
