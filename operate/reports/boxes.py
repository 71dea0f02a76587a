"""Which mailboxes the reports of a stack's domains reach, and how to sign in to them."""

from model.accounts import with_forwards
from model.settings import Settings
from model.wanted_records import report_addresses
from operate.errors import MailboxError
from operate.verify.mailbox import Mailbox, Server, tls_for
from operate.verify.stack import Stack


def readable(stack: Stack) -> tuple[list[Mailbox], list[str]]:
    """The mailboxes that reports reach and whose passwords are settings; of the others, why they are not read."""
    boxes, others = [], []
    for address in reached(stack.settings):
        password = known_password(stack.settings, address)
        if password:
            boxes.append(mailbox(stack, address, password))
        else:
            others.append(f"{address} gets reports, and its password is no setting: name it with --mailbox")
    return boxes, others


def reached(settings: Settings) -> list[str]:
    """The mailboxes in which reports end, each once, whatever aliases lead there."""
    aliases = {alias: to for domain in settings.domains for alias, to in settings.aliases(domain).items()}
    forwards = {domain.name: domain.forward_to for domain in settings.domains if domain.forward_to}
    ways = with_forwards(aliases, forwards)
    told = [address for domain in settings.domains for address in report_addresses(domain, settings)[0]]
    waiting, found = [*told, *settings.tls_report_addresses], dict[str, bool]()
    while waiting:
        address = waiting.pop(0)
        if address not in found:
            found[address] = address not in ways
            waiting += ways.get(address, ())
    return [address for address, is_mailbox in found.items() if is_mailbox]


def known_password(settings: Settings, address: str) -> str:
    """The password of a mailbox as the settings have it; empty if they have none."""
    if address == settings.admin_address:
        return settings.admin_password.get_secret_value()
    password = settings.passwords.get(address)
    return password.get_secret_value() if password else ""


def mailbox(stack: Stack, address: str, password: str, host: str = "") -> Mailbox:
    """A mailbox on the stack's server, or at another provider's `host`. Raises MailboxError for one that is nowhere."""
    domains = {domain.name for domain in stack.settings.domains}
    if not host and address.rpartition("@")[2] not in domains:
        raise MailboxError(f"{address} is not on this server. Name the server that has it: --imap-host HOST")
    server = Server(host, host) if host else Server(stack.mail_host, stack.ipv4)
    return Mailbox(address, password, server, server, tls_for(stack))
