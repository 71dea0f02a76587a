"""Restores on the server: an empty one filled, a used one put aside, a mailbox brought back, files to look at."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.support.backup_server import BOX, BackupServer
from tests.support.serving import serving

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system of its own, mostly
OURS, THEIRS = ("admin@example.com", "Of-Today-1"), ("admin@example.com", "Of-Last-Year-1")


@pytest.fixture
def server(tmp_path: Path) -> BackupServer:
    """One with a backup of all that it has."""
    server = BackupServer(tmp_path)
    server.set_up()
    server.back_up()
    (server.folder / "events").unlink()
    return server


def restore(server: BackupServer, *, more: str = "", **told: Any) -> subprocess.CompletedProcess[str]:
    usual = {"snapshot": "latest", "mailbox": None, "to": None, "sure": False}
    return server.run("restore", more=more, **usual | told)


def fill(server: BackupServer, *, more: str = "") -> subprocess.CompletedProcess[str]:
    return server.run("fill", more=more, access="1")


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def loses_its_volume(server: BackupServer) -> dict[str, bytes]:
    """What it held."""
    held = content(server.data) | {"account": (server.folder / "volume/certificates/account").read_bytes()}
    shutil.rmtree(server.folder / "volume")
    server.data.mkdir(parents=True)
    return held


# --- a new server


def test_an_empty_server_gets_the_newest_whole_snapshot_with_its_certificates(server: BackupServer) -> None:
    server.message("2.later", "Subject: later\n\n")
    server.back_up()
    held = loses_its_volume(server)
    done = fill(server)
    assert json.loads(done.stdout) == {"restored": "00000004"}, done.stderr
    assert content(server.data) | {"account": (server.folder / "volume/certificates/account").read_bytes()} == held
    assert sorted(each.name for each in (server.folder / "volume").iterdir()) == ["certificates", "data"]


def test_where_poste_was_installed_the_repository_is_not_even_asked(server: BackupServer) -> None:
    (server.folder / "restic-calls").unlink()
    assert json.loads(fill(server).stdout) == {"restored": None}
    assert not (server.folder / "restic-calls").exists()


@pytest.mark.parametrize("repository", ["none", "without snapshots", "with live ones only"])
def test_an_empty_server_without_a_backup_is_left_to_the_installer(server: BackupServer, repository: str) -> None:
    loses_its_volume(server)
    snapshots = server.folder / "repository/snapshots"
    if repository == "none":
        shutil.rmtree(server.folder / "repository")
    elif repository == "without snapshots":
        shutil.rmtree(snapshots)
    else:
        (snapshots / "00000002.json").unlink()
    done = fill(server)
    assert json.loads(done.stdout) == {"restored": None}, done.stderr
    assert list(server.data.iterdir()) == []


@pytest.mark.parametrize(
    "said",
    [
        "Fatal: unable to open config file: dial tcp: i/o timeout\nIs there a repository at the following location?",
        "Fatal: unable to open config file: Stat: Access Denied.\nIs there a repository at the following location?",
        "Fatal: unable to open config file: of another kind\nIs there a repository at the following location?",
        "Fatal: wrong password or no key found",
    ],
)
def test_an_empty_server_whose_repository_does_not_answer_is_not_installed(server: BackupServer, said: str) -> None:
    loses_its_volume(server)
    server.hook("cat", f"echo '{said}' >&2; exit 1\n")
    done = fill(server)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Nothing was installed" in done.stderr


def test_an_empty_server_is_not_filled_with_a_damaged_database(server: BackupServer) -> None:
    tree = server.folder / "repository/snapshots/00000002" / str(server.data / "users.db").lstrip("/")
    with tree.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    loses_its_volume(server)
    done = fill(server)
    assert "users.db: " in done.stderr
    assert list(server.data.iterdir()) == []


def test_where_all_snapshots_are_damaged_the_installer_does_not_hide_them(server: BackupServer) -> None:
    meta = server.folder / "repository/snapshots/00000002.json"
    meta.write_text(meta.read_text().replace("whole", "damaged"))
    loses_its_volume(server)
    done = fill(server)
    assert done.returncode == 1
    assert "00000002" in done.stderr


def test_owners_are_compared_by_number(server: BackupServer) -> None:
    loses_its_volume(server)
    done = fill(server, more=f"snapshot_checks.OWNER = {os.getuid() + 1}")
    assert f"belongs to the user {os.getuid()}" in done.stderr
    assert list(server.data.iterdir()) == []


def test_an_empty_server_gets_the_administrator_that_the_data_know_for_root_alone(server: BackupServer) -> None:
    server.administrator = THEIRS
    server.back_up()
    for before in (None, OURS):
        loses_its_volume(server)
        file = server.folder / "scripts/administrator.json"
        file.unlink()
        if before:
            server.administrator = before
        done = fill(server)
        assert done.returncode == 0, done.stderr
        assert server.administrator == THEIRS
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_uid == os.getuid()


def test_the_administrator_comes_onto_another_file_system_than_the_volume_s(server: BackupServer) -> None:
    if MEMORY.stat().st_dev == server.folder.stat().st_dev:
        pytest.skip("needs two file systems")
    server.administrator = THEIRS
    server.back_up()
    loses_its_volume(server)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        shutil.rmtree(server.folder / "scripts")
        (server.folder / "scripts").symlink_to(folder)
        done = fill(server)
        assert done.returncode == 0, done.stderr
        assert server.administrator == THEIRS


STEPS = [
    ("staging.fetch", True), ("staging.put_missing", True), ("staging.exchange", True),
    ("shutil.rmtree", False), ("whole_file.settle", False),
]  # fmt: skip
"""Where a restore may be killed, each time that one of these is called: after it, or before."""
KILLED = """
import shutil, staging, whole_file
calls = 0
def killed_at(module, name, number, after):
    original = getattr(module, name)
    def call(*words, **more):
        global calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), 9)
        done = original(*words, **more)
        if calls == number and after:
            os.kill(os.getpid(), 9)
        return done
    setattr(module, name, call)
killed_at({step}, {number}, {after})
"""


def killed(step: str, number: int, *, after: bool) -> str:
    module, _, name = step.partition(".")
    return KILLED.format(step=f"{module}, {name!r}", number=number, after=after)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("step", "after"), STEPS)
def test_a_filling_that_is_killed_anywhere_is_done_by_the_next_run(
    server: BackupServer, step: str, after: bool
) -> None:
    held = loses_its_volume(server)
    (server.data / "left").write_text("of a start without data")
    reached = 0
    for number in range(1, 9):
        if fill(server, more=killed(step, number, after=after)).returncode != -9:
            break
        reached += 1
    assert reached
    assert fill(server).returncode == 0
    assert content(server.data) == {name: text for name, text in held.items() if name != "account"}
    assert (server.folder / "volume/certificates/account").exists()


# --- the whole server


def test_a_used_server_is_not_restored_over_without_a_second_word(server: BackupServer) -> None:
    before = content(server.data)
    done = restore(server)
    assert done.returncode == 1
    assert "would be gone from Poste" in done.stderr
    assert "./run mail restore --stack STACK --replace STACK" in done.stderr
    assert content(server.data) == before
    assert server.events == []


def test_a_used_server_goes_back_to_a_snapshot_and_what_it_had_is_kept(server: BackupServer) -> None:
    before = content(server.data)
    server.message("2.later", "Subject: later\n\n")
    later = content(server.data)
    (server.folder / "volume/certificates/account").write_text("a newer one")
    done = restore(server, sure=True)
    told = json.loads(done.stdout)
    assert told["snapshot"] == "00000002", done.stderr
    assert content(server.data) == before
    assert content(Path(told["kept"])) == later
    assert Path(told["kept"]).name.startswith("data.kept-2")
    assert told["files"] == 5
    assert server.events == ["stop", "start"]
    assert (server.folder / "volume/certificates/account").read_text() == "a newer one"
    assert not (server.folder / "volume/.restoring").exists()


def test_an_older_snapshot_can_be_chosen_and_a_live_one_is_refused(server: BackupServer) -> None:
    server.message("2.later", "Subject: later\n\n")
    server.back_up()
    refused = restore(server, sure=True, snapshot="00000003")
    assert "was made while Poste ran" in refused.stderr
    done = restore(server, sure=True, snapshot="00000002")
    assert json.loads(done.stdout)["snapshot"] == "00000002"
    unknown = restore(server, sure=True, snapshot="0000dead")
    assert unknown.stderr.splitlines()[-1] == "Nothing was restored. The repository has no snapshot 0000dead."
    assert "Traceback" not in unknown.stderr


def test_too_little_space_is_told_with_the_size_that_is_needed_before_anything_is_restored(
    server: BackupServer,
) -> None:
    (server.folder / "size").write_text(str(10**16))
    done = restore(server, sure=True)
    assert "Raise volumeSize by 10000001 GB" in done.stderr
    assert server.asked("restore") == []


def test_a_restored_database_that_is_damaged_changes_nothing(server: BackupServer) -> None:
    with (server.folder / "repository/snapshots/00000002" / str(server.data / "users.db").lstrip("/")).open(
        "r+b"
    ) as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    before = content(server.data)
    done = restore(server, sure=True)
    assert "Nothing was changed" in done.stderr
    assert "users.db" in done.stderr
    assert content(server.data) == before
    assert server.events == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("step", "after"), STEPS)
def test_a_restore_that_is_killed_anywhere_leaves_data_and_the_next_run_ends_it(
    server: BackupServer, step: str, after: bool
) -> None:
    before = content(server.data)
    server.message("2.later", "Subject: later\n\n")
    later = content(server.data)
    reached = 0
    for number in range(1, 12):
        if restore(server, sure=True, more=killed(step, number, after=after)).returncode != -9:
            break
        reached += 1
        assert content(server.data) in (before, later)
        kept = [content(folder) for folder in (server.folder / "volume").glob("data.kept-*")]
        assert content(server.data) == later or later in kept
        server.run("backup", "started")
        assert server.state == "running"
    assert reached
    assert restore(server, sure=True).returncode == 0
    assert content(server.data) == before
    kept = [content(folder) for folder in (server.folder / "volume").glob("data.kept-*")]
    assert later in kept
    assert not (server.folder / "volume/.restoring").exists()
    assert not (server.folder / "volume/.exchange.json").exists()


@pytest.mark.parametrize("empty", [False, True])
def test_what_was_restored_and_not_put_in_place_is_not_kept_twice(server: BackupServer, empty: bool) -> None:
    before = content(server.data)
    if empty:
        loses_its_volume(server)
        (server.data / "left").write_text("of a start without data")
    else:
        server.message("2.later", "Subject: later\n\n")
    later = content(server.data)
    run = fill if empty else partial(restore, sure=True)
    die = "import staging; staging.ctypes.CDLL = lambda *_, **__: os.kill(os.getpid(), 9)"
    assert run(server, more=die).returncode == -9
    assert content(server.data) == later
    assert run(server).returncode == 0
    assert content(server.data) == before
    (kept,) = (server.folder / "volume").glob("data.kept-*")
    assert content(kept) == later
    assert not (server.folder / "volume/.exchange.json").exists()


# --- the way of mail of a restored server


def has_route(server: BackupServer, password: str, *, ours: bool = True) -> str:
    """Have Poste send mail through a relay, as a deploy leaves it or as a person has set it; its settings then."""
    route = f"*:smtp.relay.example;587|club|{password}"
    text = f'[email]\n\n[routing]\nsmtp_routes = "{route}"\n'
    (server.data / "server.ini").write_text(text)
    if ours:
        folder = server.folder / "volume/relay"
        folder.mkdir(exist_ok=True)
        digest = hashlib.sha256(route.encode()).hexdigest()
        (folder / "route.json").write_text(json.dumps({"digest": digest, "applied": True}))
    return text


def has_no_relay(server: BackupServer) -> str:
    """Have Poste deliver mail itself, as the deploy without a relay leaves it; its settings then."""
    shutil.rmtree(server.folder / "volume/relay", ignore_errors=True)
    text = "[email]\n\n[routing]\n"
    (server.data / "server.ini").write_text(text)
    return text


def settings_of(server: BackupServer) -> str:
    """Poste's settings after the whole server was restored."""
    done = restore(server, sure=True)
    assert done.returncode == 0, done.stderr
    return (server.data / "server.ini").read_text()


def note_of(server: BackupServer) -> bytes | None:
    """What tells which route is ours."""
    file = server.folder / "volume/relay/route.json"
    return file.read_bytes() if file.exists() else None


def test_a_restored_server_goes_on_with_the_route_of_now(server: BackupServer) -> None:
    has_route(server, "of-then")
    server.back_up()
    now = has_route(server, "of-now")
    (server.data / "server.ini").chmod(0o660)
    note = note_of(server)
    assert settings_of(server) == now
    assert note_of(server) == note


def test_a_restored_server_of_before_the_relay_goes_on_through_it(server: BackupServer) -> None:
    has_no_relay(server)
    server.back_up()
    now = has_route(server, "of-now")
    assert settings_of(server) == now


def test_a_snapshot_that_cannot_hold_the_relay_of_now_is_not_restored(server: BackupServer) -> None:
    has_no_relay(server)
    (server.data / "server.ini").unlink()
    server.back_up()
    now = has_route(server, "of-now")
    done = restore(server, sure=True)
    assert "Nothing was changed" in done.stderr
    assert "it has no server.ini, in which the relay is to stand" in done.stderr
    assert "Traceback" not in done.stderr
    assert (server.data / "server.ini").read_text() == now
    has_no_relay(server)
    assert restore(server, sure=True).returncode == 0
    assert not (server.data / "server.ini").exists()


def test_a_restored_server_does_not_go_back_to_a_relay_that_was_given_up(server: BackupServer) -> None:
    has_route(server, "of-then")
    server.back_up()
    now = has_no_relay(server)
    assert settings_of(server) == now
    assert note_of(server) is None


def test_a_route_of_a_persons_comes_back_as_it_was(server: BackupServer) -> None:
    then = has_route(server, "of-a-person", ours=False)
    server.back_up()
    has_no_relay(server)
    assert settings_of(server) == then


def test_where_the_settings_of_now_are_destroyed_those_of_the_snapshot_hold(server: BackupServer) -> None:
    then = has_route(server, "of-now")
    server.back_up()
    (server.data / "server.ini").write_bytes(bytes(range(128, 192)))
    assert settings_of(server) == then


def test_an_empty_server_knows_by_its_backup_which_route_is_ours(server: BackupServer) -> None:
    """So the deploy that follows, with a relay or without, can give it up."""
    then = has_route(server, "of-then")
    note = note_of(server)
    server.back_up()
    loses_its_volume(server)
    assert fill(server).returncode == 0
    assert (server.data / "server.ini").read_text() == then
    assert note_of(server) == note


# --- the administrator of a restored server


@dataclass
class Poste:
    """A Poste that lets some in by their passwords."""

    passwords: dict[str, str]
    changes: int = 0

    def answer(self, method: str, path: str, credentials: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/admin/login":
            return 200, None
        if credentials not in [f"{address}:{password}" for address, password in self.passwords.items()]:
            return 401, None
        match method, [unquote(part) for part in path.removeprefix("/admin/api/v1").split("/")]:
            case "GET", ["", "domains"]:
                return 200, []
            case "GET", ["", "boxes", address]:
                return (200, {}) if address in self.passwords else (404, None)
            case "PATCH", ["", "boxes", address]:
                self.passwords[address] = body["passwordPlaintext"]
                self.changes += 1
                return 204, None
        return 404, None

    @contextmanager
    def serving(self) -> Iterator[str]:
        poste = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                credentials = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
                status, told = poste.answer(self.command, self.path, credentials, body)
                text = b"" if told is None else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PATCH = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
            yield url


@pytest.mark.parametrize("address", [OURS[0], "post/master@example.com"])
def test_a_restored_server_s_administrator_has_the_password_of_today(server: BackupServer, address: str) -> None:
    ours, theirs = (address, OURS[1]), (address, THEIRS[1])
    server.administrator = theirs
    server.back_up()
    server.administrator = ours
    poste = Poste(dict([theirs]))
    with poste.serving() as url:
        done = restore(server, sure=True, url=url)
    assert done.returncode == 0, done.stderr
    assert poste.passwords == dict([ours])
    assert server.administrator == ours
    for secret in (OURS[1], THEIRS[1]):
        assert secret not in done.stdout + done.stderr


def test_where_the_restored_server_knows_the_administrator_nothing_is_changed(server: BackupServer) -> None:
    server.administrator = OURS
    server.back_up()
    poste = Poste(dict([OURS]))
    with poste.serving() as url:
        assert restore(server, sure=True, url=url).returncode == 0
    assert poste.changes == 0
    assert server.administrator == OURS


@pytest.mark.parametrize("theirs", [THEIRS, None])
def test_where_nobody_can_appoint_the_administrator_it_says_what_to_do_and_the_data_are_restored(
    server: BackupServer, theirs: tuple[str, str] | None
) -> None:
    if theirs:
        server.administrator = theirs
    before = content(server.data)
    server.back_up()
    server.message("2.later", "Subject: later\n\n")
    server.administrator = OURS
    with Poste({OURS[0]: "one that nobody knows"}).serving() as url:
        done = restore(server, sure=True, url=url)
    assert done.returncode == 1
    assert "was restored, and what Poste had is in" in done.stderr
    assert "pulumi config set --secret adminPassword" in done.stderr
    assert content(server.data) == before
    assert server.administrator == OURS
    assert server.state == "running"


def test_a_server_that_knows_no_administrator_gets_the_snapshot_s(server: BackupServer) -> None:
    server.administrator = THEIRS
    server.back_up()
    (server.folder / "scripts/administrator.json").unlink()
    assert restore(server, sure=True).returncode == 0
    assert server.administrator == THEIRS


def test_a_poste_that_somebody_has_stopped_is_not_waited_for(server: BackupServer) -> None:
    server.administrator = OURS
    server.state = "exited"
    assert restore(server, sure=True).returncode == 0
    assert server.state == "exited"


# --- one mailbox


def test_a_mailbox_s_messages_come_back_in_a_folder_of_it_while_poste_runs(server: BackupServer) -> None:
    server.message("2.sent:2,S", "Subject: sent\n\n", folder=".Sent")
    server.message("3.new", "Subject: new\n\n", inner="new")
    server.back_up()
    maildir = server.data / BOX / "Maildir"
    shutil.rmtree(maildir / ".Sent")
    (maildir / "new/3.new").unlink()
    (maildir / "subscriptions").write_text("V\t2\n\nJunk\n")
    (server.folder / "events").unlink()
    done = restore(server, mailbox="Ann@example.com")
    told = json.loads(done.stdout)
    assert told["messages"] == 3, done.stderr
    assert told["kept"] is None
    (title,) = [each.name for each in maildir.glob(".Restored ????-??-??")]
    assert content(maildir / title)["cur/1.first"] == b"Subject: first\n\nHello\n"
    assert (maildir / title / "new/3.new").exists()
    assert (maildir / f"{title}.Sent/cur/2.sent:2,S").exists()
    assert (maildir / title / "maildirfolder").exists()
    assert (maildir / "subscriptions").read_text() == f"V\t2\n\nJunk\n{title[1:]}\n{title[1:]}\tSent\n"
    assert server.events == []
    assert not (server.folder / "volume/.restoring").exists()


def test_a_mailbox_that_is_restored_again_has_no_message_twice(server: BackupServer) -> None:
    for messages in (1, 0):
        done = restore(server, mailbox="ann@example.com")
        assert json.loads(done.stdout)["messages"] == messages, done.stderr
    subscriptions = (server.data / BOX / "Maildir/subscriptions").read_text().splitlines()
    assert len(subscriptions) == 1


@pytest.mark.parametrize("number", range(1, 4))
def test_a_restore_of_a_mailbox_that_is_killed_is_ended_by_the_next_run(server: BackupServer, number: int) -> None:
    server.message("2.sent:2,S", "Subject: sent\n\n", folder=".Sent")
    server.back_up()
    more = KILLED.format(step="Path, 'rename'", number=number, after=True)
    restore(server, mailbox="ann@example.com", more=more)
    assert restore(server, mailbox="ann@example.com").returncode == 0
    found = sorted(file.name for file in (server.data / BOX / "Maildir").glob(".Restored*/cur/*"))
    assert found == ["1.first", "2.sent:2,S"]


def test_a_mailbox_that_is_not_there_or_not_in_the_snapshot_is_told(server: BackupServer) -> None:
    gone = restore(server, mailbox="bob@example.com")
    assert "Poste has no mailbox bob@example.com" in gone.stderr
    (server.data / "domains/example.com/eve").mkdir()
    assert "has no mailbox eve@example.com" in restore(server, mailbox="eve@example.com").stderr


@pytest.mark.parametrize("address", ["ann", "../ann@example.com", "..@example.com", "a/b@example.com", "a@b@c"])
def test_what_is_no_address_leads_nowhere(server: BackupServer, address: str) -> None:
    assert "is no mailbox's address" in restore(server, mailbox=address).stderr


# --- files


def test_files_come_into_an_empty_folder_and_poste_is_left_alone(server: BackupServer) -> None:
    before = content(server.data)
    to = server.folder / "volume/look"
    done = restore(server, to=str(to))
    assert json.loads(done.stdout)["files"] == 5, done.stderr
    assert content(to / "data") == before
    assert (to / "certificates/account").exists()
    assert sorted(each.name for each in to.iterdir()) == ["certificates", "data"]
    assert server.events == []


def test_one_mailbox_s_files_come_into_a_folder_even_where_poste_has_it_no_more(server: BackupServer) -> None:
    shutil.rmtree(server.data / "domains")
    to = server.folder / "volume/look"
    done = restore(server, to=str(to), mailbox="ann@example.com")
    assert done.returncode == 0, done.stderr
    assert (to / "Maildir/cur/1.first").exists()


def test_a_folder_with_something_in_it_is_refused(server: BackupServer) -> None:
    assert "is not an empty folder" in restore(server, to=str(server.folder / "volume")).stderr
    assert "within Poste's own data" in restore(server, to=str(server.data / "look")).stderr
    assert "a whole path" in restore(server, to="look").stderr


def test_a_restore_to_a_folder_that_was_killed_can_be_run_again(server: BackupServer) -> None:
    to = server.folder / "volume/look"
    restore(server, to=str(to), more=killed("staging.fetch", 1, after=True))
    assert (to / ".restoring").exists()
    assert restore(server, to=str(to)).returncode == 0
    assert not (to / ".restoring").exists()
