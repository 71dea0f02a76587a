"""A mail server's folder on which the scripts of backup and restore run, with tools that stand in for the real ones."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from components import remote_scripts

PASSPHRASE = "of-the-backup"
BOX = "domains/example.com/ann"

RESTIC = f"""#!{sys.executable}
import json, os, shutil, subprocess, sys, time
from pathlib import Path

words = [word for word in sys.argv[1:]]
options, plain = {{}}, []
while words:
    word = words.pop(0)
    if word in ("--json", "--recursive", "--"):
        continue
    if word.startswith("-"):
        options.setdefault(word, []).append(words.pop(0))
    else:
        plain.append(word)
verb, *rest = plain
with open("restic-calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
number = sum(verb in line.split() for line in open("restic-calls"))
repository = Path(os.environ["RESTIC_REPOSITORY"])

def fail(text, status=1):
    print(text, file=sys.stderr)
    sys.exit(status)

def put(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copy2(source, target)
    else:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)

for name in (verb, f"{{verb}}-{{number}}"):
    hook = Path("hooks", name)
    if hook.exists():
        done = subprocess.run(["sh", str(hook)], env=os.environ | {{"CALLER": str(os.getppid())}})
        if done.returncode:
            sys.exit(done.returncode)
if verb == "init":
    (repository / "snapshots").mkdir(parents=True)
    (repository / "password").write_text(os.environ["RESTIC_PASSWORD"])
    sys.exit()
if not repository.exists():
    fail(f"Fatal: unable to open config file: stat {{repository}}/config: no such file or directory\\n"
         "Is there a repository at the following location?")
if (repository / "password").read_text() != os.environ["RESTIC_PASSWORD"]:
    fail("Fatal: wrong password or no key found")
metas = sorted((json.loads(file.read_text()) for file in repository.glob("snapshots/*.json")), key=lambda m: m["time"])
if verb == "cat":
    print(json.dumps({{"id": "0123abcd"}}))
if verb == "backup":
    name = f"{{len(metas) + 1:08x}}"
    tree = repository / "snapshots" / name
    for folder in rest:
        put(Path(folder), tree / folder.lstrip("/"))
    files = [file for file in tree.rglob("*") if file.is_file()]
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(seconds)) + f"{{nanoseconds:09d}}Z"
    (repository / "snapshots" / f"{{name}}.json").write_text(json.dumps({{
        "short_id": name, "time": moment, "tags": options["--tag"], "paths": rest, "hostname": options["--host"][0]}}))
    print(json.dumps({{"message_type": "status", "percent_done": 0}}))
    print(json.dumps({{"message_type": "summary", "snapshot_id": name + "77", "data_added": 10, "total_files_processed":
          len(files), "total_bytes_processed": sum(file.stat().st_size for file in files)}}))
    if Path("hooks", f"unread-{{number}}").exists():
        print(json.dumps({{"message_type": "error", "error": {{}}, "item": "/gone"}}), file=sys.stderr)
        sys.exit(3)
if verb == "snapshots":
    print(json.dumps([meta for meta in metas if not set(options.get("--tag", [])) - set(meta["tags"])] or None))
if verb == "stats":
    size = Path("size").read_text() if Path("size").exists() else "1000"
    print(json.dumps({{"total_size": int(size)}}))
if verb == "ls":
    tree = repository / "snapshots" / rest[0]
    print(json.dumps({{"struct_type": "snapshot"}}))
    for file in (tree / rest[1].lstrip("/")).rglob("*"):
        kind = "file" if file.is_file() else "dir"
        path = "/" + str(file.relative_to(tree))
        print(json.dumps({{"type": kind, "path": path, "size": 10, "struct_type": "node"}}))
if verb == "restore":
    for folder in options["--include"]:
        source = repository / "snapshots" / rest[0] / folder.lstrip("/")
        if source.exists():
            put(source, Path(options["--target"][0], folder.lstrip("/")))
"""
"""Keeps a whole copy for each snapshot. What a hook is called after runs it first: `backup-2`, the second backup."""

DOCKER = """#!/bin/sh
echo "$*" >>events
[ ! -e "hooks/docker-$1" ] || CALLER=$PPID sh "hooks/docker-$1" || exit 1
case "$1" in
  ps) case "$*" in *--all*) [ ! -e state ] || echo id;; *) ! grep -q running state 2>/dev/null || echo id;; esac;;
  stop) echo exited >state;;
  start) echo running >state;;
esac
"""
"""A container that runs or not, as `state` says; what it was told is in `events`."""

RUN = """
import os, sys
from pathlib import Path
import restic, exclusive
restic.FOLDER = Path("access").absolute()
restic.NAP, exclusive.LOCK = 0.05, Path("lock").absolute()
import administrator, pause, snapshot_checks, units
administrator.FILE = Path("scripts/administrator.json").absolute()
pause.MARK, pause.REST = restic.FOLDER / "stopped.json", 0
snapshot_checks.OWNER = os.getuid()
import {script}
units.FOLDER = Path("units").absolute()
if {script!r} == "backup":
    {script}.FIRST, {script}.NAP = 0.2, 0.05
{more}
{script}.main()
"""


class BackupServer:
    """A server with Poste's data on it, and a repository that it is told of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "volume/data"
        for name in ("tools", "units", "hooks", "access", "scripts", "volume/certificates", self.data):
            (folder / name).mkdir(parents=True)
        for name, script in (("restic", RESTIC), ("docker", DOCKER), ("systemctl", "#!/bin/sh\necho $* >>systemd\n")):
            self.tool(name, script)
        self.state = "running"
        (folder / "volume/certificates/account").write_text("at the authority")
        self.fill_data()
        self.knows(PASSPHRASE)
        self.request: dict[str, Any] = {
            "data": str(self.data), "container": "poste", "at": "02:30", "host": "mail.example.com",
            "url": "http://127.0.0.1:9",
            "folders": [
                *(str(self.data), str(folder / "volume/certificates"), str(folder / "volume/stack")),
                *(str(folder / "volume/relay"), str(folder / "scripts/administrator.json")),
            ],
            "relay": str(folder / "volume/relay"),
        }  # fmt: skip

    def fill_data(self) -> None:
        """As Poste would: settings, databases, a mailbox."""
        self.data.mkdir(exist_ok=True)
        (self.data / ".installed").touch()
        (self.data / "server.ini").write_text("[email]\n")
        self.database("users.db")
        self.message("1.first", "Subject: first\n\nHello\n")

    def knows(self, passphrase: str) -> None:
        """What backup_access has written down."""
        settings: dict[str, Any] = {
            "repository": str(self.folder / "repository"), "ssh": None, "passphrase": passphrase, "environment": {},
        }  # fmt: skip
        (self.folder / "access/settings.json").write_text(json.dumps(settings))

    def tool(self, name: str, script: str) -> None:
        (self.folder / "tools" / name).write_text(script)
        (self.folder / "tools" / name).chmod(0o755)

    def hook(self, name: str, script: str) -> None:
        """What a stand-in does before anything else; where that fails, so does the stand-in."""
        (self.folder / "hooks" / name).write_text(script)

    def no_hooks(self) -> None:
        shutil.rmtree(self.folder / "hooks")
        (self.folder / "hooks").mkdir()
        (self.folder / "restic-calls").unlink(missing_ok=True)

    def database(self, name: str) -> None:
        connection = sqlite3.connect(self.data / name)
        connection.execute("CREATE TABLE IF NOT EXISTS boxes (address TEXT)")
        connection.executemany(
            "INSERT INTO boxes VALUES (?)", [(f"box-{number}@example.com",) for number in range(999)]
        )
        connection.commit()
        connection.close()

    def damage(self, name: str, page: int = 2) -> None:
        with (self.data / name).open("r+b") as file:
            file.seek(4096 * (page - 1))
            file.write(b"\xff" * 4096)

    def message(self, name: str, text: str, folder: str = "", inner: str = "cur") -> Path:
        place = self.data / BOX / "Maildir" / folder / inner
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        return place / name

    @property
    def state(self) -> str:
        """Whether the container runs."""
        return (self.folder / "state").read_text().strip()

    @state.setter
    def state(self, state: str) -> None:
        (self.folder / "state").write_text(f"{state}\n")

    @property
    def events(self) -> list[str]:
        """What Docker was told to change."""
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split()[0] for line in lines if line.split()[0] in ("stop", "start")]

    def asked(self, verb: str) -> list[str]:
        """The calls of restic."""
        file = self.folder / "restic-calls"
        return [line for line in file.read_text().splitlines() if verb in line.split()] if file.exists() else []

    def run(self, script: str, *arguments: str, more: str = "", **told: Any) -> subprocess.CompletedProcess[str]:
        """Run a script with its input, told over what the server's other scripts are told."""
        return subprocess.run(
            [sys.executable, "-c", RUN.format(script=script, more=more), *arguments],
            cwd=self.folder,
            input=json.dumps(self.request | told),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ
            | {
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(remote_scripts.SOURCE),
            },
        )

    @property
    def administrator(self) -> tuple[str, str] | None:
        """Address and password as the scripts know them."""
        file = self.folder / "scripts/administrator.json"
        if not file.exists():
            return None
        found = json.loads(file.read_text())
        return found["address"], found["password"]

    @administrator.setter
    def administrator(self, known: tuple[str, str]) -> None:
        text = json.dumps(dict(zip(("address", "password"), known, strict=True)))
        (self.folder / "scripts/administrator.json").write_text(text)

    def set_up(self) -> None:
        done = self.run("backup")
        assert done.returncode == 0, done.stderr

    def back_up(self) -> dict[str, Any]:
        """A backup that must do well; its status."""
        done = self.run("backup", "run")
        assert done.returncode == 0, done.stderr
        return self.status

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "volume/backup/status.json").read_text())
        return found
