"""Rules of the two cloud firewalls, from the port table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.networks import ANYWHERE
from model.ports import EGRESS, SSH, WEB, Egress, Port


@dataclass(frozen=True)
class Rule:
    """One rule: what may come in, or go out."""

    direction: Literal["in", "out"]
    protocol: str
    port: int | None
    """None where the protocol has no ports."""
    networks: Sequence[str]
    """Where it may come from, or go to."""
    purpose: str


def ssh_rules(admin_cidrs: Sequence[str]) -> list[Rule]:
    """Inbound: SSH from the administrators' networks only, and ICMP, which path MTU discovery needs."""
    return [
        Rule("in", "tcp", SSH, admin_cidrs, "SSH from the administrators"),
        Rule("in", "icmp", None, ANYWHERE, "ICMP"),
    ]


def egress_rules(outbound: Sequence[Egress] = EGRESS) -> list[Rule]:
    """Outbound: the list that the server needs; with any rule in place, Hetzner drops all other outbound traffic."""
    return [Rule("out", way.protocol, way.port, way.destinations, way.purpose) for way in outbound]


def mail_rules(ports: Sequence[Port], web_cidrs: Sequence[str]) -> list[Rule]:
    """Inbound: the open rows of the port table. `web_cidrs` restricts the web ports to a reverse proxy, if any."""
    return [
        Rule(
            "in",
            "tcp",
            port.number,
            web_cidrs if web_cidrs and port.service in WEB else ANYWHERE,
            f"{port.service}: {port.purpose}",
        )
        for port in ports
    ]
