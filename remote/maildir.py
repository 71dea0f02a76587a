"""Messages from a snapshot, brought back into the mailbox that they were in, in a folder of their own.

Runs on the server, hence standard library only. Poste keeps mail as Maildir++: each message is a file in `cur` or
`new`, a folder `A` is `.A` beside these, a folder below it `.A.B`. Mail programs find what is renamed into place.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

MESSAGES = ("cur", "new")
INNER = (*MESSAGES, "tmp")
SUBSCRIPTIONS, KEYWORDS = "subscriptions", "dovecot-keywords"
VERSION_2 = "V\t2"
"""How the newer form of Dovecot's list of subscriptions begins, which has a tab between a folder and one below it."""
MODE = 0o700


def place(data: Path, address: str) -> Path:
    """Where a mailbox's messages are."""
    user, _, domain = address.rpartition("@")
    return data / "domains" / domain / user / "Maildir"


def bring_back(restored: Path, live: Path, title: str) -> int:
    """Move a restored mailbox's messages into the folder `title` of a live one; how many are new there.

    Run again, it goes on: a message that is there already is not brought a second time, whatever it was marked with.
    """
    home = _existing(live)
    owner = home.stat()
    if not live.exists():
        _make(live, owner)
    count = 0
    for source in _folders(restored):
        name = f".{title}" if source == restored else f".{title}{source.name}"
        target = live / name
        _make_folder(target, owner)
        count += _move(source, target, owner)
        _subscribe(live / SUBSCRIPTIONS, name[1:], owner)
    return count


def _folders(mailbox: Path) -> Iterator[Path]:
    """The mailbox itself, which is its inbox, and its folders."""
    yield mailbox
    for folder in sorted(mailbox.iterdir()):
        if folder.name.startswith(".") and (folder / "cur").is_dir():
            yield folder


def _existing(live: Path) -> Path:
    return live if live.exists() else live.parent


def _make_folder(folder: Path, owner: os.stat_result) -> None:
    for inner in (folder, *(folder / name for name in INNER)):
        _make(inner, owner)
    mark = folder / "maildirfolder"
    mark.touch(mode=0o600)
    os.chown(mark, owner.st_uid, owner.st_gid)


def _make(folder: Path, owner: os.stat_result) -> None:
    folder.mkdir(mode=MODE, exist_ok=True)
    os.chown(folder, owner.st_uid, owner.st_gid)


def _move(source: Path, target: Path, owner: os.stat_result) -> int:
    keywords = source / KEYWORDS
    if keywords.exists() and not (target / KEYWORDS).exists():
        # What the letters of a message's own marks mean.
        os.chown(keywords, owner.st_uid, owner.st_gid)
        keywords.rename(target / KEYWORDS)
    there = {_identity(file) for inner in MESSAGES for file in (target / inner).iterdir()}
    moved = 0
    for inner in MESSAGES:
        if not (source / inner).is_dir():
            continue
        for file in list((source / inner).iterdir()):
            if file.is_file() and _identity(file) not in there:
                os.chown(file, owner.st_uid, owner.st_gid)
                file.rename(target / inner / file.name)
                moved += 1
    return moved


def _identity(message: Path) -> str:
    """A message's name without its marks."""
    return message.name.partition(":")[0]


def _subscribe(file: Path, name: str, owner: os.stat_result) -> None:
    """Have mail programs show a folder that only lists what is subscribed to."""
    text = file.read_text() if file.exists() else ""
    line = name.replace(".", "\t") if text.startswith(VERSION_2) else name
    if line in text.splitlines():
        return
    new = file.with_name(f".{file.name}.new")
    new.write_text(f"{text}{line}\n")
    if file.exists():
        shutil.copymode(file, new)
    os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(file)
