"""restic, as this server calls it: where the repository is, what comes back, and what went wrong, in words.

Runs on the server, hence standard library only. Works with restic 0.14 and later. Secrets come to restic by its
environment, and leave in no text: the repository's address can hold one too.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/poste-mail/backup")
"""Root's alone: how the repository is reached, and the server's own key for it."""
KEY, KNOWN_HOSTS, SETTINGS = "key", "known_hosts", "settings.json"
CACHE = "/var/cache/poste-backup"

LIVE, WHOLE, DAMAGED = "live", "whole", "damaged"
"""Tags: copied while Poste ran; copied while it was stopped; the same, with a database in it that is not sound."""

INCOMPLETE = 3  # restic's exit status where it could not read some files, and took the others
ANSWER = 180  # seconds for what only asks; restic itself would go on trying for a quarter of an hour
LOCK_WAIT, NAP = 600, 10  # seconds: a store that is being tidied up is locked
SECRET = 6  # characters; what is shorter is a region or a switch, and a word that errors need
LONG = 500  # characters of what restic said
SHORT = 8  # characters of a snapshot's name, as restic shows it

NOT_THERE = re.compile(r"Is there a repository at the following location", re.IGNORECASE)
ABSENT = re.compile(
    r"does not exist|no such file|NoSuchKey|NoSuchBucket|BlobNotFound|ContainerNotFound|\b404\b|not found",
    re.IGNORECASE,
)
REACHED_NOT = re.compile(
    r"could not resolve|no such host|connection (refused|timed out|reset|closed)|no route to host|unreachable|"
    r"i/o timeout|deadline exceeded|broken pipe|tls: |x509: |dial tcp|session, error: EOF|talking HTTP to rclone",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Meaning:
    """What it means when restic ends with this status or says this, and what to do."""

    pattern: str
    text: str
    status: int | None = None


# What a store says when it is full stands before what it says of the next try, which it forbids.
MEANINGS = (
    Meaning(
        r"wrong password or no key found",
        "The repository does not open with backupPassphrase. If it was changed, set the former one again: what is in "
        "the repository can be read with that one only",
        12,
    ),
    Meaning(
        r"host key verification failed|host identification has changed|host key is known",
        "The backup's store shows another SSH host key than the one that is known of it. Nothing was sent. Compare it "
        "with what the store's owner publishes, set backup.hostKey to it if it is right, and deploy",
    ),
    Meaning(
        r"no space left|quota exceeded|over quota|insufficient storage|\b507\b|EDQUOT|not enough space|QuotaExceeded|"
        r"remaining disk space",
        "The backup's store is full, or the server's own disk. Remove old snapshots (./run mail backup prune --stack "
        "…), or take a larger store",
    ),
    Meaning(
        r"refusing to overwrite in append-only mode",
        "A file was cut off on its way to the store, which keeps what it has and takes that one no second time. "
        "Nothing is lost: the next backup sends it anew",
    ),
    Meaning(
        r"permission denied \(|access ?denied|403 forbidden|401 unauthorized|InvalidAccessKeyId|SignatureDoesNotMatch",
        "The backup's store refuses this server's key. Deploy again, which makes it known there, or correct "
        "backupEnvironment",
    ),
)


class RepositoryError(Exception):
    """restic did not do it; the text says why, and what to do."""


class MissingError(RepositoryError):
    """The store answers, and there is no repository in it."""


class LockedError(RepositoryError):
    """Somebody else has locked the repository."""


@contextlib.contextmanager
def in_words(before: str = "") -> Iterator[None]:
    """Ends the program with what a repository's trouble is; `before` is a sentence on what that means."""
    try:
        yield
    except RepositoryError as error:
        sys.exit(f"{before}{error}.")


@dataclass(frozen=True)
class Copied:
    """A snapshot that was made: bytes that are new in the repository, bytes and number of all its files."""

    snapshot: str
    added: int
    size: int
    files: int
    unread: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """`time` is in seconds since 1970."""

    name: str
    time: float
    tags: Sequence[str]
    paths: Sequence[str]


@dataclass(frozen=True)
class Repository:
    """One that `backup_access` has made known. All that it is asked can raise RepositoryError."""

    settings: Mapping[str, Any]
    patience: float = LOCK_WAIT
    """Seconds for others' locks to go."""

    @classmethod
    def known(cls) -> "Repository":
        """Ends the program where none is known."""
        file = FOLDER / SETTINGS
        if not file.exists():
            sys.exit(f"{file} is missing on the server. Raise the setting rerun by one and deploy, which makes it.")
        return cls(json.loads(file.read_text()))

    def identity(self) -> str:
        """Which repository it is. Raises MissingError where there is none."""
        return str(json.loads(self._ask("cat", "config"))["id"])

    def initialise(self) -> None:
        self._ask("init")

    def unlock(self) -> None:
        """Take away the locks of processes that are no more."""
        self._ask("unlock")

    def copy(self, folders: Sequence[str], tags: Sequence[str], host: str, limit: float | None = None) -> Copied:
        """Make a snapshot of these folders, within `limit` seconds. `host` lets it build on the one before."""
        options = [part for tag in tags for part in ("--tag", tag)]
        # A parent is looked for by host and folders, whatever its tags.
        done = self._call("backup", "--json", "--host", host, *options, "--", *folders, limit=limit)
        if done.returncode not in (0, INCOMPLETE):
            raise self._error(done)
        summary = next((line for line in _objects(done.stdout) if line.get("message_type") == "summary"), None)
        if summary is None:
            raise RepositoryError("restic made a snapshot and does not tell which")
        problems = [line for line in _objects(done.stderr) if line.get("message_type") == "error"]
        return Copied(
            summary["snapshot_id"][:SHORT],
            summary["data_added"],
            summary["total_bytes_processed"],
            summary["total_files_processed"],
            [str(line.get("item")) for line in problems] if done.returncode == INCOMPLETE else [],
        )

    def snapshots(self, tag: str | None = None) -> list[Snapshot]:
        """All with this tag, the oldest first."""
        told = json.loads(self._ask("snapshots", "--json", *(("--tag", tag) if tag else ()))) or []
        found = [
            Snapshot(each["short_id"], _moment(each["time"]), each.get("tags") or [], each["paths"]) for each in told
        ]
        return sorted(found, key=lambda snapshot: snapshot.time)

    def size(self, snapshot: Snapshot) -> int:
        """Bytes that it takes when it is restored as a whole."""
        told = self._ask("stats", "--json", "--mode", "restore-size", snapshot.name, limit=None)
        return int(json.loads(told)["total_size"])

    def files(self, snapshot: Snapshot, folder: str) -> dict[str, int]:
        """The files below a folder, by path, and how many bytes each has; none where the folder is not there."""
        nodes = _objects(self._ask("ls", "--json", "--recursive", snapshot.name, folder, limit=None))
        return {
            node["path"]: node.get("size", 0)
            for node in nodes
            if node.get("type") == "file" and node["path"].startswith(f"{folder}/")
        }

    def restore(self, snapshot: Snapshot, folders: Sequence[str], target: Path) -> None:
        """Put these folders below a target, each at its whole path there, with numeric owners."""
        chosen = [part for folder in folders for part in ("--include", _literal(folder))]
        self._ask("restore", snapshot.name, "--target", str(target), *chosen, limit=None)

    def _ask(self, *words: str, limit: float | None = ANSWER) -> str:
        done = self._call(*words, limit=limit)
        if done.returncode != 0:
            raise self._error(done)
        return done.stdout

    def _call(self, *words: str, limit: float | None) -> "subprocess.CompletedProcess[str]":
        deadline = time.monotonic() + self.patience
        while True:
            done = self._once(*words, limit=limit)
            locked = done.returncode not in (0, INCOMPLETE) and isinstance(self._error(done), LockedError)
            if not locked or time.monotonic() > deadline:
                return done
            time.sleep(NAP)

    def _once(self, *words: str, limit: float | None) -> "subprocess.CompletedProcess[str]":
        command = ["restic", *self._transport(), *words]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=limit,
                env=self._environment(),
            )
        except FileNotFoundError as error:
            raise RepositoryError("The server lacks restic. Install it: apt-get install restic") from error
        except subprocess.TimeoutExpired as error:
            raise RepositoryError(
                f"The backup's store took longer than {limit:.0f} s. Look whether the server reaches it; the server "
                "tries again at the next backup"
            ) from error

    def _transport(self) -> Iterator[str]:
        """Options that say how a store is reached by SSH."""
        ssh = self.settings["ssh"]
        if not ssh:
            return
        line = (
            f"ssh -F none -p {ssh['port']} -i {FOLDER / KEY} -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o UserKnownHostsFile={FOLDER / KNOWN_HOSTS} -o GlobalKnownHostsFile=/dev/null "
            "-o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 "
            f"{ssh['user']}@{ssh['host']}"
        )
        if self.settings["repository"].startswith("sftp:"):
            yield from ("-o", f"sftp.command={line} -s sftp")
        else:
            yield from ("-o", f"rclone.program={line}")

    def _environment(self) -> dict[str, str]:
        told: dict[str, str] = self.settings["environment"]
        return {
            **os.environ,
            "LC_ALL": "C.UTF-8",
            "RESTIC_CACHE_DIR": CACHE,
            "RESTIC_PROGRESS_FPS": "0.1",
            # Since 0.17 it tries a quarter of an hour where a store is full; before, and so, a minute.
            "RESTIC_FEATURES": "backend-error-redesign=false",
            **told,
            "RESTIC_REPOSITORY": self.settings["repository"],
            "RESTIC_PASSWORD": self.settings["passphrase"],
        }

    def _error(self, done: "subprocess.CompletedProcess[str]") -> RepositoryError:
        """What went wrong, in words. What restic said of it stands behind, without secrets."""
        lines = self._said(done)
        told = " ".join(lines)
        behind = f" ({shortened(told) or f'restic ended with status {done.returncode}'})"
        if done.returncode == 11 or "already locked" in told:
            return LockedError(
                "The repository is locked by somebody else, who tidies it up or was cut off at it. The next backup "
                f"tries again, as you can; a lock that nobody has renewed for half an hour is then taken away{behind}"
            )
        for meaning in MEANINGS:
            line = next((line for line in lines if re.search(meaning.pattern, line, re.IGNORECASE)), "")
            if line or done.returncode == meaning.status:
                return RepositoryError(f"{meaning.text}{f' ({shortened(line)})' if line else behind}")
        if REACHED_NOT.search(told):
            return RepositoryError(
                "The backup's store cannot be reached. Look whether it is there and whether the address is right; the "
                f"server tries again at the next backup{behind}"
            )
        if done.returncode == 10 or (NOT_THERE.search(told) and ABSENT.search(told)):
            return MissingError(f"There is no backup repository in the store{behind}")
        return RepositoryError(f"restic failed{behind}")

    def _said(self, done: "subprocess.CompletedProcess[str]") -> list[str]:
        """The lines of restic's errors, each once, without secrets."""
        lines = []
        for line in (done.stderr or done.stdout).splitlines():
            told = next(_objects(line), {})
            inner = told.get("error") or {}
            text = str(told.get("message") or inner.get("message") or inner or line)
            lines.append(self._without_secrets(text).strip().removeprefix("Fatal: "))
        return list(dict.fromkeys(filter(None, lines)))

    def _without_secrets(self, text: str) -> str:
        address, passphrase = self.settings["repository"], self.settings["passphrase"]
        secrets = [passphrase, *re.findall(r"://([^/@]+)@", address), *self.settings["environment"].values()]
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SECRET:
                text = text.replace(secret, "…")
        return re.sub(r"(\w://)[^/@\s]+@", r"\1…@", text)


def shortened(text: str) -> str:
    """The end of a text, where the reason is told, from the beginning of a word."""
    return text if len(text) <= LONG else f"… {text[-LONG:].partition(' ')[2]}"


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects among a text's lines."""
    for line in text.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _moment(text: str) -> float:
    """Go's RFC 3339 has up to nine digits of a second, Python's six."""
    plain = re.sub(r"\.\d+", "", text).replace("Z", "+00:00")
    return datetime.fromisoformat(plain).timestamp()


def _literal(path: str) -> str:
    """A path as a pattern of restic's that only it fits."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", path)
