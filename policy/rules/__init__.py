"""All rules of the pack, by the part of the mail server that they guard."""

from policy.rule import Rule
from policy.rules import (
    commands,
    container,
    dkim,
    dmarc,
    firewall,
    mx,
    passwords,
    providers,
    records,
    server,
    spf,
)

GROUPS: dict[str, tuple[Rule, ...]] = {
    "Cloud firewall": firewall.RULES,
    "Server, addresses and volume": server.RULES,
    "DNS records": records.RULES,
    "MX": mx.RULES,
    "SPF": spf.RULES,
    "DKIM": dkim.RULES,
    "DMARC": dmarc.RULES,
    "Poste container": container.RULES,
    "Commands and secrets": commands.RULES,
    "Passwords": passwords.RULES,
    "Providers": providers.RULES,
}

RULES: tuple[Rule, ...] = tuple(rule for rules in GROUPS.values() for rule in rules)
