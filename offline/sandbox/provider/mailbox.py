"""A mailbox as its owner's mail program uses it: submission (RFC 6409) and IMAP (RFC 9051) on a host of the sandbox."""

import contextlib
import imaplib
import ipaddress
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypeVar

import dns.exception
import dns.resolver

RESOLVER = "198.51.100.54"
NETWORKS = (ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("2001:db8:100::/48"))
CONNECT_TIMEOUT = 10.0
"""Seconds for each step of a connection."""


POLL_INTERVAL = 0.3
"""Seconds between two looks into an inbox, or two attempts to connect."""

T = TypeVar("T")


class MailboxError(Exception):
    """The mailbox cannot be used; the text says why."""


class UnreachableError(MailboxError):
    """The server does not answer, or not yet."""


@dataclass(frozen=True)
class Mailbox:
    """One address with its password on one mail host."""

    address: str
    password: str = field(repr=False)
    host: str

    def send(self, message: EmailMessage) -> None:
        """Hand the message to the submission server on port 587, encrypted with STARTTLS; raises MailboxError."""
        with (
            _explained(f"submission to {self.host}:587"),
            smtplib.SMTP(resolve(self.host), 587, timeout=CONNECT_TIMEOUT) as smtp,
        ):
            smtp.starttls(context=_tls_context())
            smtp.login(self.address, self.password)
            smtp.send_message(message)

    def take(self, criterion: str, token: str) -> EmailMessage | None:
        """Return a message in the inbox and delete it there; ``criterion`` is SUBJECT or TEXT. Raises MailboxError."""
        with _explained(f"IMAP on {self.host}:993"), self._inbox() as inbox:
            numbers = inbox.search(None, criterion, f'"{token}"')[1][0].split()
            if not numbers:
                return None
            parts = inbox.fetch(numbers[0].decode(), "(BODY.PEEK[])")[1]
            for number in numbers:
                inbox.store(number.decode(), "+FLAGS", r"(\Deleted)")
            inbox.expunge()
        content = parts[0]
        if not isinstance(content, tuple):
            raise MailboxError(f"IMAP on {self.host}:993: unexpected answer to FETCH")
        return message_from_bytes(content[1], policy=policy.default)

    @contextlib.contextmanager
    def _inbox(self) -> Iterator[imaplib.IMAP4_SSL]:
        with imaplib.IMAP4_SSL(resolve(self.host), 993, ssl_context=_tls_context(), timeout=CONNECT_TIMEOUT) as imap:
            imap.login(self.address, self.password)
            imap.select("INBOX")
            yield imap


def resolve(host: str) -> str:
    """Return the host's address as the sandbox's resolver gives it, IPv4 first; raises MailboxError.

    The certificates in the sandbox are self-signed and so not checked. Passwords therefore go to addresses of the
    sandbox only, which never leave this machine.
    """
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [RESOLVER]
    resolver.lifetime = CONNECT_TIMEOUT
    for kind in ("A", "AAAA"):
        try:
            address = str(resolver.resolve(host, kind)[0])
        except dns.resolver.NoAnswer:
            continue
        except dns.exception.DNSException as failure:
            raise MailboxError(f"the sandbox's resolver {RESOLVER} does not know {host}: {failure}") from failure
        if not any(ipaddress.ip_address(address) in network for network in NETWORKS):
            raise MailboxError(f"{host} is {address}, which is not in the sandbox")
        return address
    raise MailboxError(f"{host} has no address")


def wait_for(recipient: Mailbox, sender: Mailbox, token: str, deadline: float) -> EmailMessage:
    """Return the message once it is in the recipient's inbox; raises MailboxError.

    A bounce in the sender's inbox ends the wait with its reason. ``deadline`` is a time of ``time.monotonic()``.
    """
    while True:
        message = patiently(lambda: recipient.take("SUBJECT", token), deadline)
        if message:
            return message
        bounce = patiently(lambda: sender.take("TEXT", token), deadline)
        if bounce:
            raise MailboxError(f"bounced: {bounce_reason(bounce)}")
        if time.monotonic() > deadline:
            raise MailboxError(f"not in the inbox of {recipient.address} in time, and no bounce either")
        time.sleep(POLL_INTERVAL)


def patiently(action: Callable[[], T], deadline: float) -> T:
    """Repeat an action until the server answers; raises UnreachableError when it does not before the deadline."""
    while True:
        try:
            return action()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_INTERVAL)


def bounce_reason(bounce: EmailMessage) -> str:
    """Return the Diagnostic-Code of a delivery status notification (RFC 3464), or its subject."""
    for part in bounce.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in part.iter_parts() if isinstance(part, EmailMessage) else []:
                if block["Diagnostic-Code"]:
                    return " ".join(str(block["Diagnostic-Code"]).split())
    return str(bounce["Subject"])


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, imaplib.IMAP4.error) as refusal:
        raise MailboxError(f"{what}: {refusal}") from refusal
    except OSError as failure:
        raise UnreachableError(f"{what}: {failure}") from failure
