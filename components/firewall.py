"""Rules of the two cloud firewalls, from the port table."""

from collections.abc import Sequence

import pulumi_hcloud as hcloud

from model.networks import ANYWHERE
from model.ports import EGRESS, SSH, WEB, Egress, Port

Rule = hcloud.FirewallRuleArgsDict


def ssh_rules(admin_cidrs: Sequence[str]) -> list[Rule]:
    """Inbound: SSH from the administrators' networks only, and ICMP, which path MTU discovery needs."""
    return [
        {
            "direction": "in",
            "protocol": "tcp",
            "port": str(SSH),
            "source_ips": list(admin_cidrs),
            "description": "SSH from the administrators",
        },
        {"direction": "in", "protocol": "icmp", "source_ips": list(ANYWHERE), "description": "ICMP"},
    ]


def egress_rules(outbound: Sequence[Egress] = EGRESS) -> list[Rule]:
    """Outbound: the list that the server needs; with any rule in place, Hetzner drops all other outbound traffic."""
    rules: list[Rule] = []
    for egress in outbound:
        rule: Rule = {
            "direction": "out",
            "protocol": egress.protocol,
            "destination_ips": list(egress.destinations),
            "description": egress.purpose,
        }
        if egress.port is not None:
            rule["port"] = str(egress.port)
        rules.append(rule)
    return rules


def mail_rules(ports: Sequence[Port], web_cidrs: Sequence[str]) -> list[Rule]:
    """Inbound: the open rows of the port table. `web_cidrs` restricts the web ports to a reverse proxy, if any."""
    return [
        {
            "direction": "in",
            "protocol": "tcp",
            "port": str(port.number),
            "source_ips": list(web_cidrs) if web_cidrs and port.service in WEB else list(ANYWHERE),
            "description": f"{port.service}: {port.purpose}",
        }
        for port in ports
    ]
