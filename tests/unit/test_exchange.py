"""The mail exchange: reading results, hops and bounces, and waiting for mail."""

import base64
import time
from collections.abc import Callable
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import dns.resolver
import pytest

from offline.sandbox import exchange
from offline.sandbox.exchange import Finding, hop_facts, read_stack, report
from offline.sandbox.provider import mailbox
from offline.sandbox.provider.mailbox import MailboxError, UnreachableError, bounce_reason, patiently, resolve, wait_for
from offline.sandbox.provider.publish import wanted_records
from operate.verify.authentication import METHODS

HOST = "mx.other.example"


@pytest.mark.parametrize(
    ("received", "facts"),
    [
        pytest.param(
            [
                "from mail.club.example by mail.club.example with LMTP id x for <admin@club.example>",
                "from mx.other.example ([198.51.100.80])\n by mail.club.example with esmtps  (TLS1.3) (Exim 4.98.2)",
            ],
            ("mx.other.example ([198.51.100.80])", "ESMTPS"),
            id="Exim, behind the local delivery",
        ),
        pytest.param(
            [
                """from mail.club.example (mail.club.example [198.51.100.140])
                (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519)
                by mx.other.example (Postfix) with ESMTPS id 1""",
                "from [127.0.0.1] (helo=laptop) by mail.club.example with esmtpsa",
            ],
            ("mail.club.example (mail.club.example [198.51.100.140])", "ESMTPS"),
            id="Postfix; the newest hop counts",
        ),
        pytest.param(["by mail.club.example with LMTP id x"], None, id="no SMTP hop"),
    ],
)
def test_hop_between_the_servers_is_found(received: list[str], facts: tuple[str, str] | None) -> None:
    assert hop_facts(received) == facts


def test_bounce_is_explained_by_its_diagnostic_code() -> None:
    text = (
        'Subject: failed\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nsorry\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.club.example\n\n"
        "Action: failed\nFinal-Recipient: rfc822;user@other.example\n"
        "Diagnostic-Code: smtp; 554 5.7.1 Action set\n by DMARC\n\n--b--\n"
    )
    bounce = message_from_string(text, policy=policy.default)
    assert isinstance(bounce, EmailMessage)
    assert bounce_reason(bounce) == "smtp; 554 5.7.1 Action set by DMARC"


class Inbox(mailbox.Mailbox):
    """A mailbox whose inbox answers from a script, the last answer for ever."""

    def __init__(self, *answers: Callable[[str], EmailMessage | None]) -> None:
        super().__init__("user@club.example", "password", "mail.club.example")
        object.__setattr__(self, "answers", list(answers))

    def take(self, criterion: str, token: str) -> EmailMessage | None:  # noqa: ARG002
        answers: list[Callable[[str], EmailMessage | None]] = self.__dict__["answers"]
        return (answers.pop(0) if len(answers) > 1 else answers[0])(token)


def _nothing(token: str) -> None:
    return None


def _mail(token: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = token
    return message


def _unreachable(token: str) -> None:
    raise UnreachableError("IMAP on mail.club.example:993: connection refused")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "POLL_INTERVAL", 0.0)


def test_mail_is_waited_for_even_while_the_server_is_away() -> None:
    recipient = Inbox(_unreachable, _nothing, _unreachable, _mail)
    assert wait_for(recipient, Inbox(_nothing), "token-1", time.monotonic() + 60)["Subject"] == "token-1"


def test_bounce_ends_the_wait() -> None:
    with pytest.raises(MailboxError, match="bounced: token-1"):
        wait_for(Inbox(_nothing), Inbox(_nothing, _mail), "token-1", time.monotonic() + 60)


def test_wait_ends_at_the_deadline() -> None:
    with pytest.raises(MailboxError, match=r"not in the inbox of user@club\.example in time"):
        wait_for(Inbox(_nothing), Inbox(_nothing), "token-1", time.monotonic() - 1)


def test_server_that_stays_away_is_named_at_the_deadline() -> None:
    with pytest.raises(UnreachableError, match="connection refused"):
        patiently(lambda: _unreachable("token-1"), time.monotonic() - 1)


def test_password_is_never_sent_out_of_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver.Resolver, "resolve", lambda *_: ["93.184.215.14"])
    with pytest.raises(MailboxError, match="not in the sandbox"):
        resolve("mail.club.example")


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named pulumi, alone on PATH; its text is for the test to write."""
    program = tmp_path / "pulumi"
    program.touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_administrators_mailbox_comes_from_the_stacks_outputs_and_secrets(pulumi: Path) -> None:
    pulumi.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        '"stack output --json --stack dev")\n'
        '  echo \'{"mailHost": "mail.club.example", "adminAddress": "admin@club.example"}\' ;;\n'
        '"config get adminPassword --stack dev") echo secret-1 ;;\n'
        "*) exit 1 ;;\nesac\n"
    )
    ours = read_stack("dev")
    assert (ours.address, ours.password, ours.host) == ("admin@club.example", "secret-1", "mail.club.example")
    assert "secret-1" not in repr(ours)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'error: no stack named dev' >&2; exit 255",
            "the stack dev cannot be read: error: no stack named",
        ),
        ("echo '{}'", "stack dev has no output 'adminAddress'"),
    ],
)
def test_stack_that_is_not_set_up_is_explained(pulumi: Path, script: str, message: str) -> None:
    pulumi.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(MailboxError, match=message):
        read_stack("dev")


def test_one_bad_finding_makes_the_report_bad(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [Finding("spf", "pass", good=True), Finding("received from", "mx.other.example")]
    assert report("out", findings)
    assert not report("out", [*findings, Finding("dkim", "fail", good=False)])
    assert "BAD dkim" in capsys.readouterr().out


def test_outgoing_mail_must_pass_all_three_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    message = EmailMessage()
    message["Authentication-Results"] = "mx.other.example; spf=pass; dkim=fail"
    monkeypatch.setattr(exchange, "_exchange", lambda *_: message)
    found = {finding.what: finding.good for finding in exchange.outgoing(exchange.PROVIDER)}
    assert {method: found[method] for method in METHODS} == {"spf": True, "dkim": False, "dmarc": False}


def test_providers_dkim_record_holds_the_whole_key_in_short_strings() -> None:
    key = base64.b64encode(b"k" * 294).decode()
    records = wanted_records(f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n")
    strings = next(rrset[0].strings for rrset in records if "_domainkey" in str(rrset.name))
    assert all(len(string) <= 255 for string in strings)
    assert b"".join(strings) == f"v=DKIM1; k=rsa; p={key}".encode()
