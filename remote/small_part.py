"""The part of Poste's data that a new version changes: databases, settings, certificates, DKIM keys, Roundcube's files.

Runs on the server, hence standard library only. Messages are no part of it, so that putting it back keeps the mail that
came in meanwhile. Poste must not run while it is copied or put back.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

SETTINGS = "server.ini"
WHOLE = ("ssl", "roundcube")
"""Folders of which all is part of it."""
MESSAGES, KEYS = "domains", ("private", "public", "selector")
"""The folder with messages, and what in each domain's folder there is its DKIM key."""
OTHERS = {MESSAGES, "queue", "log"}
"""Folders that may be large, and in which no database of Poste's own lies."""
DATABASE = re.compile(r"\.db(-wal|-shm|-journal)?$")
"""A database, and what SQLite keeps beside one of changes that are not in it yet."""
MAGIC = b"SQLite format 3\0"


class DamagedError(Exception):
    """A copy of a database is no good; the text names it."""


def members(data: Path) -> Iterator[Path]:
    """The files that are part of it, relative to the folder that Poste sees as /data."""
    for name, folders, files in os.walk(data):
        place = Path(name).relative_to(data)
        if not place.parts:
            folders[:] = set(folders) - OTHERS
        for file in files:
            if (place.parts and place.parts[0] in WHOLE) or DATABASE.search(file):
                yield place / file
    if (data / SETTINGS).exists():
        yield Path(SETTINGS)
    for key in KEYS:
        yield from (file.relative_to(data) for file in (data / MESSAGES).glob(f"*/{key}"))


def copy(data: Path, kept: Path) -> None:
    """Copy it, with owners and modes. Raises OSError."""
    for member in members(data):
        _transfer(data, kept, member)


def check(kept: Path) -> None:
    """Prove that each database in a copy is whole. Raises DamagedError. SQLite brings what lies beside one into it."""
    for member in [member for member in members(kept) if member.suffix == ".db"]:
        with (kept / member).open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                continue
        try:
            with closing(sqlite3.connect(kept / member)) as database:
                said = str(database.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.DatabaseError as error:
            said = str(error)
        if said != "ok":
            raise DamagedError(f"the database {member} is damaged ({said})")


def put_back(kept: Path, data: Path) -> None:
    """Make it what it was when it was copied; of what came meanwhile, DKIM keys stay. Raises OSError.

    Cut off anywhere, it is done anew.
    """
    were = set(members(kept))
    for member in list(members(data)):
        if member not in were and member.parts[0] != MESSAGES:
            (data / member).unlink()
    for member in were:
        _transfer(kept, data, member)


def _transfer(source: Path, target: Path, member: Path) -> None:
    for folder in reversed(member.parents):
        if not (target / folder).is_dir():
            (target / folder).mkdir()
            _as_in(source / folder, target / folder)
    new = target / member.with_name(f".{member.name}.new")
    new.unlink(missing_ok=True)
    shutil.copyfile(source / member, new, follow_symlinks=False)
    _as_in(source / member, new)
    new.replace(target / member)


def _as_in(source: Path, target: Path) -> None:
    """Give a file or folder the owner, the mode and the times of another."""
    owner = source.lstat()
    os.chown(target, owner.st_uid, owner.st_gid, follow_symlinks=False)
    shutil.copystat(source, target, follow_symlinks=False)
