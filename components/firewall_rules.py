"""The rules of a cloud firewall, as the provider takes them."""

from collections.abc import Iterable

import pulumi_hcloud as hcloud

from model.cloud_firewall import Rule


def firewall_rules(rules: Iterable[Rule]) -> list[hcloud.FirewallRuleArgsDict]:
    """The inputs of a firewall for these rules."""
    return [_arguments(rule) for rule in rules]


def _arguments(rule: Rule) -> hcloud.FirewallRuleArgsDict:
    arguments: hcloud.FirewallRuleArgsDict = {
        "direction": rule.direction,
        "protocol": rule.protocol,
        "description": rule.purpose,
    }
    if rule.port is not None:
        arguments["port"] = str(rule.port)
    arguments["source_ips" if rule.direction == "in" else "destination_ips"] = list(rule.networks)
    return arguments
