"""A mailbox as its owner's mail program uses it: submission (RFC 6409), IMAP (RFC 9051), POP3 (RFC 1939)."""

import asyncio
import base64
import contextlib
import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage

from operate.terminal import printable
from operate.verify.bounce import bounce_reason
from operate.verify.conversation import unverified
from operate.verify.dialled import ImapByName, Pop3ByName, SmtpByName, SmtpsByName
from operate.verify.stack import Stack
from operate.verify.trust import trusting

TIMEOUT = 15.0
"""Seconds for each step of a connection."""
POLL_INTERVAL = 0.5


class MailboxError(Exception):
    """The mailbox cannot be used; the text says why."""


@dataclass(frozen=True)
class Server:
    """A server that is dialled by address and asked for by name."""

    host: str
    dial: str


@dataclass(frozen=True)
class Mailbox:
    """One address with its password; providers may have one server for reading and another for sending."""

    address: str
    password: str = field(repr=False)
    reading: Server
    """IMAP and POP3."""
    sending: Server
    """Submission."""
    tls: ssl.SSLContext = field(repr=False)

    @property
    def plain(self) -> bytes:
        """The credentials for SASL's mechanism PLAIN, in UTF-8 (RFC 4616); not yet in base64."""
        return f"\0{self.address}\0{self.password}".encode()

    async def send(self, message: EmailMessage, port: int = 465) -> None:
        """Hand a message to the submission server, over TLS from the start on 465, else by STARTTLS."""
        await asyncio.to_thread(self._send, message, port)

    async def find(self, subject: str, deadline: float, sender: "Mailbox | None" = None) -> bytes:
        """The message with this subject, byte by byte, once it is there; raises MailboxError after `deadline` s.

        If it comes back to the `sender`, that ends the wait with the reason.
        """
        end = time.monotonic() + deadline
        while True:
            found = await self.look_for(subject)
            if found:
                return found
            reason = await sender.bounced(subject) if sender else ""
            if reason:
                raise MailboxError(f"came back: {reason}")
            if time.monotonic() > end:
                raise MailboxError(f"not in {self.address}'s inbox within {deadline:.0f} s")
            await asyncio.sleep(POLL_INTERVAL)

    async def look_for(self, subject: str) -> bytes | None:
        """The message with this subject, if it is there; raises MailboxError where one cannot look."""
        return await asyncio.to_thread(self._look_for, "SUBJECT", subject)

    async def bounced(self, subject: str) -> str:
        """Why a message that was sent from here came back, if it did; the bounce is deleted."""
        # Whether this inbox can be read at all is another check's question.
        with contextlib.suppress(MailboxError):
            bounce = await asyncio.to_thread(self._look_for, "TEXT", subject)
            if bounce:
                await asyncio.to_thread(self._remove, "TEXT", subject)
                return bounce_reason(bounce)
        return ""

    async def remove(self, subject: str) -> None:
        """Delete the messages with this subject."""
        await asyncio.to_thread(self._remove, "SUBJECT", subject)

    async def pop3_has(self, subject: str) -> bool:
        """Whether POP3 shows a message with this subject, among the last few."""
        return await asyncio.to_thread(self._pop3_has, subject)

    async def try_folder(self, name: str, message: bytes) -> None:
        """Make a folder, put a message in, read it back, and remove both; raises MailboxError."""
        await asyncio.to_thread(self._try_folder, name, message)

    def _send(self, message: EmailMessage, port: int) -> None:
        server = self.sending
        with _explained(f"port {port} of {server.host}"):
            if port == 465:
                client: smtplib.SMTP = SmtpsByName(server.dial, server.host, port, self.tls, TIMEOUT)
            else:
                client = SmtpByName(server.dial, server.host, port, TIMEOUT)
            with client:
                if port != 465:
                    client.starttls(context=self.tls)
                self._log_in(client)
                client.send_message(message)

    def _log_in(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if "PLAIN" not in client.esmtp_features.get("auth", "").split():
            client.login(self.address, self.password)
            return
        # The library's own way knows ASCII only.
        code, text = client.docmd("AUTH", f"PLAIN {base64.b64encode(self.plain).decode()}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, text)

    @contextlib.contextmanager
    def imap(self, *, readonly: bool = False) -> Iterator[imaplib.IMAP4]:
        """A session in the inbox; it changes nothing if `readonly`. Raises MailboxError."""
        server = self.reading
        with (
            _explained(f"IMAP on 993 of {server.host}"),
            ImapByName(server.dial, server.host, self.tls, TIMEOUT) as imap,
        ):
            # LOGIN carries ASCII only (RFC 9051, section 6.2.3); every server knows PLAIN.
            imap.authenticate("PLAIN", lambda _: self.plain)
            _must(imap.select("INBOX", readonly), "open INBOX")
            yield imap

    def _look_for(self, criterion: str, text: str) -> bytes | None:
        with self.imap() as imap:
            numbers = imap.search(None, criterion, f'"{text}"')[1][0].split()
            if not numbers:
                return None
            part = imap.fetch(numbers[0].decode(), "(BODY.PEEK[])")[1][0]
            return bytes(part[1]) if isinstance(part, tuple) else None

    def _remove(self, criterion: str, text: str) -> None:
        with self.imap() as imap:
            for number in imap.search(None, criterion, f'"{text}"')[1][0].split():
                imap.store(number.decode(), "+FLAGS", r"(\Deleted)")
            imap.expunge()

    def _try_folder(self, name: str, message: bytes) -> None:
        with self.imap() as imap:
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
        server = self.reading
        with _explained(f"POP3 on 995 of {server.host}"):
            pop3 = Pop3ByName(server.dial, server.host, self.tls, TIMEOUT)
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
        raise MailboxError(f"{what}: {said(answer[1])}")


def said(parts: Sequence[object]) -> str:
    """What an IMAP server says beside its answer."""
    return printable(b" ".join(part for part in parts if isinstance(part, bytes)).decode(errors="replace"))


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxError(f"{what}: the certificate is not trusted ({error.verify_message})") from error
    except UnicodeEncodeError as error:
        raise MailboxError(
            f"{what}: no way to log in that carries characters beyond ASCII, as the password has"
        ) from error
    except (smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto, OSError) as error:
        raise MailboxError(f"{what}: {printable(str(error))}") from error


def tls_for(stack: Stack) -> ssl.SSLContext:
    """The TLS over which passwords go: to trusted certificates only, unless self-signed ones are allowed."""
    return unverified() if stack.own.allow_self_signed else trusting(stack.own.authorities)


def own_mailbox(stack: Stack) -> Mailbox:
    """The administrator's mailbox."""
    password = stack.settings.admin_password.get_secret_value()
    server = Server(stack.mail_host, stack.ipv4)
    return Mailbox(stack.settings.admin_address, password, server, server, tls_for(stack))
