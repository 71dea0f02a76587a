"""Waiting for a message: it arrives, or comes back with a reason, or neither."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from operate.verify.bounce import bounce_reason
from operate.verify.conversation import unverified
from operate.verify.mailbox import Mailbox, MailboxError, Server
from tests.support.verify_world import HOST, LOOPBACK, make_certificate, server

BOUNCE = b"""\
From: mailer-daemon@mail.club.example
Subject: failed
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

sorry
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.club.example

Action: failed
Final-Recipient: rfc822;user@other.example
Diagnostic-Code: smtp; 554 5.7.1 Action set
 by DMARC

--b
Content-Type: text/rfc822-headers

Subject: verify-1

--b--
""".replace(b"\n", b"\r\n")
MESSAGE = b"From: admin@club.example\r\nSubject: verify-1\r\n\r\ntext\r\n"


def test_a_bounce_is_explained_by_its_diagnostic_code_or_else_its_subject() -> None:
    assert bounce_reason(BOUNCE) == "smtp; 554 5.7.1 Action set by DMARC"
    assert bounce_reason(b"Subject: Undeliverable:\r\n verify-1\r\n\r\nsorry\r\n") == "Undeliverable: verify-1"


class Inbox:
    """An IMAP server with at most one message, which comes with the second look."""

    def __init__(self, message: bytes = b"") -> None:
        self.message = message
        self.looks = 0
        self.tag = ""

    def reply(self, line: str) -> str:
        if " " not in line:  # what answers the challenge
            return f"{self.tag} OK in\r\n"
        self.tag, command, *rest = line.split(" ")
        match command:
            case "AUTHENTICATE":
                return "+ \r\n"
            case "CAPABILITY":
                return f"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{self.tag} OK done\r\n"
            case "SEARCH":
                self.looks += 1
                found = self.looks > 1 and self._holds(rest[0], rest[1].strip('"').encode())
                return f"* SEARCH{' 1' if found else ''}\r\n{self.tag} OK done\r\n"
            case "FETCH":
                return (
                    f"* 1 FETCH (BODY[] {{{len(self.message)}}}\r\n{self.message.decode()})\r\n{self.tag} OK done\r\n"
                )
            case "STORE":
                self.message = b""
        return f"{self.tag} OK done\r\n"

    def _holds(self, criterion: str, text: bytes) -> bool:
        head = self.message.partition(b"\r\n\r\n")[0]
        return b"Subject: " + text in head if criterion == "SUBJECT" else text in self.message


@contextlib.asynccontextmanager
async def mailboxes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sender: Inbox, recipient: Inbox
) -> AsyncIterator[tuple[Mailbox, Mailbox]]:
    """The mailboxes of sender and recipient."""
    tls, connect = make_certificate(folder, [HOST]), socket.create_connection
    async with (
        server("* OK x\r\n", sender.reply, tls, direct=True) as first,
        server("* OK x\r\n", recipient.reply, tls, direct=True) as second,
    ):
        ports = {"sender": first, "recipient": second}
        monkeypatch.setattr(
            "operate.verify.dialled.socket.create_connection",
            lambda at, timeout: connect((LOOPBACK, ports[at[0]]), timeout),
        )
        boxes = [
            Mailbox(f"{who}@club.example", "Guide-Rule-10", Server(HOST, who), Server(HOST, who), unverified())
            for who in ports
        ]
        yield boxes[0], boxes[1]


async def waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sender: Inbox, recipient: Inbox, seconds: float
) -> bytes:
    """Wait for the message that the sender has sent."""
    async with mailboxes(folder, monkeypatch, sender, recipient) as (ours, theirs):
        return await theirs.find("verify-1", seconds, ours)


def test_a_message_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asyncio.run(waited_for(tmp_path, monkeypatch, Inbox(), Inbox(MESSAGE), 60))
    assert found == MESSAGE


def test_a_bounce_ends_the_wait_with_its_reason_and_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Inbox(BOUNCE)
    with pytest.raises(MailboxError, match=r"^came back: smtp; 554 5\.7\.1 Action set by DMARC$"):
        asyncio.run(waited_for(tmp_path, monkeypatch, sender, Inbox(), 60))
    assert sender.message == b""


def test_the_wait_ends_with_whose_inbox_it_is_not_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MailboxError, match=r"^not in recipient@club\.example's inbox within 0 s$"):
        asyncio.run(waited_for(tmp_path, monkeypatch, Inbox(), Inbox(), 0))


def test_a_sender_whose_inbox_cannot_be_read_stops_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(Inbox):
        def reply(self, line: str) -> str:
            return f"{line.split(maxsplit=1)[0]} NO closed\r\n"

    found = asyncio.run(waited_for(tmp_path, monkeypatch, Closed(), Inbox(MESSAGE), 60))
    assert found == MESSAGE
