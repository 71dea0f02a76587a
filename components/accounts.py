"""Mailboxes and aliases: one resource each for previews and policies, one command a domain that carries them out."""

import json
from typing import Any

import pulumi

from components.dkim_key import DkimKey
from components.host import Host
from components.mail_server import MailServer
from components.remote_scripts import Undoing, secret_json
from model.accounts import MailboxSettings
from model.accounts_wanted import alias_fields, mailbox_fields, quota_fields
from model.poste_container import loopback_url
from model.server_folders import ACCOUNTS
from model.settings import MailDomainSettings, Settings


class Mailbox(pulumi.ComponentResource):
    """`poste-mail:index:Mailbox` is a mailbox as the settings have it. What is left out stays as Poste has it."""

    def __init__(self, box: MailboxSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        what = {**mailbox_fields(box), **quota_fields(box), "password": box.password}
        # No outputs are registered: each time the engine would write the whole state once more, for hundreds of them.
        super().__init__("poste-mail:index:Mailbox", box.address, what, opts)


class Alias(pulumi.ComponentResource):
    """`poste-mail:index:Alias` is an address without a mailbox, and where it leads."""

    def __init__(self, address: str, targets: list[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("poste-mail:index:Alias", address, {"targets": targets}, opts)


class Accounts(pulumi.ComponentResource):
    """`poste-mail:index:Accounts` lets Poste have a domain's mailboxes and aliases, and leads the rest of its mail.

    Carried out when Poste knows the domain and before its MX record, by one run on the server, since each run over SSH
    takes longer than a mailbox does. What goes from the settings is disabled and keeps its mail; what nobody has set is
    not touched. A password is given with a mailbox that is made, and again only to those that want it.
    """

    def __init__(
        self,
        domain: MailDomainSettings,
        settings: Settings,
        server: MailServer,
        host: Host,
        key: DkimKey,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:Accounts", domain.name, {}, opts)
        parent = pulumi.ResourceOptions(parent=self)
        aliases = settings.aliases(domain)
        for box in domain.mailboxes:
            Mailbox(box, parent)
        for address, targets in aliases.items():
            Alias(address, list(targets), parent)
        wanted = [_mailbox(box, settings) for box in domain.mailboxes]
        wanted += [
            _request(address, "alias" if address in domain.aliases else "role", alias_fields(targets))
            for address, targets in aliases.items()
        ]
        request = {
            "url": loopback_url(settings),
            "domain": domain.name,
            "folder": ACCOUNTS,
            "catch_all": domain.catch_all,
            "forward_to": domain.forward_to,
            "accounts": wanted,
        }
        has_secrets = any(account["password"] for account in wanted)
        host.scripts.run(
            f"accounts-{domain.name}",
            "accounts.py",
            secret_json(**request) if has_secrets else json.dumps(request),
            self,
            # On another volume there are none yet.
            again_with={"volume": server.volume_id},
            depends_on=[key.domain_known],
            deadline="15m",
        )
        self.register_outputs({})


class Deletions(pulumi.ComponentResource):
    """`poste-mail:index:Deletions` deletes the mailboxes and domains that are named for it, with all their mail."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        after: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is Poste, which has to be there."""
        named = {"mailboxes": list(settings.delete_mailboxes), "domains": list(settings.delete_domains)}
        super().__init__("poste-mail:index:Deletions", name, named, opts)
        host.scripts.run(
            name,
            "accounts.py",
            json.dumps({"url": loopback_url(settings), "folder": ACCOUNTS, **named}),
            self,
            argument="delete",
            undone_with=Undoing("forget", goes_with=server.machine),
            depends_on=[after],
        )
        self.register_outputs(named)


def _mailbox(box: MailboxSettings, settings: Settings) -> dict[str, Any]:
    request = _request(box.address, "mailbox", mailbox_fields(box)) | {"quota": quota_fields(box)}
    password = settings.passwords.get(box.address)
    if password is None or box.address == settings.admin_address:  # whose password is adminPassword
        return request
    return request | {"password": password.get_secret_value(), "always": box.password == "always"}  # noqa: S105


def _request(address: str, kind: str, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"address": address, "kind": kind, "wanted": wanted, "quota": {}, "password": None, "always": False}
