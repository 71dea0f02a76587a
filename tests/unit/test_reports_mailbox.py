"""Reports in mailboxes: found, read without a trace, and deleted only if asked for."""

import asyncio
import dataclasses
import io
import json
import socket
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from operate import errors
from operate.reports import inbox
from operate.reports.boxes import mailbox, reached, readable
from operate.reports.command import main
from operate.reports.summary import Summary, gather
from operate.verify.mailbox import MailboxError
from operate.verify.stack import OwnSettings, Stack
from tests.support.examples import PASSWORD, settings
from tests.support.imap_server import ImapServer
from tests.support.reports import DOMAIN, Row, aggregate, gzipped, mail, tls_report, zipped
from tests.support.verify_world import HOST, IPV4, LOOPBACK, Records, make_certificate, stack

ADMIN = f"admin@{DOMAIN}"
LONG_AGO = date(2024, 1, 1)


@pytest.fixture
def imap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapServer]:
    """The stack's IMAP server, with the administrator's mailbox."""
    server = ImapServer(make_certificate(tmp_path, [HOST]), {ADMIN: PASSWORD})
    connect = socket.create_connection
    with server.serving() as port:
        monkeypatch.setattr(
            "operate.verify.dialled.socket.create_connection", lambda _, timeout: connect((LOOPBACK, port), timeout)
        )
        monkeypatch.setattr("operate.reports.summary.Dns", lambda *_: Records({}))
        yield server


def deployed(**changes: object) -> Stack:
    """A stack whose certificate nobody knows."""
    return dataclasses.replace(stack(**changes), own=OwnSettings(allow_self_signed=True))


def gathered(of: Stack, since: date = LONG_AGO) -> Summary:
    """What the mailboxes hold."""
    return asyncio.run(gather(of, since))


def run(monkeypatch: pytest.MonkeyPatch, of: Stack, *arguments: str) -> int:
    """The command's exit status."""

    async def read(_name: str) -> Stack:
        return of

    monkeypatch.setattr("operate.reports.command.read_stack", read)
    return main(["--stack", "test", "--since", "3650", *arguments])


def report(identifier: str, *rows: Row, reporter: str = "Receiver") -> bytes:
    """A message with a DMARC report."""
    return mail(gzipped(aggregate(*rows, identifier=identifier, reporter=reporter)), name='quo"ted.xml.gz').as_bytes()


def test_reading_leaves_no_trace(imap: ImapServer) -> None:
    imap.put(report("1", Row(count="4")))
    imap.put(mail(subject="hello").as_bytes())
    (domain,) = gathered(deployed()).domains
    assert (domain.reports, domain.passed, domain.reporters) == (1, 4, ("Receiver",))
    assert all(message.flags == set() for message in imap.folders["INBOX"].values())
    assert not any(line.startswith(("SELECT", "STORE", "UID STORE", "EXPUNGE")) for line in imap.asked)
    assert all("BODY.PEEK" in line for line in imap.asked if " FETCH " in f" {line}")


def test_only_what_may_hold_a_report_is_fetched(imap: ImapServer) -> None:
    imap.put(mail(subject="hello").as_bytes())
    imap.put(mail(b"x", "image/png", "photo.png", subject="photo").as_bytes())
    wanted = imap.put(report("1"))
    gathered(deployed())
    assert [line for line in imap.asked if "BODY.PEEK[]" in line] == [f"UID FETCH {wanted} (BODY.PEEK[])"]


def test_what_came_earlier_is_left_out(imap: ImapServer) -> None:
    imap.put(report("1"), came=date(2024, 2, 9))
    imap.put(report("2"), came=date(2024, 2, 10))
    assert gathered(deployed(), date(2024, 2, 10)).domains[0].reports == 1


def test_a_report_that_came_twice_counts_once(imap: ImapServer) -> None:
    for identifier, reporter in (("1", "Receiver"), ("1", "RECEIVER"), ("1", "Other"), ("2", "Receiver")):
        imap.put(report(identifier, Row(count="5"), reporter=reporter))
    for _ in range(2):
        imap.put(mail(gzipped(tls_report(succeeded=8)), "application/tlsrpt+gzip").as_bytes())
    summary = gathered(deployed())
    assert (summary.domains[0].passed, summary.domains[0].reports, summary.duplicates) == (15, 3, 2)
    assert summary.domains[0].encryption is not None
    assert summary.domains[0].encryption.succeeded == 8


def test_what_was_deleted_while_it_was_read_is_no_report(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    imap.put(report("1"))
    likely = inbox._likely

    def meanwhile(*asked: Any) -> Iterator[tuple[str, int]]:
        found = list(likely(*asked))
        imap.folders["INBOX"].clear()
        yield from found

    monkeypatch.setattr(inbox, "_likely", meanwhile)
    assert gathered(deployed()).refused == ()


def test_a_report_about_a_time_long_before_it_came_counts_for_nothing(imap: ImapServer) -> None:
    """Whoever writes such reports, they say nothing of how mail fares now."""
    imap.put(report("1", Row(count="5")))
    assert gathered(deployed(), date(2024, 3, 1)).domains[0].reports == 1
    imap.folders["INBOX"][imap.put(report("2"))].came = date(2024, 4, 20)
    summary = gathered(deployed(), date(2024, 4, 1))
    assert summary.domains[0].days == ()
    assert [line.partition(": ")[2] for line in summary.refused] == ["is about 2024-02-29, long before it came"]


@pytest.mark.parametrize("option", [["--password-stdin"], ["--imap-host", "imap.example"]])
def test_what_is_about_no_mailbox_is_a_wrong_command_line(
    option: list[str], imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, deployed(), *option)
    assert caught.value.code == 2
    assert imap.asked == []


def test_of_many_reporters_a_few_are_named(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        imap.put(report("1", reporter=f"Receiver{number:02}"))
    assert run(monkeypatch, deployed()) == 0
    assert "Receiver07 and 22 more" in capsys.readouterr().out


def test_a_message_that_is_too_large_is_told_and_not_fetched(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "LARGEST", 500)
    uid = imap.put(report("1"))
    assert gathered(deployed()).refused == (f"message {uid} in INBOX: is too large",)
    assert not any("BODY.PEEK[]" in line for line in imap.asked)


def test_each_refusal_is_a_line_without_addresses_and_the_rest_is_read(imap: ImapServer) -> None:
    broken = imap.put(mail(b"<feedback>", "text/xml", "a!b!1!2.xml").as_bytes())
    imap.put(report("1", Row(count="2")))
    imap.put(mail(gzipped(aggregate(domain="elsewhere.example")), subject="x").as_bytes())
    summary = gathered(deployed())
    assert summary.domains[0].passed == 2
    assert [line.partition(" (")[0] for line in summary.refused] == [
        f"message {broken} in INBOX: a!b!1!2.xml is broken XML",
        "reports about elsewhere.example, which is none of this stack's: 1",
    ]
    assert "@" not in "".join(summary.refused)


def test_where_no_mailbox_can_be_read_the_error_says_which_and_why(imap: ImapServer) -> None:
    imap.passwords[ADMIN] = "another"
    with pytest.raises(errors.MailboxError, match=rf"(?s)No mailbox.*{ADMIN}: .*Authentication failed") as caught:
        gathered(deployed())
    assert PASSWORD not in str(caught.value)


def test_reports_are_read_where_rua_and_tls_reports_lead() -> None:
    ann, bob = {"address": f"ann@{DOMAIN}"}, {"address": f"bob@{DOMAIN}"}
    of = deployed(
        domains=[
            {
                "name": DOMAIN,
                "mailboxes": [ann, bob],
                "aliases": {f"reports@{DOMAIN}": [f"ann@{DOMAIN}", "me@elsewhere.example"]},
                "dmarc": {"rua": [f"reports@{DOMAIN}", f"nobody@{DOMAIN}"]},
            }
        ],
        tls_reports=[f"bob@{DOMAIN}"],
        passwords={f"ann@{DOMAIN}": "Guide-Rule-11", f"bob@{DOMAIN}": "Guide-Rule-12"},
    )
    boxes, others = readable(of)
    assert [box.address for box in boxes] == [f"bob@{DOMAIN}", f"ann@{DOMAIN}", ADMIN]
    assert [box.password for box in boxes] == ["Guide-Rule-12", "Guide-Rule-11", PASSWORD]
    assert others == ["me@elsewhere.example gets reports, and its password is no setting: name it with --mailbox"]


def test_by_default_reports_reach_the_administrator() -> None:
    assert reached(settings()) == [ADMIN]


def test_a_mailbox_elsewhere_needs_its_server_named() -> None:
    with pytest.raises(errors.MailboxError, match="--imap-host HOST"):
        mailbox(deployed(), "me@elsewhere.example", "secret")
    assert mailbox(deployed(), "me@elsewhere.example", "secret", "imap.elsewhere.example").reading.dial == (
        "imap.elsewhere.example"
    )


def test_delete_takes_the_messages_that_were_read_and_no_others(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [
        imap.put(mail(subject="hello").as_bytes()),
        imap.put(mail(b"broken", name="a!b!1!2.xml.gz").as_bytes()),
        imap.put(mail(zipped(aggregate().encode(), b"x"), "application/zip").as_bytes()),
        imap.put(report("old"), came=date(2010, 1, 1)),
        # Another stack's, of which nothing is shown here.
        imap.put(mail(gzipped(aggregate(domain="elsewhere.example"))).as_bytes()),
        imap.put(mail(gzipped(tls_report().replace(f'"{DOMAIN}"', '"elsewhere.example"'))).as_bytes()),
    ]
    imap.folders["INBOX"][kept[0]].flags.add(r"\Deleted")  # by somebody else, who may think again
    imap.put(report("1"))
    imap.put(report("1"))
    assert run(monkeypatch, deployed(), "--delete") == 0
    assert list(imap.folders["INBOX"]) == kept
    assert "Messages that were read and are now deleted: 2" in capsys.readouterr().out


def test_what_was_deleted_before_the_server_failed_is_counted(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        imap.put(report(f"{number}"))
    done = inbox._done

    def until_the_third(answer: Any) -> Any:
        if len(imap.folders["INBOX"]) == 1:
            raise MailboxError("the server says no")
        return done(answer)

    def asked(_summary: Summary) -> Sequence[str]:
        monkeypatch.setattr(inbox, "_done", until_the_third)
        return ()

    monkeypatch.setattr("operate.reports.table.lines", asked)
    monkeypatch.setattr(inbox, "AT_ONCE", 1)
    assert run(monkeypatch, deployed(), "--delete") == 1
    assert "the server says no. 1 messages were deleted." in capsys.readouterr().err
    assert len(imap.folders["INBOX"]) == 1


def test_a_message_of_which_a_part_was_not_read_is_kept(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail(gzipped(aggregate()))
    for number in range(49):
        message.add_attachment(gzipped(aggregate(identifier=f"{number}x")), maintype="application", subtype="gzip")
    imap.put(message.as_bytes())
    assert run(monkeypatch, deployed(), "--delete") == 0
    assert len(imap.folders["INBOX"]) == 1


@pytest.mark.parametrize(
    ("media_type", "disposition", "kept"),
    [
        ("application/pdf", "attachment", True),
        ("application/pdf", "inline", True),
        ("text/plain", "attachment", True),
        ("image/png", "inline", False),
        ("application/pkcs7-signature", "attachment", False),
    ],
)
def test_a_report_to_which_a_person_has_attached_something_is_kept(
    media_type: str, disposition: str, kept: bool, imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = mail(gzipped(aggregate()))
    maintype, subtype = media_type.split("/")
    message.add_attachment(b"x", maintype, subtype, disposition=disposition, filename="contract")
    imap.put(message.as_bytes())
    assert run(monkeypatch, deployed(), "--delete") == 0
    assert len(imap.folders["INBOX"]) == kept


def test_nothing_is_deleted_unless_asked_for(imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    imap.put(report("1"))
    assert run(monkeypatch, deployed()) == 0
    assert len(imap.folders["INBOX"]) == 1


@pytest.mark.parametrize(
    ("change", "said"), [({"capabilities": "IMAP4rev1"}, "no UIDPLUS"), ({"validity": 8}, "made anew meanwhile")]
)
def test_what_cannot_be_told_from_others_is_not_deleted(
    change: dict[str, object],
    said: str,
    imap: ImapServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    imap.put(report("1"))
    lines = "operate.reports.table.lines"

    def meanwhile(_summary: Summary) -> Sequence[str]:
        for name, value in change.items():
            setattr(imap, name, value)
        return ()

    monkeypatch.setattr(lines, meanwhile)
    assert run(monkeypatch, deployed(), "--delete") == 1
    assert said in capsys.readouterr().err
    assert len(imap.folders["INBOX"]) == 1
    assert all(message.flags == set() for message in imap.folders["INBOX"].values())


def test_another_mailbox_and_folder_can_be_named_with_its_password_piped_in(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imap.passwords["me@elsewhere.example"] = "secret-7"
    imap.put(report("1", Row(count="9")), folder="DMARC reports")
    monkeypatch.setattr("sys.stdin", io.StringIO("secret-7\n"))
    named = ["--mailbox", "me@elsewhere.example", "--imap-host", HOST, "--folder", "DMARC reports"]
    assert run(monkeypatch, deployed(), *named, "--password-stdin", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["stack"], found["mailboxes"], found["deleted"]) == ("test", ["me@elsewhere.example"], 0)
    assert found["domains"][0]["days"] == [["2024-02-29", 9, 0]]
    assert "secret-7" not in told.out + told.err


@pytest.mark.parametrize(
    ("folder", "sent"),
    [
        ("Berichte für DMARC", "Berichte f&APw-r DMARC"),
        ("R&D", "R&-D"),
        ("INBOX.DMARC", "INBOX.DMARC"),
        ("台北", "&U,BTFw-"),
        ("&ü", "&-&APw-"),
    ],
)
def test_a_folder_has_the_name_that_people_know(
    folder: str, sent: str, imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Servers know it in modified UTF-7 (RFC 9051, appendix A.1)."""
    imap.put(report("1", Row(count="9")), folder=sent)
    assert run(monkeypatch, deployed(), "--folder", folder, "--delete") == 0
    assert "9 messages passed" in capsys.readouterr().out
    assert imap.folders[sent] == {}


def test_of_a_folder_that_is_not_there_it_is_said_which_there_are(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imap.folders |= {"INBOX.Berichte f&APw-r": {}, "INBOX.&U,BTFw-": {}, "R&-D": {}}
    assert run(monkeypatch, deployed(), "--folder", "Bücher") == 1
    assert capsys.readouterr().err == (
        "No mailbox that gets reports could be read.\nadmin@example.com: no folder Bücher can be opened: "
        "no such folder. There are: INBOX, INBOX.Berichte für, INBOX.台北, R&D\n"
    )


def test_what_is_named_twice_is_read_once(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imap.put(report("1"))
    twice = ["--folder", "INBOX", "--folder", "INBOX", "--mailbox", ADMIN, "--mailbox", ADMIN]
    assert run(monkeypatch, deployed(), *twice, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["duplicates"], found["mailboxes"]) == (0, [ADMIN])


def test_what_a_server_says_cannot_move_the_cursor(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imap.missing = "no \x1b[2Jsuch folder"
    assert run(monkeypatch, deployed(), "--folder", "Reports") == 1
    assert "no [2Jsuch folder" in capsys.readouterr().err


def test_days_are_a_number_of_ascii_digits(capsys: pytest.CaptureFixture[str]) -> None:
    for days in ("0", "-1", "3651", "1.5", "²", ""):
        with pytest.raises(SystemExit):
            main(["--stack", "test", f"--since={days}"])
        assert "expected a number of days, for example 35" in capsys.readouterr().err


def test_without_its_password_a_mailbox_is_not_guessed_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(monkeypatch, deployed(), "--mailbox", f"ann@{DOMAIN}") == 1
    assert "Pipe it in: --password-stdin" in capsys.readouterr().err


def test_people_are_told_who_sent_how_it_fared_and_what_follows(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        Row(count="40"),
        Row("192.0.2.9", "3", spf="fail", dkim="fail", disposition="reject", signed=["news.example"]),
    ]
    imap.put(report("1", *rows))
    failure = {
        "result-type": "certificate-expired",
        "receiving-mx-hostname": "mail.example.com",
        "failed-session-count": 2,
    }
    imap.put(mail(gzipped(tls_report(failures=[failure], failed=2)), "application/tlsrpt+gzip").as_bytes())
    assert run(monkeypatch, deployed()) == 0
    out = capsys.readouterr().out
    for said in (
        "40 messages passed, 3 failed, by Receiver",
        f"{IPV4} (this server)",
        "192.0.2.9 (unknown) for news.example",
        "reject 3",
        "not enough is known to say how strict the policy may be",
        "Reports cover 1 of the 14 days that are needed.",
        "10 sessions succeeded, 2 failed, by Sender",
        "2 certificate-expired at mail.example.com",
        "not yet safe to enforce",
    ):
        assert said in out
