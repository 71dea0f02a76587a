"""Mailboxes and aliases as fields of Poste's API, and what becomes of those that the settings no longer name."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from model.accounts import MailboxSettings
from model.settings import Settings
from model.stack_state import Held

MAILBOX, ALIAS, DELETIONS, DOMAIN = (
    f"poste-mail:index:{kind}" for kind in ("Mailbox", "Alias", "Deletions", "MailDomain")
)
"""Types of our components, as a state has them."""
LEFT, OURS = "poste-mail: left the settings", "poste-mail"
"""What remote/account.py marks with: a mailbox that it has disabled, and an alias that it has made."""


def mailbox_fields(box: MailboxSettings) -> dict[str, Any]:
    """What is set of a mailbox, by Poste's names."""
    fields = {
        "name": box.name,
        "disabled": box.disabled,
        "superAdmin": box.administrator,
        "internalOnly": box.internal_only,
    }
    return {name: value for name, value in fields.items() if value is not None}


def quota_fields(box: MailboxSettings) -> dict[str, int]:
    """What is set of a mailbox's quota, by Poste's names: megabytes and messages."""
    fields = {"storageLimit": box.quota_mb, "countLimit": box.quota_messages}
    return {name: value for name, value in fields.items() if value is not None}


def alias_fields(targets: Sequence[str]) -> dict[str, Any]:
    """Where an alias leads, by Poste's name."""
    return {"redirectTo": list(targets)}


def leaving(held: Sequence[Held], settings: Settings, stack: str) -> Iterator[str]:
    """What a deploy does to accounts that the settings no longer name, or name for deletion, in words.

    A preview says of each that a resource goes; what that does on the server it cannot say.
    """
    domains = {domain.name for domain in settings.domains}
    # The administrator's mailbox stays as it is, whether it is named or not.
    boxes = {settings.admin_address, *(box.address for box in settings.mailboxes)}
    aliases = {alias for domain in settings.domains for alias in settings.aliases(domain)}
    for address in sorted(_made(held, MAILBOX) - boxes - set(settings.delete_mailboxes)):
        if address.rpartition("@")[2] in domains:
            place = len(settings.delete_mailboxes)
            yield (
                f"{address} is taken off: its mailbox is disabled and keeps its mail. To delete it with all its mail: "
                f"pulumi config set --path 'deleteMailboxes[{place}]' {address} --stack {stack}"
            )
    for address in sorted(_made(held, ALIAS) - aliases - boxes):
        if address.rpartition("@")[2] in domains:
            yield f"{address} is taken off: mail to this alias is refused from now on"
    for domain in sorted(_made(held, DOMAIN) - domains):
        place = len(settings.delete_domains)
        yield (
            f"{domain} is taken off: its DNS records go, MX first; its mailboxes and mail stay in Poste. To delete "
            f"them, after this deploy: pulumi config set --path 'deleteDomains[{place}]' {domain} --stack {stack}"
        )
    done = next((resource.outputs for resource in held if resource.type == DELETIONS), {})
    for address in sorted({*settings.delete_mailboxes} - {*done.get("mailboxes", ())}):
        yield f"{address} is named in deleteMailboxes: its mailbox is deleted, with all its mail"
    for domain in sorted({*settings.delete_domains} - {*done.get("domains", ())}):
        yield f"{domain} is named in deleteDomains: it is deleted in Poste, with all its mailboxes and their mail"


def too_early(held: Sequence[Held], settings: Settings) -> Iterator[str]:
    """Why a deploy must not go on: mail that is still led here would be refused for good."""
    for domain in sorted(_made(held, DOMAIN) & {*settings.delete_domains}):
        yield (
            f"deleteDomains: {domain} still has its DNS records. Leave it out here until a deploy has taken them away: "
            "senders then keep their mail for a while, and others' answers expire"
        )


def _made(held: Iterable[Held], kind: str) -> set[str]:
    return {resource.name for resource in held if resource.type == kind}
