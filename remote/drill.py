"""Proves that the backup can be restored: the newest snapshot is put beside Poste's data, and a Poste started on it.

Runs on the server, hence standard library only. Standard input: {"data": <what Poste sees as /data>, "container",
"image": <the image to start on it, or null for the one that the container has>, "url": <Poste's own, on loopback>}.
Prints one JSON object, which is kept as `drill.json` beside the data: {"at": <when it ended, seconds since 1970>,
"result": "done" or "failed", "error", "snapshot", "seconds", "boxes": <mailboxes that the restored Poste has>,
"messages": <those in the snapshot>, "databases": <those that were looked at>}. Ends with status 1 where it failed.

The Poste that is started has no network at all, and is removed with its data however the drill ends. With the argument
`inside` this script is what asks it: it runs in that container's network, and prints its mailboxes.
"""

import contextlib
import email
import email.policy
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import administrator
import snapshot_checks
import staging
import whole_file
from account import CREATED, RefusedError, boxes
from exclusive import alone
from poste_http import Poste
from restic import Repository, RepositoryError, Snapshot

TARGET, NOTE = ".drill", "drill.json"
NAME = "poste-drill"
DEADLINE = 600  # seconds until the Poste that is started lets the administrator in
SAMPLE = 10  # messages that are decoded
NAP = 2  # seconds between two looks


class FailedError(Exception):
    """The backup, or what is in it, is not good enough; the text says why."""


@dataclass
class Verdict:
    """How the drill went, as far as it came."""

    at: float = 0
    result: str = "failed"
    error: str = ""
    snapshot: str | None = None
    seconds: float = 0
    boxes: int = 0
    messages: int = 0
    databases: int = 0


def docker(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


def drill(request: dict[str, Any], verdict: Verdict) -> None:
    """Raises FailedError, RepositoryError. The verdict takes what is found on the way."""
    data = Path(request["data"])
    target = data.with_name(TARGET)
    repository = Repository.known()
    repository.unlock()
    snapshot = staging.chosen(repository, "latest")
    verdict.snapshot = snapshot.name
    staging.require_space(data.parent, repository.size(snapshot), "Raise volumeSize and deploy.")
    staging.fetch(repository, snapshot, [str(data), str(administrator.FILE)], target)
    restored = staging.below(target, data)
    verdict.databases = len(snapshot_checks.databases(restored))
    wrong = staging.problem(restored)
    if wrong:
        raise FailedError(f"Poste would not run on it: {wrong}")
    messages = list(all_messages(restored))
    verdict.messages = len(messages)
    # Any ten will do; nothing secret depends on which.
    require_readable(random.sample(messages, min(SAMPLE, len(messages))), restored)
    ours = administrator.known()
    # His password may be another since.
    theirs = administrator.told_by(staging.below(target, administrator.FILE)) or ours
    live = inventory(request["url"], ours)
    with started(request, restored, target):
        found = ask_inside(request["url"], theirs)
    verdict.boxes = len(found)
    require_all(live, found, snapshot)


def all_messages(data: Path) -> Iterator[Path]:
    for place, _, names in os.walk(data / "domains"):
        if Path(place).name in ("cur", "new"):
            yield from (Path(place, name) for name in names)


def require_readable(messages: Sequence[Path], data: Path) -> None:
    """Raises FailedError with the first one that is no message."""
    for file in messages:
        try:
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.compat32)
            if not message.keys():
                raise ValueError("it has no header")
            for part in message.walk():
                if not part.is_multipart():
                    part.get_payload(decode=True)
        except (OSError, ValueError, LookupError) as error:
            raise FailedError(f"The message {file.relative_to(data)} cannot be read: {error}") from error


@contextlib.contextmanager
def started(request: dict[str, Any], restored: Path, target: Path) -> Iterator[None]:
    """A container as Poste's is, but on restored data, without network. Raises FailedError."""
    told = docker("container", "inspect", request["container"])
    if told.returncode != 0:
        raise FailedError(f"There is no container {request['container']} to go by: {told.stderr.strip()}")
    model = json.loads(told.stdout)[0]
    config = model["Config"]
    entry, rest = list(config["Entrypoint"] or []), list(config["Cmd"] or [])
    variables = target / "environment"
    whole_file.write(variables, "".join(f"{line}\n" for line in config["Env"] or []))
    made = docker(
        *("run", "--detach", "--name", NAME, "--network", "none", "--hostname", config["Hostname"]),
        *("--env-file", str(variables), "--mount", f"type=bind,source={restored},target=/data"),
        # Where memory is short, it is this one that has to go.
        *("--oom-score-adj", "1000", "--cpu-shares", "256"),
        *(("--entrypoint", entry[0]) if entry else ()),
        *(request.get("image") or model["Image"], *entry[1:], *rest),
    )
    try:
        if made.returncode != 0:
            raise FailedError(f"A Poste does not start on it: {made.stderr.strip()}")
        yield
    finally:
        docker("rm", "--force", "--volumes", NAME)


def ask_inside(url: str, known: Sequence[str]) -> dict[str, Any]:
    """The mailboxes of the Poste that was started. Raises FailedError."""
    deadline = time.monotonic() + DEADLINE
    while True:
        state = docker("container", "inspect", "--format", "{{.State.Running}} {{.State.Pid}}", NAME).stdout.split()
        if state[:1] != ["true"]:
            logs = docker("logs", "--tail", "5", NAME)
            raise FailedError(f"The Poste that was started on it ended: {(logs.stdout + logs.stderr).strip()[-500:]}")
        done = subprocess.run(
            ["nsenter", "--target", state[1], "--net", sys.executable, __file__, "inside"],
            input=json.dumps({"url": url, "administrator": known}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        if time.monotonic() > deadline:
            raise FailedError(
                f"The administrator cannot sign in to the Poste that was started on it, within {DEADLINE} s: "
                f"{done.stderr.strip()}"
            )
        time.sleep(NAP)


def inventory(url: str, known: Sequence[str]) -> dict[str, Any]:
    """Poste's mailboxes by address, without aliases. Raises FailedError."""
    try:
        found = boxes(Poste(url, *known))
    except RefusedError as error:
        raise FailedError(str(error)) from error
    return {address: box for address, box in found.items() if not box.get("redirect_to")}


def require_all(live: dict[str, Any], found: dict[str, Any], snapshot: Snapshot) -> None:
    """Raises FailedError where a mailbox is missing that was there when the snapshot was made."""
    missing = [address for address, box in live.items() if address not in found and is_older(box, snapshot.time)]
    if missing or not found:
        raise FailedError(f"The restored Poste lacks mailboxes: {', '.join(sorted(missing)[:5]) or 'it has none'}")


def is_older(box: dict[str, Any], moment: float) -> bool:
    """Whether a mailbox was made before; one of which Poste does not tell may be newer."""
    try:
        made = datetime.fromisoformat(str(box.get(CREATED)))
    except ValueError:
        return False
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp() < moment


def clear(target: Path) -> None:
    """What a drill that was cut off has left, or this one."""
    docker("rm", "--force", "--volumes", NAME)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(target)


def main() -> None:
    request = json.load(sys.stdin)
    if sys.argv[1:] == ["inside"]:
        try:
            print(json.dumps(inventory(request["url"], request["administrator"])))
        except FailedError as error:
            sys.exit(str(error))
        return
    data = Path(request["data"])
    verdict, began = Verdict(), time.time()
    with alone("a drill of the restore"):
        target = data.with_name(TARGET)
        clear(target)
        try:
            drill(request, verdict)
            verdict.result = "done"
        except (FailedError, RepositoryError, SystemExit) as error:
            verdict.error = str(error)
        finally:
            clear(target)
        verdict.at = time.time()
        verdict.seconds = round(verdict.at - began, 1)
        notes = data.with_name("backup")
        notes.mkdir(mode=0o700, exist_ok=True)
        whole_file.write(notes / NOTE, json.dumps(asdict(verdict)))
    print(json.dumps(asdict(verdict)))
    if verdict.error:
        sys.exit(verdict.error)


if __name__ == "__main__":
    main()
