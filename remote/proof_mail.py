"""A message that the administrator sends to himself through Poste, on loopback: submitted, delivered, found, deleted.

Runs on the server, hence standard library only. TLS is not verified: the certificate may be Poste's own, and the
address is loopback.
"""

import imaplib
import re
import secrets
import smtplib
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import format_datetime, localtime

SMTP, SUBMISSION, SUBMISSIONS, IMAPS = 25, 587, 465, 993
HOST = "127.0.0.1"
ANSWER = 20  # seconds for one answer of a server
HEADER = "X-Poste-Mail-Proof"
FOLDERS = ("INBOX", "Junk")
"""Where the message may arrive: a filter does not know it."""

Signature = tuple[str, str]
"""Domain and selector of a DKIM signature."""


class NotYetError(Exception):
    """The message cannot be sent or is not there; the text says why."""


class RefusedError(NotYetError):
    """A server says no: trying again would hardly help."""


class ProofMail:
    """One message, sent once however often one looks for it."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self._password = password
        self._token = secrets.token_hex(16)
        self._sent = False

    def signatures(self) -> list[Signature]:
        """The signatures that the message arrived with, after which it is deleted. Raises NotYetError."""
        if not self._sent:
            self._send()
            self._sent = True
        return [
            (tags.get("d", "").lower(), tags.get("s", "").lower())
            for field in self._found().get_all("DKIM-Signature", [])
            for tags in [dict(part.split("=", 1) for part in re.sub(r"\s", "", str(field)).split(";") if "=" in part)]
        ]

    def sign_in(self) -> imaplib.IMAP4_SSL:
        """A session of the administrator's with his mailbox. Raises NotYetError."""
        try:
            server = imaplib.IMAP4_SSL(HOST, IMAPS, ssl_context=_unverified(), timeout=ANSWER)
        except (OSError, imaplib.IMAP4.error) as error:
            raise NotYetError(f"IMAP does not answer on port {IMAPS}: {_said(error)}") from error
        try:
            server.login(self.address, self._password)
        except (OSError, imaplib.IMAP4.abort) as error:
            server.shutdown()
            raise NotYetError(f"IMAP breaks off while {self.address} signs in: {_said(error)}") from error
        except imaplib.IMAP4.error as error:
            server.shutdown()
            raise RefusedError(f"IMAP does not let {self.address} in: {_said(error)}") from error
        return server

    def _send(self) -> None:
        message = EmailMessage()
        message["From"] = message["To"] = self.address
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{self._token}@{self.address.rpartition('@')[2]}>"
        message["Subject"] = "Proof that mail works after an upgrade"
        message[HEADER] = self._token
        message.set_content("poste-mail sent this message through the server, and deletes it when it has arrived.\n")
        try:
            with _submission() as server:
                server.login(self.address, self._password)
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            kind = RefusedError if error.smtp_code == 535 else NotYetError
            raise kind(f"submission does not let {self.address} in: {_said(error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotYetError(f"submission does not take a message: {_said(error)}") from error

    def _found(self) -> Message:
        """The message's header; it and what earlier proofs have left are deleted."""
        found: Message | None = None
        server = self.sign_in()
        try:
            for folder in FOLDERS:
                if server.select(folder)[0] != "OK":
                    continue
                for uid in server.uid("SEARCH", "HEADER", HEADER, '""')[1][0].split():
                    number = uid.decode()
                    parts = server.uid("FETCH", number, "(BODY.PEEK[HEADER])")[1]
                    raw = b"".join(part[1] for part in parts if isinstance(part, tuple))
                    header = message_from_bytes(raw, policy=policy.compat32)
                    if header.get(HEADER) == self._token:
                        found = header
                    server.uid("STORE", number, "+FLAGS", r"(\Deleted)")
                    # Only this one (RFC 4315): others may be marked for their owner to take back.
                    server.uid("EXPUNGE", number)
        except (OSError, imaplib.IMAP4.error) as error:
            raise NotYetError(f"IMAP does not show the mailbox of {self.address}: {_said(error)}") from error
        finally:
            server.shutdown()
        if found is None:
            raise NotYetError(f"a message from {self.address} to itself was taken and has not arrived")
        self._sent = False
        return found


def greeting() -> None:
    """Raises NotYetError unless the server for other servers' mail greets."""
    try:
        with smtplib.SMTP(HOST, SMTP, local_hostname="localhost", timeout=ANSWER):
            pass
    except (OSError, smtplib.SMTPException) as error:
        raise NotYetError(f"SMTP does not greet on port {SMTP}: {_said(error)}") from error


def _submission() -> smtplib.SMTP:
    """Raises OSError, SMTPException. One of both ports may not be published."""
    try:
        server = smtplib.SMTP(HOST, SUBMISSION, local_hostname="localhost", timeout=ANSWER)
    except ConnectionRefusedError:
        context = _unverified()
        return smtplib.SMTP_SSL(HOST, SUBMISSIONS, local_hostname="localhost", timeout=ANSWER, context=context)
    try:
        server.starttls(context=_unverified())
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _said(error: Exception) -> str:
    """What a server gives as its reason, on one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {' '.join(said.split())}"
    first = error.args[0] if error.args and isinstance(error, imaplib.IMAP4.error) else None
    text = first.decode(errors="replace") if isinstance(first, bytes) else str(error)
    return " ".join(text.split()) or type(error).__name__
