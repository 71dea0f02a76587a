"""The backup's scripts on the server: both passes, what a run notes, and that Poste runs again whatever happens."""

import json
import sqlite3
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.support.backup_server import PASSPHRASE, BackupServer

REFUSED = """rclone: file already exists, refusing to overwrite in append-only mode
Fatal: unable to save snapshot: server response unexpected: 403 Forbidden (403)"""
NOTED = {
    "began": 1.0, "ended": 2.0, "result": "done", "error": "", "snapshot": "00000002", "seconds": 1.0, "away": 1.0,
    "added": 1, "size": 1, "files": 1, "last_good": None, "previous_size": None,
}  # fmt: skip
KILL = "kill -9 $CALLER; exit 1\n"


@pytest.fixture
def server(tmp_path: Path) -> BackupServer:
    return BackupServer(tmp_path)


def test_a_new_repository_is_made_a_timer_runs_and_the_first_backup_begins_in_the_background(
    server: BackupServer,
) -> None:
    done = server.run("backup")
    assert json.loads(done.stdout) == {"repository": "0123abcd"}, done.stderr
    assert "OnCalendar=*-*-* 02:30:00 UTC\n" in (server.folder / "units/poste-backup.timer").read_text()
    assert "ExecStopPost=" in (server.folder / "units/poste-backup.service").read_text()
    told = (server.folder / "systemd").read_text().splitlines()
    assert told[-1] == "start --no-block poste-backup.service"
    assert {"enable poste-backup.timer", "restart poste-backup.timer"} <= set(told)


def test_a_first_backup_that_is_soon_over_is_waited_for_and_a_long_one_goes_on(server: BackupServer) -> None:
    (server.folder / "done.json").write_text(json.dumps(NOTED))
    server.tool("systemctl", '#!/bin/sh\n[ "$1" != start ] || sh unit >/dev/null 2>&1 &\n')
    (server.folder / "unit").write_text(
        "timeout 60 sh -c 'until [ -e may-end ]; do sleep 0.05; done'; sleep 1\n"
        "mkdir -p volume/backup; cp done.json new; mv new volume/backup/status.json; echo >>ends\n"
    )
    ends = server.folder / "ends"
    assert server.run("backup").returncode == 0
    assert not ends.exists()
    (server.folder / "may-end").touch()
    while not ends.exists():
        time.sleep(0.05)
    (server.folder / "volume/backup/status.json").unlink()
    began = time.monotonic()
    done = server.run("backup", more="backup.FIRST = 50")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 50
    assert server.status == NOTED


def test_all_snapshots_are_listed_with_their_tags_the_newest_first(server: BackupServer) -> None:
    server.set_up()
    assert json.loads(server.run("backup", "list").stdout) == {"snapshots": []}
    server.back_up()
    found = json.loads(server.run("backup", "list").stdout)["snapshots"]
    assert [(each["id"], each["tags"]) for each in found] == [("00000002", ["whole"]), ("00000001", ["live"])]
    assert found[0]["time"] == pytest.approx(time.time(), abs=60)


def test_who_stops_poste_leaves_a_unit_first_that_starts_it_should_he_be_killed(server: BackupServer) -> None:
    server.set_up()
    server.hook("docker-stop", "cp systemd told\n")
    server.back_up()
    told = (server.folder / "told").read_text().splitlines()
    assert told[-2:] == ["enable poste-started.service", "start --no-block poste-started.service"]
    unit = (server.folder / "units/poste-started.service").read_text()
    assert "/remote/backup.py started\n" in unit
    assert "WantedBy=multi-user.target" in unit
    server.tool("systemctl", "#!/bin/sh\necho 'no bus' >&2; exit 1\n")
    (server.folder / "events").unlink()
    done = server.run("backup", "run")
    assert "systemctl enable poste-started.service failed: no bus" in done.stderr
    assert server.events == []


def test_poste_is_started_after_a_restore_even_where_the_nightly_backup_is_not_set_up(server: BackupServer) -> None:
    server.set_up()
    server.hook("backup-2", KILL)
    server.run("backup", "run")
    (server.folder / "access/request.json").unlink()
    assert server.run("backup", "started").returncode == 0
    assert server.state == "running"


def test_where_there_is_a_backup_no_other_one_begins(server: BackupServer) -> None:
    server.set_up()
    server.back_up()
    (server.folder / "systemd").unlink()
    server.set_up()
    assert "no-block" not in (server.folder / "systemd").read_text()
    assert len(server.asked("init")) == 1


def test_a_backup_passes_once_while_poste_runs_and_once_while_it_is_stopped(server: BackupServer) -> None:
    server.set_up()
    for number in (1, 2):
        server.hook(f"backup-{number}", f"cat state >seen-{number}\n")
    status = server.back_up()
    assert [(server.folder / f"seen-{number}").read_text() for number in (1, 2)] == ["running\n", "exited\n"]
    assert server.state == "running"
    live, whole = server.asked("backup")
    assert "--tag live" in live
    assert "--tag whole" in whole
    for call in (live, whole):
        assert "--host mail.example.com" in call
        assert call.endswith(f"-- {server.data} {server.folder}/volume/certificates")
    assert status["result"] == "done"
    assert status["snapshot"] == "00000002"
    assert status["added"] == 20
    assert status["files"] == 5
    assert status["away"] >= 0
    assert status["last_good"]["snapshot"] == "00000002"
    assert status["previous_size"] is None
    assert server.back_up()["previous_size"] == status["size"]
    assert stat.S_IMODE((server.folder / "volume/backup/status.json").stat().st_mode) == 0o600


def test_a_container_that_somebody_has_stopped_stays_so(server: BackupServer) -> None:
    server.set_up()
    server.state = "exited"
    server.back_up()
    assert server.events == []
    assert server.state == "exited"


def test_a_file_that_has_gone_is_no_failure_of_the_first_pass_and_is_tried_again_in_the_second(
    server: BackupServer,
) -> None:
    server.set_up()
    server.hook("unread-1", "")
    server.hook("unread-2", "")
    status = server.back_up()
    assert status["snapshot"] == "00000003"
    assert len(server.asked("backup")) == 3


def test_a_file_that_stays_unread_in_the_second_pass_is_a_failure_that_names_it(server: BackupServer) -> None:
    server.set_up()
    server.hook("unread-2", "")
    server.hook("unread-3", "")
    done = server.run("backup", "run")
    assert done.returncode == 1
    assert "/gone" in server.status["error"]
    assert server.status["snapshot"] == "00000003"
    assert server.status["last_good"] is None
    assert server.state == "running"


def test_a_damaged_database_is_kept_under_its_own_tag_and_named(server: BackupServer) -> None:
    server.set_up()
    good = server.back_up()["last_good"]
    server.damage("users.db")
    done = server.run("backup", "run")
    assert done.returncode == 1
    assert "users.db: " in done.stderr
    assert "00000004" in done.stderr
    assert "--tag damaged" in server.asked("backup")[-1]
    assert "--tag whole" not in server.asked("backup")[-1]
    assert server.status["result"] == "failed"
    assert server.status["last_good"] == good
    assert server.state == "running"


@pytest.mark.parametrize(
    ("left", "said"), [(b"\x07" * 4096, "is no database"), (b"", "is no database"), (None, "is gone")]
)
def test_mailboxes_that_somebody_has_encrypted_or_taken_away_are_no_good_backup(
    server: BackupServer, left: bytes | None, said: str
) -> None:
    server.set_up()
    good = server.back_up()["last_good"]
    users = server.folder / "volume/data/users.db"
    users.unlink()
    if left is not None:
        users.write_bytes(left)
    (server.folder / "volume/data/server.ini").touch()
    done = server.run("backup", "run")
    assert f"users.db: {said}" in done.stderr
    assert "--tag damaged" in server.asked("backup")[-1]
    assert server.status["last_good"] == good


def test_looking_at_a_database_with_a_journal_leaves_both_as_they_are(server: BackupServer) -> None:
    server.set_up()
    journal = server.data / "users.db-wal"
    journal.write_bytes(b"of a killed program" * 10)
    before = {file.name: file.read_bytes() for file in server.data.glob("users.db*")}
    server.back_up()
    assert {file.name: file.read_bytes() for file in server.data.glob("users.db*")} == before


def test_a_database_is_looked_at_as_poste_will_find_it_with_what_its_journal_holds(server: BackupServer) -> None:
    server.set_up()
    database, journal = server.data / "users.db", server.data / "users.db-wal"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("UPDATE boxes SET address = upper(address)")
    connection.commit()
    held = journal.read_bytes()
    connection.close()
    journal.write_bytes(held)
    server.damage("users.db", page=3)  # which the journal holds anew
    assert server.back_up()["result"] == "done"
    journal.unlink()
    assert server.run("backup", "run").returncode == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Fatal: unable to save snapshot: disk quota exceeded", "store is full"),
        (f"rclone: preallocate: file too big for remaining disk space\n{REFUSED}", "store is full"),
        (REFUSED, "was cut off on its way"),
        ("sftp: no space left on device", "store is full"),
        ("subprocess ssh: ssh: connect to host x port 23: Connection refused", "cannot be reached"),
        ("Fatal: unable to open repository: dial tcp: lookup x: no such host", "cannot be reached"),
        ("subprocess ssh: Host key verification failed.", "another SSH host key"),
        ("rclone: u1@u1.example: Permission denied (publickey).", "refuses this server's key"),
        ("Fatal: wrong password or no key found", "backupPassphrase"),
        ('{"message_type":"exit_error","code":12,"message":"Fatal: wrong password"}', "wrong password"),
        ("Fatal: of another kind", "restic failed (of another kind)"),
    ],
)
def test_what_fails_is_told_in_words_and_poste_runs_on(server: BackupServer, said: str, told: str) -> None:
    server.set_up()
    server.hook("backup-2", f"echo '{said}' >&2; exit 1\n")
    done = server.run("backup", "run")
    assert done.returncode == 1
    assert told in done.stderr
    assert told in server.status["error"]
    assert server.status["result"] == "failed"
    assert server.status["snapshot"] is None
    assert server.state == "running"
    assert not (server.folder / "access/stopped.json").exists()


def test_a_server_without_restic_is_told_so(server: BackupServer) -> None:
    server.set_up()
    (server.folder / "tools/restic").unlink()
    done = server.run("backup", "run", more='os.environ["PATH"] = str(Path("tools").absolute())')
    assert "lacks restic" in done.stderr


def test_a_locked_repository_is_waited_for_but_not_while_poste_is_stopped(server: BackupServer) -> None:
    server.set_up()
    locked = "echo 'unable to create lock in backend: repository is already locked by PID 7' >&2; exit 1\n"
    server.hook("backup-1", locked)
    server.hook("backup-3", locked)
    status = server.back_up()
    tags = [call.partition("--tag ")[2].split()[0] for call in server.asked("backup")]
    assert tags == ["live", "live", "whole", "live", "whole"]
    assert server.events == ["stop", "start"] * 2
    assert status["result"] == "done"


def test_a_copy_during_which_somebody_started_poste_is_made_again(server: BackupServer) -> None:
    server.set_up()
    server.hook("backup-2", "echo running >state\n")
    status = server.back_up()
    assert status["snapshot"] == "00000004"
    assert server.events == ["stop", "start"] * 2
    server.hook("backup-6", "echo running >state\n")
    server.hook("backup-8", "echo running >state\n")
    assert server.run("backup", "run").returncode == 1
    assert "or started Poste" in server.status["error"]
    assert server.status["last_good"]["snapshot"] == "00000004"


def test_a_repository_that_stays_locked_is_a_failure_after_the_patience_is_over(server: BackupServer) -> None:
    server.set_up()
    server.hook("backup", "echo 'repository is already locked exclusively by PID 7 on laptop' >&2; exit 1\n")
    done = server.run("backup", "run", more="restic.Repository.__init__.__defaults__ = (0.2,)")
    assert "locked by somebody else" in done.stderr
    assert "The next backup tries again" in done.stderr
    assert server.events == []


def test_a_passphrase_and_what_an_address_holds_are_in_no_argument_and_no_text(server: BackupServer) -> None:
    server.set_up()
    settings = {
        "repository": "rest:https://ann:of-the-store@backup.example/", "ssh": None, "passphrase": PASSPHRASE,
        "environment": {"AWS_SECRET_ACCESS_KEY": "of-the-bucket"},
    }  # fmt: skip
    (server.folder / "access/settings.json").write_text(json.dumps(settings))
    (server.folder / "restic-calls").unlink()
    server.hook("unlock", 'echo "Fatal: $RESTIC_REPOSITORY $RESTIC_PASSWORD $AWS_SECRET_ACCESS_KEY" >&2; exit 1\n')
    done = server.run("backup", "run")
    text = done.stdout + done.stderr + (server.folder / "restic-calls").read_text() + json.dumps(server.status)
    assert "backup.example" in done.stderr
    for secret in ("of-the-store", PASSPHRASE, "of-the-bucket"):
        assert secret not in text


@pytest.mark.parametrize("hook", ["backup-1", "docker-stop", "backup-2", "docker-start"])
def test_a_run_that_is_killed_anywhere_leaves_poste_running_once_systemd_has_looked(
    server: BackupServer, hook: str
) -> None:
    server.set_up()
    good = server.back_up()["last_good"]
    (server.folder / "restic-calls").unlink()
    server.hook(hook, KILL)
    done = server.run("backup", "run")
    assert done.returncode == -9
    server.no_hooks()
    assert server.run("backup", "started").returncode == 0
    assert server.state == "running"
    assert "cut off" in server.status["error"]
    assert server.status["last_good"] == good
    assert server.back_up()["result"] == "done"


def test_a_container_that_docker_was_still_stopping_is_started_when_that_is_over(server: BackupServer) -> None:
    server.set_up()
    server.hook("docker-stop", KILL)
    server.run("backup", "run")
    server.no_hooks()
    assert server.state == "running"
    server.run("backup", "started")
    assert server.events == ["stop", "stop", "start"]


def test_without_a_run_that_was_cut_off_the_look_changes_nothing(server: BackupServer) -> None:
    server.set_up()
    status = server.back_up()
    server.state = "exited"
    assert server.run("backup", "started").returncode == 0
    assert server.state == "exited"
    assert server.status == status


def test_the_next_run_starts_what_one_before_has_left_stopped(server: BackupServer) -> None:
    server.set_up()
    server.hook("backup-2", KILL)
    server.run("backup", "run")
    assert server.state == "exited"
    server.no_hooks()
    server.hook("backup-1", "cat state >seen\n")
    server.back_up()
    assert (server.folder / "seen").read_text() == "running\n"


def test_a_run_that_is_ended_in_order_starts_poste_and_says_so(server: BackupServer) -> None:
    server.set_up()
    server.hook("backup-2", "kill -TERM $CALLER; sleep 5\n")
    done = server.run("backup", "run")
    assert done.returncode == 1
    assert "SIGTERM" in server.status["error"]
    assert server.state == "running"


def test_a_container_that_does_not_start_is_an_error_and_tried_again(server: BackupServer) -> None:
    server.set_up()
    server.hook("docker-start", "echo 'port 25 is taken' >&2; exit 1\n")
    done = server.run("backup", "run")
    assert "port 25 is taken" in done.stderr
    server.no_hooks()
    server.run("backup", "started")
    assert server.state == "running"


def test_two_backups_do_not_overlap(server: BackupServer) -> None:
    server.set_up()
    more = "exclusive.alone.__wrapped__.__defaults__ = (0,)"
    server.hook("backup-1", "timeout 50 sh -c 'until [ -e second-is-over ]; do sleep 0.05; done'\n")
    first = threading.Thread(target=server.back_up)
    first.start()
    while not server.asked("backup"):
        time.sleep(0.05)
    second = server.run("backup", "run", more=more)
    (server.folder / "second-is-over").touch()
    first.join()
    assert second.returncode == 1
    assert "another one is at work: a backup, since" in second.stderr


def test_a_tagged_backup_is_made_by_the_unit_so_that_it_goes_on_without_its_caller(server: BackupServer) -> None:
    server.set_up()
    server.tool(
        "systemctl",
        "#!/bin/sh\n[ \"$*\" != 'start poste-backup.service' ] || sh unit\n",
    )
    (server.folder / "unit").write_text(
        "echo ran >>units-runs; rm -f access/tag; cp done.json volume/backup/status.json\n"
    )
    status = server.back_up()
    (server.folder / "done.json").write_text(json.dumps(status | {"snapshot": "of-the-unit"}))
    done = server.run("backup", "run", "--tag", "before-2.5.18")
    assert json.loads(done.stdout)["snapshot"] == "of-the-unit", done.stderr
    assert (server.folder / "units-runs").read_text() == "ran\n"


def test_the_unit_s_run_takes_the_tag_that_waits_for_it_once(server: BackupServer) -> None:
    server.set_up()
    (server.folder / "access/tag").write_text("before-2.5.18")
    server.back_up()
    server.back_up()
    tagged = [call for call in server.asked("backup") if "--tag before-2.5.18" in call]
    assert len(tagged) == 2
    assert "--tag whole" in tagged[1]


def test_a_stack_that_wants_no_backup_any_more_has_no_timer(server: BackupServer) -> None:
    server.set_up()
    assert server.run("backup", "stop").returncode == 0
    assert [unit for unit in (server.folder / "units").iterdir() if "started" not in unit.name] == []


def test_a_volume_that_is_not_there_is_not_backed_up_as_nothing(server: BackupServer) -> None:
    server.set_up()
    server.data.rename(server.folder / "elsewhere")
    done = server.run("backup", "run")
    assert "is not there" in done.stderr
    assert server.asked("backup") == []


# --- access

KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICf9svRenC"


@pytest.fixture
def fresh(server: BackupServer) -> BackupServer:
    (server.folder / "access/settings.json").unlink()
    (server.folder / "access").rmdir()
    return server


def access(server: BackupServer, port: int = 23, repository: str = "rclone:box") -> subprocess.CompletedProcess[str]:
    ssh = {"host": "box.example", "port": port, "user": "u1-sub1", "host_key": f"{KEY_LINE} comment"}
    return server.run(
        "backup_access", repository=repository, ssh=ssh, passphrase=PASSPHRASE, environment={"AWS_REGION": "x"}
    )


@pytest.mark.parametrize(("port", "name"), [(23, "[box.example]:23"), (22, "box.example")])
def test_the_server_gets_a_key_of_its_own_once_and_knows_its_store(fresh: BackupServer, port: int, name: str) -> None:
    first, again = access(fresh, port), access(fresh, port)
    line = json.loads(first.stdout)["public_key"]
    assert line.startswith("ssh-ed25519 AAAA")
    assert line.endswith(" poste-mail-backup")
    assert again.stdout == first.stdout
    folder = fresh.folder / "access"
    assert (folder / "known_hosts").read_text() == f"{name} {KEY_LINE}\n"
    assert (folder / "key.pub").read_text() == f"{line}\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert PASSPHRASE not in first.stdout + first.stderr


@pytest.mark.parametrize(
    ("repository", "option"),
    [("rclone:box", "rclone.program=ssh "), ("sftp:u1-sub1@box.example:/mail", "sftp.command=ssh ")],
)
def test_a_store_behind_ssh_is_reached_with_this_key_and_that_host_key_only(
    fresh: BackupServer, repository: str, option: str
) -> None:
    access(fresh, repository=repository)
    (fresh.folder / repository / "snapshots").mkdir(parents=True)
    (fresh.folder / repository / "password").write_text(PASSPHRASE)
    assert fresh.run("backup").returncode == 0
    (call,) = fresh.asked("cat")
    assert f"-o {option}-F none -p 23 -i {fresh.folder}/access/key " in call
    for words in ("StrictHostKeyChecking=yes", "BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15"):
        assert f" -o {words} " in call
    assert f"UserKnownHostsFile={fresh.folder}/access/known_hosts" in call
    assert "u1-sub1@box.example" in call
