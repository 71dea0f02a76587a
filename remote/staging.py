"""What comes back from a snapshot: beside Poste's data first, looked at there, and then in its place in one step.

Runs on the server, hence standard library only.
"""

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import snapshot_checks
import whole_file
from restic import WHOLE, Repository, RepositoryError, Snapshot

SPARE = 512 * 1024**2  # bytes that must be left: mail goes on coming in
EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
HERE_OF_CALL = -100  # AT_FDCWD


def below(folder: Path, path: str | Path) -> Path:
    """Where restic puts a path that it restores below a folder."""
    return folder / Path(path).relative_to("/")


def chosen(repository: Repository, name: str) -> Snapshot:
    """The snapshot of this name, or the newest whole one for `latest`. Raises RepositoryError where there is none."""
    if name == "latest":
        whole = repository.snapshots(WHOLE)
        if not whole:
            raise RepositoryError("The repository has no snapshot yet that was made with Poste stopped")
        return whole[-1]
    found = [snapshot for snapshot in repository.snapshots() if name.startswith(snapshot.name)]
    if not found:
        raise RepositoryError(f"The repository has no snapshot {name}")
    return found[0]


def require_space(folder: Path, size: int, remedy: str) -> None:
    """Ends the program where a folder's file system has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        sys.exit(
            f"{folder} has {free / 1e9:.1f} GB free, and {(size + SPARE) / 1e9:.1f} GB are needed to restore beside "
            f"what is there. {remedy}"
        )


def fetch(repository: Repository, snapshot: Snapshot, folders: Sequence[str], target: Path) -> None:
    """Restore these folders of a snapshot below a target that holds nothing else. Raises RepositoryError."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(target)
    target.mkdir(mode=0o700)
    repository.restore(snapshot, folders, target)


def problem(data: Path) -> str:
    """Why Poste would not run on this /data; empty where it would."""
    if not data.is_dir():
        return "Poste's data is not in it"
    damaged = snapshot_checks.damaged(data, snapshot_checks.databases(data))
    return snapshot_checks.wrong_owner(data) or (f"a database is damaged: {damaged}" if damaged else "")


def put_missing(target: Path, folders: Sequence[str]) -> None:
    """Put those folders in their place where nothing is yet. What is a file is not put anywhere."""
    for folder in folders:
        source, place = below(target, folder), Path(folder)
        if source.is_dir() and (not place.exists() or (place.is_dir() and not any(place.iterdir()))):
            place.parent.mkdir(parents=True, exist_ok=True)
            source.rename(place)
            whole_file.settle(place.parent)


def exchange(data: Path, restored: Path) -> Path:
    """Put a restored folder in the data's place, in one step; returns where the former one is kept.

    At no moment is there no data. Where this is cut off before that step, the restored one stands at the name of the
    kept one, which `clean` knows.
    """
    name = f"{data.name}.kept-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    kept = next(place for place in map(data.with_name, names) if not place.exists())
    whole_file.write(_note(data), json.dumps({"kept": str(kept), "restored": restored.stat().st_ino}))
    restored.rename(kept)
    whole_file.settle(data.parent)
    library = ctypes.CDLL(None, use_errno=True)
    paths = (HERE_OF_CALL, os.fsencode(data), HERE_OF_CALL, os.fsencode(kept))
    if library.renameat2(*paths, EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(data))
    whole_file.settle(data.parent)
    _note(data).unlink()
    return kept


def clean(data: Path) -> None:
    """Take away what an exchange that was cut off has left: never what was Poste's data."""
    note = _note(data)
    if not note.exists():
        return
    told = json.loads(note.read_text())
    kept = Path(told["kept"])
    if kept.exists() and kept.stat().st_ino == told["restored"]:
        shutil.rmtree(kept)
    note.unlink()


def _note(data: Path) -> Path:
    return data.with_name(".exchange.json")
