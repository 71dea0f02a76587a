"""A mailbox as its owner's mail program uses it: submission (RFC 6409), IMAP (RFC 9051), POP3 (RFC 1939)."""

import asyncio
import contextlib
import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from verify.conversation import unverified
from verify.dialled import ImapByName, Pop3ByName, SmtpByName, SmtpsByName
from verify.stack import Stack

TIMEOUT = 15.0
"""Seconds for each step of a connection."""
POLL_INTERVAL = 0.5


class MailboxError(Exception):
    """The mailbox cannot be used; the text says why."""


@dataclass(frozen=True)
class Mailbox:
    """One address with its password, on a server that is dialled by address and asked for by name."""

    address: str
    password: str = field(repr=False)
    host: str
    dial: str
    tls: ssl.SSLContext = field(repr=False)

    async def send(self, message: EmailMessage, port: int = 465) -> None:
        """Hand a message to the submission server, over TLS from the start on 465, else by STARTTLS."""
        await asyncio.to_thread(self._send, message, port)

    async def find(self, subject: str, deadline: float) -> EmailMessage:
        """The message with this subject, once it has come; raises MailboxError after `deadline` seconds."""
        end = time.monotonic() + deadline
        while True:
            found = await asyncio.to_thread(self._look_for, subject)
            if found:
                return found
            if time.monotonic() > end:
                raise MailboxError(f"not in {self.address}'s inbox within {deadline:.0f} s")
            await asyncio.sleep(POLL_INTERVAL)

    async def remove(self, subject: str) -> None:
        """Delete the messages with this subject."""
        await asyncio.to_thread(self._remove, subject)

    async def pop3_has(self, subject: str) -> bool:
        """Whether POP3 shows a message with this subject, among the last few."""
        return await asyncio.to_thread(self._pop3_has, subject)

    async def try_folder(self, name: str, message: bytes) -> None:
        """Make a folder, put a message in, read it back, and remove both; raises MailboxError."""
        await asyncio.to_thread(self._try_folder, name, message)

    def _send(self, message: EmailMessage, port: int) -> None:
        with _explained(f"port {port}"):
            if port == 465:
                client: smtplib.SMTP = SmtpsByName(self.dial, self.host, port, self.tls, TIMEOUT)
            else:
                client = SmtpByName(self.dial, self.host, port, TIMEOUT)
            with client:
                if port != 465:
                    client.starttls(context=self.tls)
                client.login(self.address, self.password)
                client.send_message(message)

    @contextlib.contextmanager
    def _imap(self) -> Iterator[imaplib.IMAP4]:
        with _explained("IMAP on 993"), ImapByName(self.dial, self.host, self.tls, TIMEOUT) as imap:
            imap.login(self.address, self.password)
            imap.select("INBOX")
            yield imap

    def _look_for(self, subject: str) -> EmailMessage | None:
        with self._imap() as imap:
            numbers = imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
            if not numbers:
                return None
            part = imap.fetch(numbers[0].decode(), "(BODY.PEEK[])")[1][0]
            return message_from_bytes(part[1], policy=policy.SMTP) if isinstance(part, tuple) else None

    def _remove(self, subject: str) -> None:
        with self._imap() as imap:
            for number in imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split():
                imap.store(number.decode(), "+FLAGS", r"(\Deleted)")
            imap.expunge()

    def _try_folder(self, name: str, message: bytes) -> None:
        with self._imap() as imap:
            _must(imap.create(name), "create")
            try:
                _must(imap.append(name, "", imaplib.Time2Internaldate(time.time()), message), "append")
                _must(imap.select(name), "select")
                if imap.search(None, "ALL")[1][0].split() != [b"1"]:
                    raise MailboxError("the folder does not hold what was put in")
            finally:
                imap.select("INBOX")
                _must(imap.delete(name), "delete")

    def _pop3_has(self, subject: str) -> bool:
        with _explained("POP3 on 995"):
            pop3 = Pop3ByName(self.dial, self.host, self.tls, TIMEOUT)
            try:
                pop3.user(self.address)
                pop3.pass_(self.password)
                count, _ = pop3.stat()
                wanted = f"Subject: {subject}".encode()
                return any(wanted in pop3.top(number, 0)[1] for number in range(count, max(0, count - 50), -1))
            finally:
                pop3.quit()


def _must(answer: tuple[str, Sequence[object]], what: str) -> None:
    if answer[0] != "OK":
        raise MailboxError(f"{what}: {answer[1]}")


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxError(f"{what}: the certificate is not trusted ({error.verify_message})") from error
    except (smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto, OSError) as error:
        raise MailboxError(f"{what}: {error}") from error


def tls_for(stack: Stack) -> ssl.SSLContext:
    """The TLS over which passwords go: to trusted certificates only, unless self-signed ones are allowed."""
    return unverified() if stack.own.allow_self_signed else ssl.create_default_context()


def own_mailbox(stack: Stack) -> Mailbox:
    """The administrator's mailbox."""
    password = stack.settings.admin_password.get_secret_value()
    return Mailbox(stack.settings.admin_address, password, stack.mail_host, stack.ipv4, tls_for(stack))
