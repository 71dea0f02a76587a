"""Backs Poste's data up each night, first while mail flows, then for the rest with Poste stopped for some seconds.

Runs on the server, hence standard library only. Standard input: {"data": <what Poste sees as /data>, "container",
"folders": [<all that goes into a snapshot>], "at": <"HH:MM", UTC>, "host": <the mail host>}. Makes the repository if it
is new and starts the timer; where there is no backup yet, the first one begins in the background, and is waited for
for a minute. Prints one JSON object: {"repository": <its identity>}.

With the argument `run`, as the timer's unit calls it, it makes a backup with what it was last told, and prints how that
went, as in `status.json` beside the data (see `Status`). `run --tag TAG` has the unit make one that also has this tag,
and waits for it. `list` prints {"snapshots": [{"id", "time": <seconds since 1970>, "tags"}]}, the newest first.
`started` starts Poste where whoever stopped it for a while was killed (see pause.py), and notes a run that was; systemd
calls that after each run, too. `stop` ends the timer.

A file that Poste has moved meanwhile is no failure of the first pass; in the second, where nothing moves, it is. What
could be read is in a snapshot then, as it is when a database is not sound: that one has the tag `damaged`.
"""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pause
import snapshot_checks
import units
import whole_file
from exclusive import alone
from restic import (
    DAMAGED,
    FOLDER,
    LIVE,
    WHOLE,
    Copied,
    LockedError,
    MissingError,
    Repository,
    RepositoryError,
    in_words,
)

HERE = Path(__file__).resolve()
REQUEST, TAG = FOLDER / "request.json", FOLDER / "tag"
STATUS, RUNNING = "status.json", "running.json"
UNIT = "poste-backup"
SERVICE = f"""\
[Unit]
Description=Back Poste's data up
After=network-online.target docker.service {pause.UNIT}

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {HERE} run
ExecStopPost=/usr/bin/python3 {HERE} started
Nice=10
IOSchedulingClass=best-effort
"""
TIMER = """\
[Unit]
Description=Back Poste's data up each night

[Timer]
OnCalendar=*-*-* {at}:00 UTC
RandomizedDelaySec=5min
Persistent=true

[Install]
WantedBy=timers.target
"""

FIRST, NAP = 60, 1  # seconds that a first backup is waited for, as a small one is soon over; between two looks
AWAY = 300  # seconds that the second pass may take: mail waits for it
PASSES = 2  # tries, should someone lock the repository just before the second pass, or start Poste during it
TAGS = re.compile(r"[A-Za-z0-9._:/+-]+")


class StartedError(Exception):
    """Somebody, a deploy say, has started Poste while it was copied: the snapshot is not what it is called."""


@dataclass(frozen=True)
class Good:
    """The last backup that can be restored: when it ended, its bytes, seconds without Poste and in all."""

    at: float
    snapshot: str
    size: int
    away: float
    seconds: float


@dataclass(frozen=True)
class Status:
    """How the last run went. Times are in seconds since 1970, sizes in bytes.

    `added` is new in the repository, `size` is all that the snapshot holds, `previous_size` what the last good one did.
    """

    began: float
    ended: float
    result: str
    error: str = ""
    snapshot: str | None = None
    seconds: float = 0
    away: float = 0
    added: int = 0
    size: int | None = None
    files: int | None = None
    last_good: Good | None = None
    previous_size: int | None = None


@dataclass(frozen=True)
class Request:
    """What this script was told."""

    data: Path
    container: str
    folders: Sequence[str]
    at: str
    host: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Request":
        return cls(Path(told["data"]), told["container"], told["folders"], told["at"], told["host"])

    @classmethod
    def kept(cls) -> "Request":
        if not REQUEST.exists():
            sys.exit("There is no backup of this server: the setting backup is not set, or not deployed yet.")
        return cls.of(json.loads(REQUEST.read_text()))

    @property
    def notes(self) -> Path:
        """The folder for what the backups leave to be read; on the volume, so that it outlasts the server."""
        return self.data.parent / "backup"


@dataclass
class Run:
    """What is known of a run so far."""

    copies: list[Copied]
    pause: pause.Pause
    problem: str = ""


def last(request: Request) -> Status | None:
    """How the last run went, if there was one."""
    file = request.notes / STATUS
    if not file.exists():
        return None
    told = json.loads(file.read_text())
    good = told.pop("last_good")
    return Status(**told, last_good=Good(**good) if good else None)


def back_up(request: Request, tags: Sequence[str], run: Run) -> Copied:
    """Both passes; the snapshot of the second. Raises RepositoryError. `run` takes what is known, however far it is."""
    repository = Repository.known()
    repository.unlock()
    for _ in range(PASSES):
        folders = [folder for folder in request.folders if Path(folder).exists()]
        run.copies.append(repository.copy(folders, [LIVE, *tags], request.host))
        # A long search, while mail flows.
        databases = snapshot_checks.databases(request.data)
        with contextlib.suppress(LockedError, StartedError), pause.stopped(request.container) as run.pause:
            run.problem = snapshot_checks.damaged(request.data, databases)
            # Nobody's lock is waited for now.
            hurried = replace(repository, patience=0)
            copy = second_pass(hurried, request, folders, [DAMAGED if run.problem else WHOLE, *tags], run)
            if pause.listed(request.container):
                raise StartedError
            return copy
    raise RepositoryError(
        "Each time when Poste had been stopped for the backup, somebody else locked the repository, or started Poste"
    )


def second_pass(
    repository: Repository, request: Request, folders: Sequence[str], tags: Sequence[str], run: Run
) -> Copied:
    """What the first one has not got, and once again if something else than Poste moved a file just then."""
    for _ in range(2):
        copy = repository.copy(folders, tags, request.host, AWAY)
        run.copies.append(copy)
        if not copy.unread:
            return copy
    run.problem = run.problem or f"could not be read: {', '.join(copy.unread[:5])}"
    return copy


def run_once(request: Request, tags: Sequence[str]) -> Status:
    """Make a backup and note how it went."""
    before = last(request)
    good = before.last_good if before else None
    began = time.time()
    whole_file.write(request.notes / RUNNING, json.dumps({"began": began}))
    run = Run([], pause.Pause())
    copy, error = None, ""
    try:
        copy = back_up(request, tags, run)
    except (RepositoryError, SystemExit) as failure:
        error = str(failure)
    except (OSError, subprocess.SubprocessError) as failure:
        error = f"{type(failure).__name__}: {failure}"
    if copy and run.problem:
        error = (
            f"Not all of Poste's data is sound: {run.problem}. What could be read is in the snapshot {copy.snapshot}."
        )
    ended = time.time()
    status = Status(
        began=began,
        ended=ended,
        result="failed" if error else "done",
        error=error,
        snapshot=copy.snapshot if copy else None,
        seconds=round(ended - began, 1),
        away=round(run.pause.seconds, 1),
        added=sum(copied.added for copied in run.copies),
        size=copy.size if copy else None,
        files=copy.files if copy else None,
        last_good=good,
        previous_size=good.size if good else None,
    )
    if copy and not error:
        status = replace(status, last_good=Good(ended, copy.snapshot, copy.size, status.away, status.seconds))
    note(request, status)
    return status


def note(request: Request, status: Status) -> None:
    whole_file.write(request.notes / STATUS, json.dumps(asdict(status)))
    (request.notes / RUNNING).unlink(missing_ok=True)


def note_killed(request: Request) -> None:
    """Note that the last run was killed, if it was. With the lock held."""
    running = request.notes / RUNNING
    if not running.exists():
        return
    began, ended = json.loads(running.read_text())["began"], time.time()
    before = last(request)
    good = before.last_good if before else None
    error = "It was cut off: killed, or the server went down. The next one makes up for it."
    status = Status(began, ended, "failed", error, last_good=good, previous_size=good.size if good else None)
    note(request, status)


def run_now() -> None:
    """As the unit calls it. Ends the program where the backup failed."""
    request = Request.kept()
    with alone("a backup"):
        pause.start_again()
        note_killed(request)
        if not request.data.is_dir():
            sys.exit(f"{request.data} is not there: the volume is not mounted, or Poste's data was taken away.")
        request.notes.mkdir(mode=0o700, exist_ok=True)
        tags = TAG.read_text().split() if TAG.exists() else []
        # It belongs to this run, however that ends.
        TAG.unlink(missing_ok=True)
        status = run_once(request, tags)
    print(json.dumps(asdict(status)))
    if status.error:
        sys.exit(status.error)


def run_tagged(tag: str) -> None:
    """Have the unit make a backup with a tag: it goes on, and Poste starts again, should who called this be gone.

    Prints how it went. Ends the program where it failed.
    """
    if not TAGS.fullmatch(tag):
        sys.exit(f"{tag} cannot be a tag of a snapshot.")
    request = Request.kept()
    whole_file.write(TAG, tag)
    while True:
        before = last(request)
        done = units.ask("start", f"{UNIT}.service")
        if done.returncode != 0 and last(request) == before:
            TAG.unlink(missing_ok=True)
            sys.exit(f"The backup does not start: {done.stderr.strip()}")
        # One that already ran did not take the tag; the next one does.
        if not TAG.exists():
            break
    status = last(request)
    print(json.dumps(asdict(status) if status else None))
    if done.returncode != 0:
        sys.exit(status.error if status else done.stderr.strip())


def set_up(told: dict[str, Any]) -> None:
    request = Request.of(told)
    repository = Repository.known()
    with in_words():
        try:
            identity = repository.identity()
        except MissingError:
            repository.initialise()
            identity = repository.identity()
        first = not repository.snapshots(WHOLE)
    whole_file.write(REQUEST, json.dumps(told))
    units.set_timer(UNIT, SERVICE, TIMER.format(at=request.at))
    if first:
        make_first(request)
    print(json.dumps({"repository": identity}))


def make_first(request: Request) -> None:
    """Have the unit make a backup, and wait a while for its end, however it ends. A long one goes on."""
    before, deadline = last(request), time.monotonic() + FIRST
    units.systemctl("start", "--no-block", f"{UNIT}.service")
    while last(request) == before and time.monotonic() < deadline:
        time.sleep(NAP)


def show() -> None:
    """Print all snapshots that there are."""
    with in_words():
        found = Repository.known().snapshots()
    told = [{"id": each.name, "time": each.time, "tags": list(each.tags)} for each in reversed(found)]
    print(json.dumps({"snapshots": told}))


def main() -> None:
    match sys.argv[1:]:
        case ["run"]:
            run_now()
        case ["run", "--tag", tag]:
            run_tagged(tag)
        case ["list"]:
            show()
        case ["started"]:
            with alone("the start of Poste after what stopped it was cut off"):
                pause.start_again()
                if REQUEST.exists():
                    note_killed(Request.kept())
        case ["stop"]:
            # Snapshots stay where they are, and what starts Poste again stays, too.
            units.end_timer(UNIT)
        case _:
            set_up(json.load(sys.stdin))


if __name__ == "__main__":
    main()
