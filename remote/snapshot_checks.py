"""What a restored or a stopped /data must be like: owned by Poste's user, with databases that are sound.

Runs on the server, hence standard library only.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path

OWNER = 8
"""The number of Poste's user `mail`. By its name on the server the owner would become another one."""
USERS = "users.db"
MARKS = (".installed", "server.ini", USERS)
"""One of these is there where Poste was installed."""
SCRATCH = "/var/tmp"  # noqa: S108 - on the server's own disk, in folders that only root can enter

_MAGIC = b"SQLite format 3\0"
_JOURNALS = ("-journal", "-wal")


def is_used(data: Path) -> bool:
    """Whether Poste was installed there."""
    return any((data / mark).exists() for mark in MARKS)


def wrong_owner(data: Path) -> str:
    """What is wrong with the owner of Poste's own files; empty where nothing is."""
    users = data / USERS
    if not users.exists():
        return f"{USERS}, with all mailboxes, is not there"
    owner = users.stat().st_uid
    return "" if owner == OWNER else f"{USERS} belongs to the user {owner}, and Poste's is {OWNER}"


def databases(data: Path) -> list[Path]:
    """All SQLite databases below a folder."""
    found = (Path(place, name) for place, _, names in os.walk(data) for name in names if name.endswith(".db"))
    return [file for file in found if file.is_file() and not file.is_symlink() and _is_database(file)]


def damage(database: Path) -> str:
    """What SQLite finds wrong with a database that nobody has open; empty where it is sound. Changes nothing.

    With a journal beside it, it is looked at as the next program will find it: after the journal was played back. That
    writes, so it is done to a copy.
    """
    beside = [database.with_name(database.name + end) for end in _JOURNALS]
    journals = [file for file in beside if file.exists() and file.stat().st_size]
    try:
        if not journals:
            return _integrity(f"{database.absolute().as_uri()}?immutable=1")
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            for file in (database, *journals):
                shutil.copyfile(file, Path(folder, file.name))
            return _integrity(Path(folder, database.name).as_uri())
    except (OSError, sqlite3.Error) as error:
        return str(error)


def damaged(data: Path, files: Iterable[Path]) -> str:
    """What is wrong with which of these databases; empty where all are sound. Changes nothing."""
    found = {file: damage(file) for file in files if file.exists()}
    users = data / USERS
    if is_used(data) and users not in found:
        # As whoever wants a ransom leaves it.
        found[users] = "is no database" if users.exists() else "is gone"
    return "; ".join(f"{file.relative_to(data)}: {what}" for file, what in found.items() if what)


def _integrity(address: str) -> str:
    connection = sqlite3.connect(address, uri=True)
    try:
        told = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    finally:
        connection.close()
    return "" if told == ["ok"] else " ".join("; ".join(told).split())


def _is_database(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
