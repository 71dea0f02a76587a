"""Restores from the backup: the whole server, one mailbox into a folder of it, or files into a folder on the server.

Runs on the server, hence standard library only. Standard input: {"data": <what Poste sees as /data>, "container",
"url": <Poste's own, on loopback>, "snapshot": <its identity, or "latest" for the newest one that was made with Poste
stopped>, "mailbox": <address or null>, "to": <an empty folder on the server, or null>, "sure": <whether what Poste has
now may be put aside>, "folders": [<what a snapshot holds>], "relay": <the one of them that tells which route is ours>}.
Says on standard error what it is doing. Prints one JSON object: {"snapshot", "of": <when it was made, seconds since
1970>, "files", "messages", "kept": <where what Poste had is now, or null>}.

The whole server: restored beside what is there, looked at, and only then put in its place, with Poste stopped for some
seconds. The administrator is afterwards the one of before, and mail leaves through a relay, or through none, as before:
firewall and DNS are made for that. A mailbox: while Poste runs. Run again after it was cut off, it begins anew and
loses nothing.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import administrator
import maildir
import pause
import relay
import snapshot_checks
import staging
from exclusive import alone
from poste_http import Poste
from restic import WHOLE, Repository, Snapshot, in_words

TARGET = ".restoring"
START_DEADLINE = 600  # seconds; an older version's databases are changed first


@dataclass(frozen=True)
class Request:
    """What this script was told."""

    data: Path
    container: str
    url: str
    snapshot: str
    mailbox: str | None
    to: Path | None
    sure: bool
    folders: Sequence[str]
    relay: Path

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Request":
        to = Path(told["to"]) if told["to"] else None
        address = told["mailbox"].lower() if told["mailbox"] else None
        return cls(
            Path(told["data"]),
            told["container"],
            told["url"],
            told["snapshot"],
            address,
            to,
            told["sure"],
            told["folders"],
            Path(told["relay"]),
        )

    @property
    def target(self) -> Path:
        """Where on the volume it is restored to first."""
        return self.data.with_name(TARGET)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def shown(snapshot: Snapshot) -> str:
    return f"{snapshot.name} of {time.strftime('%Y-%m-%d %H:%M', time.gmtime(snapshot.time))} UTC"


def require_usable(request: Request) -> None:
    """Ends the program with what is wrong with what it was told, before anything is restored."""
    if request.mailbox is not None and (
        request.mailbox.count("@") != 1 or {"", ".", ".."} & set(request.mailbox.split("@")) or "/" in request.mailbox
    ):
        sys.exit(f"{request.mailbox} is no mailbox's address.")
    to = request.to
    if to is not None:
        if not to.is_absolute():
            sys.exit(f"{to} must be a whole path on the server, beginning with /.")
        if to.exists() and (not to.is_dir() or {each.name for each in to.iterdir()} - {TARGET}):
            sys.exit(f"{to} is not an empty folder: what is restored would be mixed with what is there.")
        if request.data == to or request.data in to.parents:
            sys.exit(f"{to} is within Poste's own data. Choose a folder elsewhere, such as {request.data.parent}/look.")
    if not request.folders:
        sys.exit("No folders are named that a snapshot holds.")


def restore_files(repository: Repository, snapshot: Snapshot, request: Request, to: Path) -> int:
    """All that a snapshot holds, or one mailbox of it, into a folder; how many files that is."""
    folders = list(request.folders)
    if request.mailbox:
        folders = [str(maildir.place(request.data, request.mailbox))]
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = require_in(repository, snapshot, request) if request.mailbox else repository.size(snapshot)
    staging.require_space(to, size, "Choose a folder on a larger disk, or raise volumeSize and deploy.")
    say(f"Restoring {shown(snapshot)} to {to}")
    staging.fetch(repository, snapshot, folders, to / TARGET)
    for folder in folders:
        source = staging.below(to / TARGET, folder)
        if source.exists():
            source.rename(to / source.name)
    shutil.rmtree(to / TARGET)
    return count(to)


def require_in(repository: Repository, snapshot: Snapshot, request: Request) -> int:
    """Bytes of the mailbox in the snapshot. Ends the program where it is not in there."""
    files = repository.files(snapshot, str(maildir.place(request.data, request.mailbox or "")))
    if not files:
        sys.exit(f"The snapshot {shown(snapshot)} has no mailbox {request.mailbox}.")
    return sum(files.values())


def restore_mailbox(repository: Repository, snapshot: Snapshot, request: Request, address: str) -> int:
    """One mailbox's messages into a folder of it, while Poste runs; how many that is."""
    live = maildir.place(request.data, address)
    if not live.parent.is_dir():
        sys.exit(
            f"Poste has no mailbox {address} any more. Make it, and try again: ./run mail mailbox add {address} "
            "--stack …"
        )
    size = require_in(repository, snapshot, request)
    staging.require_space(request.data.parent, size, "Raise volumeSize and deploy.")
    say(f"Restoring {address} from {shown(snapshot)}")
    staging.fetch(repository, snapshot, [str(live)], request.target)
    title = f"Restored {time.strftime('%Y-%m-%d', time.gmtime(snapshot.time))}"
    messages = maildir.bring_back(staging.below(request.target, live), live, title)
    shutil.rmtree(request.target)
    say(f"{messages} messages are in the folder {title}")
    return messages


def restore_server(repository: Repository, snapshot: Snapshot, request: Request) -> tuple[int, Path | None]:
    """All of it; how many files that is, and where what Poste had is kept."""
    data, target = request.data, request.target
    used = snapshot_checks.is_used(data)
    if used and not request.sure:
        sys.exit(
            f"{data} is in use. All that came in, was sent or was changed after {shown(snapshot)} would be gone from "
            "Poste: mail, mailboxes, passwords, keys. It would be kept beside, in a folder that only the server's "
            "administrator sees. Name the stack once more if you mean it (./run mail restore --stack STACK --replace "
            "STACK), or restore one mailbox (--mailbox ADDRESS) or files (--to FOLDER)."
        )
    if WHOLE not in snapshot.tags:
        sys.exit(
            f"The snapshot {shown(snapshot)} was made while Poste ran, or holds a damaged database, so a server cannot "
            "go on with it. Files and mailboxes can be restored from it (--to, --mailbox)."
        )
    size = repository.size(snapshot)
    staging.require_space(data.parent, size, f"Raise volumeSize by {size // 10**9 + 1} GB, deploy, and try again.")
    say(f"Restoring {shown(snapshot)} beside what is there")
    staging.fetch(repository, snapshot, request.folders, target)
    restored = staging.below(target, data)
    say("Looking at owners and databases")
    wrong = staging.problem(restored) or (relay.no_place(data, request.relay, restored) if used else "")
    if wrong:
        shutil.rmtree(target)
        sys.exit(f"Nothing was changed: Poste would not run on the snapshot {shown(snapshot)}: {wrong}.")
    files = count(target)
    ours, theirs = administrator.kept(), administrator.told_by(staging.below(target, administrator.FILE))
    kept = None
    say("Putting it in place, with Poste stopped")
    with pause.stopped(request.container):
        # Whose the route to a relay is, is known beside the data: both stay those of now.
        apart = {data, request.relay} if used else {data}
        staging.put_missing(target, [folder for folder in request.folders if Path(folder) not in apart])
        if used:
            relay.keep(data, request.relay, restored, staging.below(target, request.relay))
        staging.put_missing(target, [str(data)])
        if restored.exists():
            kept = staging.exchange(data, restored)
    shutil.rmtree(target)
    if not ours and theirs:
        administrator.keep(*theirs)
    if ours and pause.listed(request.container):
        say("Waiting for Poste, to let the administrator in")
        try:
            appoint(request.url, ours, theirs)
        except SystemExit as error:
            aside = f", and what Poste had is in {kept}" if kept else ""
            sys.exit(f"{shown(snapshot)} was restored{aside}. But nobody can be appointed administrator. {error}")
    return files, kept


def appoint(url: str, ours: tuple[str, str], theirs: tuple[str, str] | None) -> None:
    """Have Poste let the administrator of before in: the restored databases may know another, or another password."""
    Poste(url).wait("/admin/login", START_DEADLINE)
    if not administrator.accepts(url, *ours):
        administrator.appoint(url, *ours, theirs)
    administrator.keep(*ours)


def count(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def main() -> None:
    request = Request.of(json.load(sys.stdin))
    require_usable(request)
    with alone("a restore"), in_words("Nothing was restored. "):
        pause.start_again()
        staging.clean(request.data)
        repository = Repository.known()
        repository.unlock()
        snapshot = staging.chosen(repository, request.snapshot)
        files = messages = 0
        kept = None
        if request.to:
            files = restore_files(repository, snapshot, request, request.to)
        elif request.mailbox:
            files = messages = restore_mailbox(repository, snapshot, request, request.mailbox)
        else:
            files, kept = restore_server(repository, snapshot, request)
    done = {"snapshot": snapshot.name, "of": snapshot.time, "files": files, "messages": messages}
    print(json.dumps(done | {"kept": str(kept) if kept else None}))


if __name__ == "__main__":
    main()
