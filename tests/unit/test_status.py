"""`./run mail status`: the screen, and what of it stands on the page. How the page looks is for a browser to say."""

import asyncio
import copy
import json
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from operate.addresses import without_mailboxes
from operate.errors import MailboxError, ServerError
from operate.reports.summary import DAYS
from operate.status import command, look, now, plots
from operate.status.page import page
from operate.verify import container
from operate.verify.result import Status, fail, ok
from operate.verify.stack import Stack
from tests.support import status_look
from tests.support.examples import BACKUP_KEY, HOST_KEY, LOGIN_KEY, PASSWORD, STORAGE_BOX
from tests.support.ssh_server import serving_ssh
from tests.support.status_look import RESULTS, SHOWN, TODAY, finding, well
from tests.support.verify_world import IPV4, LOOPBACK, stack

FAIL, OK, UNKNOWN = Status.FAIL, Status.OK, Status.UNKNOWN

ALARM = SHOWN["alarms"][0]["text"]
ALL = status_look.look().stack
"""A stack with a certificate and a backup."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the watch shows; a test may change it, or put an error under `show`."""
    shown = well()

    async def run_script(_stack: Stack, *words: Any) -> Any:
        assert words == ("watch.py", None, "show")
        if error := shown.get("show"):
            raise error
        return shown

    async def read_stack(_name: str) -> Stack:
        return ALL

    monkeypatch.setattr(command, "read_stack", read_stack)
    monkeypatch.setattr(look, "run_script", run_script)
    return shown


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, server: dict[str, Any]) -> dict[str, Any]:
    """What strangers see and receivers report; a test may change it."""
    found: dict[str, Any] = {
        "results": [result for result in RESULTS if result.holds],
        "reports": status_look.reports(),
    }

    async def checked(of: Stack, *_: Any) -> tuple[Any, float]:
        found["asked"] = of
        return found["results"], 1.0

    async def gather(_stack: Stack, since: date) -> Any:
        assert (date.today() - since).days in (DAYS - 1, DAYS, DAYS + 1)
        if isinstance(found["reports"], Exception):
            raise found["reports"]
        return found["reports"]

    monkeypatch.setattr("operate.verify.command.look", checked)
    monkeypatch.setattr(look, "gather", gather)
    return found


def row(shown: dict[str, Any], name: str, of: Stack = ALL) -> now.Row:
    """One of the rows."""
    (found,) = [each for each in now.rows(shown, now.parts(of.settings)) if each.name == name]
    return found


def test_one_screen_tells_all_and_ends_with_0_while_there_is_no_alarm(
    server: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "test"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 24
    for words in (
        "mail.example.com",
        "analogic/poste.io:2.5.11",
        "running, healthy",
        "2 messages, the oldest for 5 minutes",
        "/mnt/poste 41 % full (inodes 3 %), 6.2 GB free",
        "1.5 GB of 4.0 GB free",
        "61 days left on 25, 465, 993",
        "current at 2026-11-28 13:10 UTC; due 2026-12-29 19:30 UTC",
        "2026-11-28 03:30 UTC, 1.8 GB",
        "as DNS has them (example.com, example.org)",
        "all 5 are up",
        "url: ok",
        "No alarm",
    ):
        assert words in shown
    assert "sha256" not in shown


def test_an_alarm_is_told_first_and_ends_with_1(server: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    server.update(copy.deepcopy(SHOWN))
    assert command.main(["--stack", "test"]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[1] == f"✗ {ALARM} (for 10 minutes)"
    assert [line.split()[1:3] for line in shown[2:] if line.startswith("✗")] == [["DKIM", "keys"]]
    assert shown[-1] == "What to do: ./run mail verify --stack test"


def test_the_same_is_one_json_object(server: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    server.update(copy.deepcopy(SHOWN))
    assert command.main(["--stack", "test", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"stack": "test", "ok": False, **SHOWN}


def test_a_server_that_cannot_be_asked_is_a_failure_with_its_reason(
    server: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    server["show"] = ServerError("SSH to 198.51.100.130: no route")
    assert command.main(["--stack", "test"]) == 1
    assert capsys.readouterr() == ("", "SSH to 198.51.100.130: no route\n")


def test_a_server_whose_last_deploy_knew_no_watch_wants_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = replace(ALL, ipv4=LOOPBACK)
    with (
        serving_ssh(deployed.settings, shlex.split, os.environ, monkeypatch),
        pytest.raises(ServerError, match=r"watch.py is not on the server.* pulumi up --stack test"),
    ):
        asyncio.run(look.shown_by(deployed))


@pytest.mark.parametrize("key", [key for key in SHOWN if key not in ("at", "alarms", "told", "history")])
def test_a_part_that_was_not_looked_at_is_said_to_be_unknown_and_hides_no_other(key: str) -> None:
    shown = well() | {key: None}
    rows = now.rows(shown, now.parts(ALL.settings))
    unknown = {each.text for each in rows if each.status is UNKNOWN}
    assert unknown == {"could not be looked at"}
    assert sum(each.status is OK for each in rows) >= len(rows) - 2  # the certificate has two rows


@pytest.mark.parametrize(
    ("name", "part", "status", "text"),
    [
        ("queue", {"queue": {"messages": 0, "oldest": 0}}, OK, "empty"),
        ("queue", {"queue": {"messages": 1, "oldest": 90000}}, OK, "1 message, the oldest for 1 day"),
        ("services", {"services": {"nginx": True, "dovecot": False}}, OK, "down: dovecot"),
        ("sent", {"outgoing": {}}, OK, "none in the last hour"),
        ("sent", {"outgoing": {"a@b.example": 3, "c@b.example": 9}}, OK,
         "12 messages in the last hour, the most by c@b.example: 9"),
        ("certificate", {"certificate": {"days": {"25": 61.3, "465": None, "993": 2.2}, "renewal": None, "next": None}},
         UNKNOWN,
         "61 days left on 25; no answer on 465; 2 days left on 993"),
        ("renewal", {"certificate": {"days": {}, "renewal": None, "next": None}}, OK, "not tried yet"),
        ("renewal", {"certificate": {"days": {}, "renewal": {"result": "refused", "tried": 0, "error": "Not now."},
                                     "next": 86400}}, OK,
         "refused at 1970-01-01 00:00 UTC: Not now.; due 1970-01-02 00:00 UTC"),
        ("backup", {"backup": {"at": None, "result": None, "size": None}}, UNKNOWN, "none yet"),
        ("backup", {"backup": {"at": 60, "result": "failed", "size": 5e9}}, OK,
         "1970-01-01 00:01 UTC, 5.0 GB; the last try failed"),
        ("drill", {"drill": {"at": None, "result": None}}, UNKNOWN, "none yet"),
        ("DKIM keys", {"dkim": {"example.com": "ok", "example.org": None}}, UNKNOWN, "example.org: no answer"),
        ("container", {"container": {"status": "missing", "health": "none", "started": None, "starts": 0}}, UNKNOWN,
         "missing"),
        ("container", {"container": {"status": "running", "health": "unhealthy", "started": 60, "starts": 4}}, OK,
         "running, unhealthy, since 1970-01-01 00:01 UTC, started again 4 times in a day"),
        ("told", {"told": {}}, OK, "nobody yet: set heartbeat, or wait for the first round"),
    ],
)  # fmt: skip
def test_what_the_rows_say(name: str, part: dict[str, Any], status: Status, text: str) -> None:
    """The server alone knows from when on something is an alarm, so without one a row is not red."""
    assert row(well() | part, name) == now.Row(name, status, text)


def test_what_another_version_of_the_watch_shows_is_unknown_and_hides_nothing() -> None:
    shown = well() | {"memory": {"total": 5}, "queue": {"messages": 3, "oldest": None}, "disk": 7}
    del shown["drill"]
    rows = now.rows(shown, now.parts(ALL.settings))
    assert {each.name for each in rows if each.status is UNKNOWN} == {"memory", "queue", "disk", "drill"}


@pytest.mark.parametrize("other", ["text", ["a"], 5])
@pytest.mark.parametrize("key", ["services", "dkim", "outgoing", "told", "disk", "certificate"])
def test_what_another_version_shows_in_another_form_hides_nothing(key: str, other: object) -> None:
    shown = well() | {key: other, "history": []}
    assert "The server now" in page(status_look.look(shown=shown))
    assert row(shown, "version").status is OK


@pytest.mark.parametrize("value", ["x", None, float("nan"), float("inf"), -3, [1]])
def test_what_is_no_number_is_not_drawn(value: object) -> None:
    at = status_look.AT
    history: list[dict[str, Any]] = [
        {"at": at, "in": value, "out": 2, "queue": value, "disk": 30},
        {"at": at, "in": 5, "out": 2},
    ]
    messages, *_ = plots.of_history(history, TODAY)
    assert [series.values[-1] for series in messages.series] == [5, 4]
    assert "Messages a day" in page(status_look.look(shown=well() | {"history": history}))


def test_what_could_not_be_looked_at_is_not_well(
    server: dict[str, Any], outside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.update(disk=None, backup=None)
    assert command.main(["--stack", "test"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "No alarm, but not known: disk, backup"
    assert command.main(["--stack", "test", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert command.main(["--stack", "test", "--html", str(tmp_path)]) == 1
    assert "<title>mail.example.com: 2 unknown values</title>" in (tmp_path / "index.html").read_text()


def test_what_other_servers_say_cannot_move_the_cursor() -> None:
    shown = well()
    shown["certificate"]["renewal"]["error"] = "no\x1b[2J\n  \u202eway"
    shown["alarms"] = [{"kind": "certificate", "text": "no\x1b]0;x\x07 way", "since": 5}]
    assert "no[2J way" in row(shown, "renewal").text
    assert now.alarm(shown["alarms"][0]) == "no]0;x way (for 5 seconds)"


def test_a_clock_that_was_set_back_makes_no_time_that_is_to_come() -> None:
    assert now.lasting(-400) == "0 seconds"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("queue", "queue"), ("inodes", "disk"), ("service", "services"), ("outgoing", "sent"), ("heartbeat", "told"),
     ("backup", "backup"), ("drill", "drill"), ("certificate", "renewal"), ("memory", "memory")],
)  # fmt: skip
def test_a_row_is_red_where_an_alarm_is_about_it(kind: str, name: str) -> None:
    shown = well() | {"alarms": [{"kind": kind, "text": "", "since": 1}]}
    assert row(shown, name).status is FAIL
    assert row(shown, "version").status is OK


def test_what_the_settings_do_not_ask_for_is_not_shown() -> None:
    names = [name for name, *_ in now.parts(stack(certificate="none").settings)]
    assert not {"certificate", "renewal", "backup", "drill"} & set(names)


def test_bars_stand_on_each_other_and_are_as_high_as_their_numbers() -> None:
    days = plots.last_days(TODAY, 3)
    plot = plots.Plot("t", days, (plots.Series("in", "a", (10, 0, 30)), plots.Series("out", "b", (5, 0, 10))))
    assert plot.top == 50
    first, nothing, last = (bars for _day, _words, bars in plot.columns)
    assert [(bar.kind, bar.y, bar.height) for bar in first] == [("a", 80, 20), ("b", 70, 10)]
    assert nothing == []
    assert [(bar.y, bar.height) for bar in last] == [(40, 60), (20, 20)]
    assert [words for _day, words, _bars in plot.columns] == ["10 in, 5 out", "0 in, 0 out", "30 in, 10 out"]
    assert plot.told == f"3 days to {TODAY}: 40 in, 15 out in all; the most on {TODAY}, 40."


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.4, 1), (1, 1), (3, 5), (10, 10), (11, 20), (51, 100), (999, 1000)]
)
def test_a_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert plots.Plot("t", (TODAY,), (plots.Series("in", "a", (most,)),)).top == top


def test_hours_are_added_up_by_day_and_of_what_has_a_level_the_highest_counts() -> None:
    lines: list[dict[str, Any]] = [
        {"at": status_look.AT - 3600 * ago, "in": 2, "out": 1, "queue": ago, "disk": 40} for ago in (0, 1)
    ]
    lines.append({"at": status_look.AT - 86400, "in": 7, "out": 0, "queue": None, "disk": None})
    mail, queue, disk = plots.of_history(lines, TODAY)
    assert mail.totals[-3:] == (0, 7, 6)
    assert queue.totals[-2:] == (0, 1)
    assert (disk.totals[-1], disk.top) == (40, 100)
    assert plots.of_history([], TODAY) == []


def test_days_without_a_report_are_empty_and_older_ones_are_left_out() -> None:
    days = plots.last_days(TODAY, 3)
    plot = plots.of_reports("example.com", [(TODAY, 5, 1), (TODAY - timedelta(days=40), 9, 9)], days)
    assert [series.values for series in plot.series] == [(0, 0, 5), (0, 0, 1)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("to ann@example.com, bob.b+c@mail.example.org.", "to …@example.com, …@mail.example.org."),
        ("rua=mailto:dmarc@example.com", "rua=mailto:…@example.com"),
        ('"a b"@example.com', "…@example.com"),
        ("jörg@xn--4ca.example", "…@xn--4ca.example"),
        ("to 'o'brien@example.com'", "to '…@example.com'"),
        ("ann@localhost, ann@[192.0.2.1], ann@exam", "…@localhost, …@[192.0.2.1], …@exam"),
        ("analogic/poste.io:2.5.11@sha256:aaaa", "analogic/poste.io:2.5.11@sha256:aaaa"),
        ("v=spf1 a:mail.example.com ~all", "v=spf1 a:mail.example.com ~all"),
    ],
)
def test_of_an_address_only_the_domain_is_left(text: str, left: str) -> None:
    assert without_mailboxes(text) == left


def test_the_page_holds_no_secret_and_no_mailbox_address() -> None:
    shown = page(status_look.look(unknown=("Not read: ann@example.com gets reports",)))
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w", shown) == []
    assert "…@example.com" in shown
    secrets = [LOGIN_KEY, HOST_KEY, BACKUP_KEY, PASSWORD, STORAGE_BOX["backupPassphrase"], "BEGIN OPENSSH"]
    for secret in secrets:
        assert secret.splitlines()[len(secret.splitlines()) // 2] not in shown


def test_what_is_cut_off_leaves_no_piece_of_an_address_behind() -> None:
    long = [finding(container.HEALTHY, ok(f"{'x' * before} ann.smith@example.com and more {'x' * 200}"))
            for before in range(130, 160)]  # fmt: skip
    shown = [page(status_look.look(results=[each])) for each in long]
    assert all("…" in each and "..." in each and "ann" not in each for each in shown)


def test_what_strangers_say_is_text_and_the_page_asks_nobody_for_anything() -> None:
    shown = page(status_look.look())
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script" not in shown
    assert "default-src 'none'" in shown
    assert re.findall(r'(?:src|href)="(?!data:,)[^"]*"|url\(|@import', shown) == []


def test_what_strangers_say_cannot_break_the_page_or_turn_its_words_around() -> None:
    """HTML knows no such characters, and UTF-8 not all of them."""
    bad = "\x1b[31m\u202e\x00\ud800evil\nline"
    found = [finding(container.HEALTHY, fail(bad, bad, bad), bad)]
    alarms = [{"kind": "queue", "text": bad, "since": 5}]
    shown = page(status_look.look(results=found, unknown=(bad,), shown=SHOWN | {"history": [], "alarms": alarms}))
    assert shown.count("[31mevil line") >= 6
    assert [character for character in shown if not character.isprintable() and character != "\n"] == []


def test_the_page_tells_what_is_wrong_why_it_matters_and_what_to_do() -> None:
    shown = page(status_look.look())
    assert "1 alarm, 1 failed check" in shown
    (broken,) = [result for result in RESULTS if not result.holds]
    assert broken.check.why in shown
    assert shown.index(ALARM) < shown.index("What to do") < shown.index("The server now")


def test_a_page_is_written_and_the_exit_status_says_whether_all_is_well(
    outside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "test", "--html", str(tmp_path / "new" / "folder")]) == 0
    file = tmp_path / "new" / "folder" / "index.html"
    assert f"written: {file}" in capsys.readouterr().out
    assert "All is well, and 2 could be better" in file.read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda server, _outside: server.update(alarms=SHOWN["alarms"]), "1 alarm"),
        (lambda _server, outside: outside.update(results=RESULTS), "1 failed check"),
        (lambda server, _outside: server.update(show=ServerError("no route")), "The server could not be asked"),
    ],
)
def test_a_page_is_written_of_what_is_known_when_not_all_is_well(
    change: Callable[[Any, Any], None], said: str, server: dict[str, Any], outside: dict[str, Any], tmp_path: Path
) -> None:
    change(server, outside)
    assert command.main(["--stack", "test", "--html", str(tmp_path)]) == 1
    written = (tmp_path / "index.html").read_text()
    assert f"<title>mail.example.com: {said}</title>" in written
    assert IPV4 in written


def test_reports_that_cannot_be_read_are_said_to_be_and_are_no_alarm(
    outside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside["reports"] = MailboxError("admin@example.com: wrong password")
    assert command.main(["--stack", "test", "--html", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["unknown"] == [
        "The reports about mail in your name could not be read: admin@example.com: wrong password"
    ]
    written = (tmp_path / "index.html").read_text()
    assert "could not be read: …@example.com: wrong password" in written
    assert "Who sends as" not in written


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_looked_at(
    server: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server["show"] = AssertionError("asked")
    (tmp_path / "file").touch()
    assert command.main(["--stack", "test", "--html", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == (
        f"--html {tmp_path / 'file'}: File exists. Expected a folder, or the name of a new one\n"
    )


def test_a_folder_that_may_not_be_written_to_is_told_before_anything_is_looked_at(
    server: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server["show"] = AssertionError("asked")
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever is root may write everywhere
    assert command.main(["--stack", "test", "--html", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"--html {tmp_path}: Permission denied. Expected a folder in which you may write\n"
    )


def test_a_page_that_cannot_be_written_is_told(
    outside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").mkdir()
    assert command.main(["--stack", "test", "--html", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'index.html'} cannot be written: Is a directory\n"


@pytest.mark.parametrize(("arguments", "left_out"), [([], False), (["--ipv4"], True)])
def test_the_checks_leave_ipv6_out_where_this_machine_has_none(
    arguments: list[str], left_out: bool, outside: dict[str, Any], tmp_path: Path
) -> None:
    assert command.main(["--stack", "test", "--html", str(tmp_path), *arguments]) == 0
    assert outside["asked"].ipv4_only is left_out
