"""The script that prepares and judges a new version of Poste: what it keeps, when it goes back, and killed anywhere."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from tests.support.engine_socket import Engine, Json

OLD, NEW, THIRD = (f"sha256:{digit * 64}" for digit in "123")
REFERENCES = {
    OLD: f"analogic/poste.io:2.5.11@sha256:{'a' * 64}",
    NEW: f"analogic/poste.io:2.6.0@sha256:{'b' * 64}",
    THIRD: f"analogic/poste.io:2.6.1@sha256:{'c' * 64}",
}
SCHEMAS = {OLD: 1, NEW: 2, THIRD: 2}
WORLDS = 400
"""Seconds for a test with a new server for each step: some forty, with six programs each."""
KEYS = {"example.com": {"selector": "s1", "public_key": "AAAA"}}

RUN = """
import json, os, pathlib, signal, sqlite3, sys
import administrator, engine, evidence, exclusive, small_part, units, upgrade
here = pathlib.Path.cwd()
engine.SOCKET, exclusive.LOCK = str(here / "engine"), here / "lock"
administrator.FILE, units.FOLDER, upgrade.HERE = here / "administrator.json", here / "units", here / "upgrade.py"
upgrade.NAP, upgrade.WATCHED = 0.1, float(os.environ["WATCHED"])
upgrade.signs_to_itself = lambda: True
schemas, bad = json.loads((here / "images.json").read_text())

def gather(self):
    (here / "keys.json").write_text(json.dumps(self.keys))
    if (here / "end-me").exists():
        (here / "end-me").unlink()
        os.kill(os.getpid(), signal.SIGTERM)
    found = engine.container(self.container)
    if not found["State"]["Running"]:
        return ["the container does not keep running"]
    image = found["Image"]
    with sqlite3.connect(self.data / "users.db") as db:
        if db.execute("PRAGMA user_version").fetchone()[0] != schemas[image]:
            return ["the databases are another version's"]
    return ["nobody can sign in"] if image in bad else []

evidence.Evidence.gather = gather
left = int(os.environ.get("STEPS", "-1"))

def step():
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1

def counted(module, name):
    do = getattr(module, name)
    def one(*arguments, **options):
        step()
        return do(*arguments, **options)
    setattr(module, name, one)

for module, name in (
    *((engine, name) for name in ("create", "start", "stop", "keep_down", "rename", "remove")),
    (small_part, "_transfer"), (upgrade, "write"), (administrator, "keep"), (upgrade.shutil, "rmtree"),
):
    counted(module, name)
upgrade.main()
"""
BACKUP = """
import pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "backups").open("a") as file:
    print(*sys.argv[1:], file=file)
sys.exit((here / "no-backup").read_text() if (here / "no-backup").exists() else 0)
"""
QUEUE = f"""#!{sys.executable}
import sys
import engine
engine.SOCKET = "engine"
if not engine.container(sys.argv[2])["State"]["Running"]:
    sys.exit(f"container {{sys.argv[2]}} is not running")
print("queue", "1-D 0", "2-D 0", sep="\\n")
"""
"""Two messages wait in a container that runs, and a look into another one is not to be had."""
FILES = {
    "server.ini": "old",
    "ssl/server.crt": "old",
    "roundcube/des_key": "old",
    "domains/example.com/private": "old",
    "domains/example.com/public": "-----BEGIN PUBLIC KEY-----\nAA\nAA\n-----END PUBLIC KEY-----\n",
    "domains/example.com/selector": "s1\n",
    "domains/half.example/private": "old",
    "domains/half.example/selector": "s1",
}
LETTER = "domains/example.com/ann/Maildir/new/1"
LATER = {"domains/example.com/ann/Maildir/new/2": "a later letter", "domains/later.example/private": "a later key"}


class Server:
    """A server that runs Poste's old version, and what a deploy does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        for name in ("tools", "units", "data"):
            (folder / name).mkdir(parents=True)
        (folder / "tools/systemctl").write_text('#!/bin/sh\necho "$@" >>calls\n')
        (folder / "tools/systemctl").chmod(0o755)
        (folder / "tools/docker").write_text(QUEUE)
        (folder / "tools/docker").chmod(0o755)
        (folder / "backup.py").write_text(BACKUP)
        (folder / "backups").touch()
        (folder / "administrator.json").write_text(json.dumps({"address": "admin@example.com", "password": "old"}))
        self.bad()
        for name, text in {**FILES, LETTER: "a letter"}.items():
            self.put(name, text)
        with closing(sqlite3.connect(self.data / "users.db")) as db, db:
            db.executescript(
                "CREATE TABLE boxes (name TEXT); INSERT INTO boxes VALUES ('ann'); PRAGMA user_version = 1"
            )
        self.engine = Engine(images={image: [] for image in SCHEMAS}, started=self._migrate)
        self.engine.run("poste", OLD)

    def bad(self, *images: str) -> None:
        """Which images let nobody sign in."""
        (self.folder / "images.json").write_text(json.dumps([SCHEMAS, images]))

    def put(self, name: str, text: str) -> None:
        (self.data / name).parent.mkdir(parents=True, exist_ok=True)
        (self.data / name).write_text(text)

    def _migrate(self, container: Json) -> None:
        """What a start of a newer version does, and mail that comes in then."""
        if self.schema < SCHEMAS[container["Image"]]:
            with closing(sqlite3.connect(self.data / "users.db")) as db, db:
                db.executescript("DELETE FROM boxes; PRAGMA user_version = 2")
            for name in FILES:
                self.put(name, "new")
            self.put("added.db", "new")
            self.put("users.db-journal", "of the new one")
            for name, text in LATER.items():
                self.put(name, text)

    @property
    def schema(self) -> int:
        with closing(sqlite3.connect(f"file:{self.data / 'users.db'}?mode=ro&immutable=1", uri=True)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0])

    def call(
        self, *arguments: str, stdin: str = "", steps: int = -1, watched: float = 900
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ
            | {
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(remote_scripts.SOURCE),
                "STEPS": str(steps),
                "WATCHED": str(watched),
            },
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def prepare(self, image: str, steps: int = -1, **changes: Any) -> subprocess.CompletedProcess[str]:
        request = self._request(image) | {"backup": True} | changes
        return self.call("prepare", stdin=json.dumps(request), steps=steps)

    def judge(self, image: str, steps: int = -1) -> subprocess.CompletedProcess[str]:
        return self.call("judge", stdin=json.dumps(self._request(image) | {"backup": True}), steps=steps)

    def _request(self, image: str) -> Json:
        return {
            "container": "poste", "image": image, "reference": REFERENCES[image], "data": str(self.data),
            "url": "https://127.0.0.1:443",
        }  # fmt: skip

    def resume(self, watched: float = 0, steps: int = -1) -> str:
        """What the unit does, once it has the lock and a deploy has had its time; what it says."""
        done = self.call("resume", str(self.data), watched=watched, steps=steps)
        assert done.returncode == (0 if steps < 0 else done.returncode)
        return done.stderr

    @property
    def is_watched(self) -> bool:
        return (self.folder / "upgrade/watch.json").exists()

    def take_away(self) -> None:
        """What the engine does first: it knows its container by id."""
        known = next(found for found in self.engine.containers if "poste-mail.stopgap" not in found["Config"]["Labels"])
        self.engine.containers.remove(known)

    def replace(self, image: str) -> None:
        """All that the engine does."""
        self.take_away()
        assert self.engine.named("poste") is None
        made = self.engine.run("poste", image)
        made["Created"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".5Z"

    def upgrade(self, image: str) -> subprocess.CompletedProcess[str]:
        assert self.prepare(image).returncode == 0
        self.replace(image)
        return self.judge(image)

    @property
    def running(self) -> list[tuple[str, str]]:
        """Name and image of what runs."""
        return [(found["Name"][1:], found["Image"]) for found in self.engine.containers if found["State"]["Running"]]

    @property
    def files(self) -> dict[str, str]:
        return {
            str(file.relative_to(self.data)): file.read_text()
            for file in self.data.rglob("*")
            if file.is_file() and file.suffix != ".db"
        }

    def assert_is_as_before(self) -> None:
        """The old version runs with what it had, and no mail is lost."""
        assert self.running == [("poste", OLD)]
        assert self.schema == 1
        assert self.files == {**FILES, **LATER, LETTER: "a letter"}
        assert not (self.data / "added.db").exists()
        with closing(sqlite3.connect(self.data / "users.db")) as db:
            assert db.execute("SELECT name FROM boxes").fetchall() == [("ann",)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    with found.engine.serving(tmp_path / "engine"):
        yield found


def test_a_new_server_has_nothing_to_prepare_and_nothing_to_judge(server: Server) -> None:
    server.engine.containers.clear()
    assert json.loads(server.prepare(OLD).stdout) == {"prepared": False}
    server.engine.run("poste", OLD)
    assert json.loads(server.judge(OLD).stdout) == {"judged": None}


def test_another_setting_of_the_same_image_is_no_upgrade(server: Server) -> None:
    server.engine.changes.clear()
    assert json.loads(server.prepare(OLD).stdout) == {"prepared": False}
    assert server.engine.changes == []
    assert (server.folder / "backups").read_text() == ""


def test_an_upgrade_has_a_tagged_backup_first_and_the_old_version_runs_until_it_is_replaced(server: Server) -> None:
    server.judge(OLD)
    assert json.loads(server.prepare(NEW).stdout) == {"prepared": True}
    assert (server.folder / "backups").read_text() == "run --tag upgrade-2.5.11-to-2.6.0\n"
    assert server.running == [("poste", OLD)]


def test_the_queue_is_counted_while_the_old_version_runs_and_not_where_it_does_not(server: Server) -> None:
    note = server.folder / "upgrade/before/container.json"
    server.prepare(NEW)
    assert json.loads(note.read_text())["queued"] == 2
    server.engine.containers[0]["State"]["Running"] = False
    assert json.loads(server.prepare(NEW).stdout) == {"prepared": True}
    assert json.loads(note.read_text())["queued"] is None


def test_without_a_backup_there_is_no_upgrade_unless_none_is_wanted(server: Server) -> None:
    (server.folder / "no-backup").write_text("The backup's store is full.")
    done = server.prepare(NEW)
    assert done.returncode == 1
    assert "not upgraded" in done.stderr
    assert "The backup's store is full." in done.stderr
    assert server.prepare(NEW, backup=False).returncode == 0


def test_a_damaged_database_stops_the_upgrade_and_poste_runs_on(server: Server) -> None:
    with (server.data / "users.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    done = server.prepare(NEW)
    assert done.returncode == 1
    assert "the database users.db is damaged" in done.stderr
    assert server.running == [("poste", OLD)]


def test_a_good_upgrade_keeps_the_copy_as_the_last_one(server: Server) -> None:
    assert json.loads(server.upgrade(NEW).stdout) == {"judged": "good"}
    assert server.running == [("poste", NEW)]
    assert (server.folder / "upgrade/last/data/server.ini").read_text() == "old"
    assert json.loads(server.judge(NEW).stdout) == {"judged": None}


def test_an_older_version_is_refused(server: Server) -> None:
    server.judge(OLD)
    server.upgrade(NEW)
    done = server.prepare(OLD)
    assert done.returncode == 1
    assert f"{REFERENCES[OLD]} is older than {REFERENCES[NEW]}" in done.stderr


def test_a_bad_upgrade_is_taken_back_with_the_databases_and_keeps_the_mail(server: Server) -> None:
    server.judge(OLD)
    server.bad(NEW)
    done = server.upgrade(NEW)
    assert done.returncode == 1
    assert "does not do what mail needs: nobody can sign in. Poste 2.5.11 runs again" in done.stderr
    assert f"Now set posteImage back to {REFERENCES[OLD]} and deploy" in done.stderr
    server.assert_is_as_before()


def test_the_old_version_is_run_as_it_was_and_the_new_one_stays_down_for_good(server: Server) -> None:
    before = server.engine.named("poste")
    server.bad(NEW)
    server.upgrade(NEW)
    again, refused = server.engine.named("poste"), server.engine.named("poste-refused")
    assert before
    assert again
    assert refused
    assert again["HostConfig"] == before["HostConfig"]
    assert again["Config"] == before["Config"] | {"Labels": {"poste-mail.stopgap": "true"}}
    assert not refused["State"]["Running"]
    assert refused["HostConfig"]["RestartPolicy"] == {"Name": "no"}


def test_the_administrators_password_goes_back_with_the_database(server: Server) -> None:
    server.bad(NEW)
    server.prepare(NEW)
    server.replace(NEW)
    (server.folder / "administrator.json").write_text(json.dumps({"address": "admin@example.com", "password": "new"}))
    server.judge(NEW)
    assert json.loads((server.folder / "administrator.json").read_text())["password"] == "old"


def test_after_a_refusal_each_deploy_says_the_same_and_changes_nothing(server: Server) -> None:
    server.bad(NEW)
    said = server.upgrade(NEW).stderr
    server.engine.changes.clear()
    for again in (server.judge(NEW), server.prepare(NEW), server.judge(NEW)):
        assert (again.returncode, again.stderr) == (1, said)
    assert server.engine.changes == []
    server.assert_is_as_before()


def test_a_refused_digest_is_known_under_another_image_id(server: Server) -> None:
    server.bad(NEW)
    said = server.upgrade(NEW).stderr
    done = server.prepare(THIRD, reference=REFERENCES[NEW].replace("analogic", "mirror.example/analogic"))
    assert (done.returncode, done.stderr) == (1, said)


def test_the_old_image_set_again_replaces_the_stopgap(server: Server) -> None:
    server.bad(NEW)
    server.upgrade(NEW)
    assert json.loads(server.upgrade(OLD).stdout) == {"judged": None}
    server.assert_is_as_before()
    assert len(server.engine.containers) == 1


def test_a_third_image_after_a_refused_one_is_an_upgrade_of_the_stopgap(server: Server) -> None:
    server.bad(NEW)
    server.upgrade(NEW)
    assert json.loads(server.upgrade(THIRD).stdout) == {"judged": "good"}
    assert server.running == [("poste", THIRD)]
    assert len(server.engine.containers) == 1


def test_a_third_image_that_is_bad_too_leads_back_to_the_old_one(server: Server) -> None:
    server.bad(NEW, THIRD)
    server.upgrade(NEW)
    assert server.upgrade(THIRD).returncode == 1
    server.assert_is_as_before()
    assert len(server.engine.containers) == 2


def test_a_refused_container_that_the_program_has_forgotten_makes_room_for_the_next(server: Server) -> None:
    server.bad(NEW, THIRD)
    server.upgrade(NEW)
    server.prepare(THIRD)
    server.engine.run("poste", THIRD)["Created"] = "2026-01-01T00:00:00Z"
    assert server.judge(THIRD).returncode == 1
    server.assert_is_as_before()
    assert len(server.engine.containers) == 2


def test_what_was_copied_long_before_is_not_put_back(server: Server) -> None:
    server.bad(NEW)
    server.prepare(NEW)
    note = server.folder / "upgrade/before/container.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"at": time.time() - 7200}))
    server.replace(NEW)
    done = server.judge(NEW)
    assert done.returncode == 1
    assert "It goes on running, because what was copied before it is too old" in done.stderr
    assert server.running == [("poste", NEW)]


def test_without_the_old_image_the_new_one_goes_on(server: Server) -> None:
    server.bad(NEW)
    server.prepare(NEW)
    server.replace(NEW)
    del server.engine.images[OLD]
    done = server.judge(NEW)
    assert done.returncode == 1
    assert "because the image of the old one is gone" in done.stderr
    assert server.running == [("poste", NEW)]


def test_a_stopgap_is_not_taken_for_the_new_version(server: Server) -> None:
    server.judge(OLD)
    server.bad(NEW)
    server.upgrade(NEW)
    (server.folder / "upgrade/refused.json").unlink()
    done = server.judge(NEW)
    assert done.returncode == 1
    assert f"runs {REFERENCES[OLD]}, not {REFERENCES[NEW]}" in done.stderr


def test_a_run_that_is_killed_has_a_unit_that_goes_on_even_after_a_restart(server: Server) -> None:
    server.prepare(NEW)
    unit = (server.folder / "units/poste-upgrade.service").read_text()
    assert f"upgrade.py resume {server.data}\n" in unit
    assert "WantedBy=multi-user.target" in unit
    calls = (server.folder / "calls").read_text().splitlines()
    left = ["enable poste-upgrade.service", "start --no-block poste-upgrade.service"]
    assert calls == ["daemon-reload", *left, *left]


def test_the_keys_of_before_are_those_that_the_copy_holds_whole(server: Server) -> None:
    server.upgrade(NEW)
    assert json.loads((server.folder / "keys.json").read_text()) == KEYS


# --- a deploy that is cut off between both


class ComesBack(dict[str, list[str]]):
    """Images of which the old one is there again once it was missed."""

    def __contains__(self, image: object) -> bool:
        found = super().__contains__(image)
        self.setdefault(OLD, [])
        return found


def test_the_unit_tries_again_what_failed_and_ends_when_systemd_says_so(server: Server) -> None:
    server.prepare(NEW)
    server.replace(NEW)
    (server.folder / "end-me").touch()
    done = server.call("resume", str(server.data), watched=0)
    assert done.returncode == 1
    assert "ended from outside (SIGTERM)" in done.stderr
    assert server.is_watched
    server.bad(NEW)
    del server.engine.images[OLD]
    server.engine.changes.clear()
    server.engine.images = ComesBack(server.engine.images)
    note = server.folder / "upgrade/unfinished.json"
    note.write_text(json.dumps({"request": server._request(NEW), "problems": ["nobody can sign in"]}))
    assert "No such image" in server.resume()
    server.assert_is_as_before()


def test_a_judged_upgrade_is_watched_no_more_whatever_was_found(server: Server) -> None:
    server.prepare(NEW)
    assert server.is_watched
    server.replace(NEW)
    server.judge(NEW)
    assert not server.is_watched
    server.bad(THIRD)
    server.upgrade(THIRD)
    assert not server.is_watched
    server.prepare(NEW)
    assert server.is_watched
    server.replace(NEW)
    assert json.loads(server.judge(NEW).stdout) == {"judged": None}
    assert not server.is_watched


def test_a_deploy_has_its_time_before_another_does_its_work(server: Server) -> None:
    server.prepare(NEW)
    server.take_away()
    watched = json.loads((server.folder / "upgrade/watch.json").read_text())
    server.resume(watched=3)
    assert time.time() > watched["at"] + 3
    assert server.running == [("poste", OLD)]


def test_where_no_container_came_after_the_old_one_went_the_old_one_comes_back(server: Server) -> None:
    server.judge(OLD)
    server.prepare(NEW)
    server.take_away()
    said = server.resume()
    assert said.startswith(
        "The deploy of Poste 2.6.0 was cut off before it ran: there is no container poste. Poste 2.5.11 runs again"
    )
    assert server.running == [("poste", OLD)]
    assert not server.is_watched
    done = server.judge(NEW)
    assert (done.returncode, done.stderr) == (1, said)


def test_a_new_version_that_no_deploy_came_to_judge_is_judged(server: Server) -> None:
    server.prepare(NEW)
    server.replace(NEW)
    assert server.resume() == "Poste 2.6.0 works.\n"
    assert server.running == [("poste", NEW)]
    assert json.loads(server.judge(NEW).stdout) == {"judged": None}
    server.bad(THIRD)
    server.prepare(THIRD)
    server.replace(THIRD)
    assert "Poste 2.6.1 does not do what mail needs" in server.resume()
    assert server.running == [("poste", NEW)]


def test_a_new_version_that_cannot_be_taken_back_is_not_watched_for_ever(server: Server) -> None:
    server.bad(NEW)
    server.prepare(NEW)
    server.replace(NEW)
    del server.engine.images[OLD]
    assert "It goes on running" in server.resume()
    assert not server.is_watched


def test_an_old_version_that_was_not_replaced_is_left_alone(server: Server) -> None:
    server.prepare(NEW)
    server.engine.changes.clear()
    assert server.resume() == ""
    assert server.engine.changes == []
    assert not server.is_watched


def test_a_stopgap_that_was_taken_away_for_a_container_that_did_not_come_is_run_again(server: Server) -> None:
    server.bad(NEW)
    server.upgrade(NEW)
    server.put("server.ini", "changed since")
    server.prepare(OLD)
    assert server.running == []
    server.resume()
    assert server.running == [("poste", OLD)]
    assert server.files["server.ini"] == "changed since"
    assert json.loads(server.upgrade(OLD).stdout) == {"judged": None}
    assert len(server.engine.containers) == 1


def test_another_deploy_begins_the_watch_anew(server: Server) -> None:
    server.prepare(NEW)
    server.take_away()
    file = server.folder / "upgrade/watch.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"at": time.time() - 899}))
    assert json.loads(server.prepare(NEW).stdout) == {"prepared": False}
    assert time.time() - json.loads(file.read_text())["at"] < 60


def test_judged_without_a_container_the_old_version_comes_back(server: Server) -> None:
    server.prepare(NEW)
    server.take_away()
    done = server.judge(NEW)
    assert done.returncode == 1
    assert done.stderr.startswith("The deploy of Poste 2.6.0 was cut off before it ran")
    assert server.running == [("poste", OLD)]
    server.engine.containers.clear()
    (server.folder / "upgrade/refused.json").unlink()
    assert "There is no container poste. Deploy again." in server.judge(NEW).stderr


def test_a_container_that_does_not_keep_running_gives_way_to_the_old_version(server: Server) -> None:
    server.judge(OLD)
    server.prepare(NEW)
    server.replace(NEW)
    found = server.engine.named("poste")
    assert found
    found["State"] = {"Running": False, "Restarting": True}
    assert "the container does not keep running. Poste 2.5.11 runs again" in server.judge(NEW).stderr
    server.assert_is_as_before()


@pytest.mark.parametrize("came", [True, False])
def test_the_version_before_an_unjudged_one_is_no_downgrade_and_finds_its_databases(server: Server, came: bool) -> None:
    server.judge(OLD)
    server.prepare(NEW)
    server.replace(NEW)
    if not came:
        server.take_away()
    assert json.loads(server.prepare(OLD).stdout) == {"prepared": False}
    assert server.schema == 1
    assert server.running == []
    server.engine.containers[:] = [found for found in server.engine.containers if came]
    if came:
        server.take_away()
    server.engine.run("poste", OLD)
    assert json.loads(server.judge(OLD).stdout) == {"judged": None}
    server.assert_is_as_before()
    assert json.loads(server.upgrade(NEW).stdout) == {"judged": "good"}


def test_what_came_after_a_way_back_is_not_overwritten_by_the_next_deploy(server: Server) -> None:
    server.bad(NEW)
    server.upgrade(NEW)
    server.put("server.ini", "changed since")
    server.prepare(OLD)
    server.prepare(OLD)
    assert server.files["server.ini"] == "changed since"


@pytest.mark.timeout(WORLDS)
def test_killed_at_any_step_while_the_version_before_an_unjudged_one_is_wanted_mail_comes_back(tmp_path: Path) -> None:
    for steps, server in worlds(tmp_path):
        server.prepare(NEW)
        server.replace(NEW)
        if server.prepare(OLD, steps).returncode != -signal.SIGKILL:
            assert steps > 15
            return
        server.resume()
        assert server.running == [("poste", OLD)]
        assert json.loads(server.upgrade(OLD).stdout) == {"judged": None}
        server.assert_is_as_before()
    pytest.fail("it never came to its end")


@pytest.mark.timeout(WORLDS)
def test_killed_at_any_step_the_unit_is_started_again_and_comes_to_the_same_end(tmp_path: Path) -> None:
    for steps, server in worlds(tmp_path):
        server.prepare(NEW)
        server.replace(NEW)
        server.resume(steps=steps)
        if not server.is_watched and not (server.folder / "upgrade/unfinished.json").exists():
            assert steps > 15
            return
        server.resume()
        server.assert_is_as_before()
        assert not server.is_watched
    pytest.fail("it never came to its end")


def worlds(tmp_path: Path) -> Iterator[tuple[int, Server]]:
    """A new server for each step at which a run may be killed."""
    for steps in range(200):
        server = Server(tmp_path / str(steps))
        server.bad(NEW)
        with server.engine.serving(server.folder / "engine"):
            yield steps, server


def test_a_way_back_that_was_cut_off_leaves_a_container_alone_that_the_program_has_made_since(server: Server) -> None:
    server.bad(NEW)
    server.prepare(NEW)
    server.replace(NEW)
    server.judge(NEW, steps=2)  # killed when the way back is begun
    assert (server.folder / "upgrade/unfinished.json").exists()
    server.replace(THIRD)
    server.resume()
    assert server.running == [("poste", THIRD)]
    assert not (server.folder / "upgrade/unfinished.json").exists()


@pytest.mark.timeout(WORLDS)
@pytest.mark.parametrize("resumed", [True, False])
def test_killed_at_any_step_of_the_way_back_the_unit_or_the_next_deploy_finishes_it(
    tmp_path: Path, resumed: bool
) -> None:
    for steps, server in worlds(tmp_path):
        server.prepare(NEW)
        server.replace(NEW)
        if server.judge(NEW, steps).returncode != -signal.SIGKILL:
            assert steps > 15
            return
        if resumed:
            server.resume()
            assert len(server.running) == 1
        done = server.judge(NEW)
        assert done.returncode == 1
        assert "runs again" in done.stderr
        server.assert_is_as_before()
    pytest.fail("it never came to its end")


@pytest.mark.timeout(WORLDS)
def test_killed_at_any_step_of_the_preparation_poste_runs_again_and_the_upgrade_is_done_anew(tmp_path: Path) -> None:
    for steps, server in worlds(tmp_path):
        if server.prepare(NEW, steps).returncode != -signal.SIGKILL:
            assert steps > 8
            return
        server.resume()
        assert server.running == [("poste", OLD)]
        assert server.upgrade(NEW).returncode == 1
        server.assert_is_as_before()
    pytest.fail("it never came to its end")


@pytest.mark.timeout(WORLDS)
def test_killed_while_the_stopgap_is_taken_away_it_comes_back(tmp_path: Path) -> None:
    for steps, server in worlds(tmp_path):
        server.upgrade(NEW)
        if server.prepare(OLD, steps).returncode != -signal.SIGKILL:
            assert steps > 2
            return
        server.resume()
        assert server.running == [("poste", OLD)]
        assert json.loads(server.upgrade(OLD).stdout) == {"judged": None}
        server.assert_is_as_before()
    pytest.fail("it never came to its end")
