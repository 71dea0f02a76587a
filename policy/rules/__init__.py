"""All rules of the pack, by the part of the mail server that they guard."""

from policy.rule import Rule
from policy.rules import (
    accounts,
    backup,
    certificate,
    connections,
    container,
    dkim,
    dmarc,
    firewall,
    folders,
    mx,
    passwords,
    providers,
    records,
    secrets,
    server,
    settings,
    spf,
)

GROUPS: dict[str, tuple[Rule, ...]] = {
    "The settings": settings.RULES,
    "Cloud firewall": firewall.RULES,
    "Server, addresses and volume": server.RULES,
    "DNS records": records.RULES,
    "MX": mx.RULES,
    "SPF": spf.RULES,
    "DKIM": dkim.RULES,
    "DMARC": dmarc.RULES,
    "Poste container": container.RULES + folders.RULES,
    "Mailboxes and aliases": accounts.RULES,
    "Certificate": certificate.RULES,
    "Backup": backup.RULES,
    "Connections": connections.RULES,
    "Secrets": secrets.RULES,
    "Passwords": passwords.RULES,
    "Providers": providers.RULES,
}

RULES: tuple[Rule, ...] = tuple(rule for rules in GROUPS.values() for rule in rules)
