"""`resize2fs` for a file system that is mounted, before the real one on the search path.

A kernel lets a mounted ext4 grow for processes with CAP_SYS_RESOURCE only, which servers don't have here, nor, often,
the machine that they run on. So where the real resize2fs is refused for that reason, the file system is grown offline:
the containers that use it are stopped, it is unmounted, checked, grown, mounted as it was, and the containers are
started again. Everything else, other errors too, is the real one's own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REAL = "/usr/sbin/resize2fs"
REFUSED = "Permission denied to resize filesystem"
STILL_USABLE = 1
"""e2fsck(8): up to this exit status the file system is sound."""


class ResizeError(Exception):
    """A step of the detour failed; what had been taken down is up again as far as possible."""


@dataclass(frozen=True)
class Mount:
    """One place where the file system is mounted."""

    folder: str
    options: str


def main(arguments: Sequence[str]) -> int:
    """Run the real resize2fs, and the detour where the kernel refuses; the exit status is resize2fs's."""
    done = _run(REAL, *arguments)
    if done.returncode == 0 or REFUSED not in done.stderr:
        return _show(done)
    device = next(word for word in arguments if not word.startswith("-"))
    try:
        with _offline(device):
            checked = _run("e2fsck", "-f", "-p", device)
            if checked.returncode > STILL_USABLE:
                return _show(checked)
            return _show(_run(REAL, *arguments))
    except ResizeError as failure:
        print(f"resize2fs: {failure}", file=sys.stderr)
        return 1


@contextmanager
def _offline(device: str) -> Iterator[None]:
    """The file system is not mounted while this lasts."""
    mounts = mounts_of_path(device)
    users = _containers_in([mount.folder for mount in mounts])
    taken_down: list[Mount] = []
    try:
        if users:
            _require("docker", "stop", *users)
        for mount in reversed(mounts):
            _require("umount", mount.folder)
            taken_down.append(mount)
        yield
    finally:
        for mount in reversed(taken_down):
            _require("mount", "-o", mount.options, device, mount.folder)
        if users:
            _require("docker", "start", *users)


def mounts_of_path(device: str) -> list[Mount]:
    return mounts_of(os.stat(device).st_rdev, Path("/proc/self/mountinfo").read_text().splitlines())


def mounts_of(device: int, mountinfo: Iterable[str]) -> list[Mount]:
    """Where a device (by its number) is mounted, in the order of mounting; proc(5), "mountinfo"."""
    found = []
    for line in mountinfo:
        fields, _, rest = line.partition(" - ")
        _, _, number, root, folder, options, *_ = fields.split()
        if number == f"{os.major(device)}:{os.minor(device)}":
            if root != "/":
                raise ResizeError(f"{folder} shows a part of the file system, which would not be mounted again")
            both = dict.fromkeys([*options.split(","), *rest.split()[2].split(",")])
            found.append(Mount(folder, ",".join(both)))
    return found


def _containers_in(folders: Sequence[str]) -> list[str]:
    """The running containers that have something below one of these folders mounted."""
    if _run("docker", "version").returncode != 0:
        return []
    running = _require("docker", "ps", "--quiet").split()
    found = json.loads(_require("docker", "inspect", *running)) if running else []
    return [
        container["Id"]
        for container in found
        for mount in container["Mounts"]
        if any(f"{mount['Source']}/".startswith(f"{folder}/") for folder in folders)
    ]


def _require(*command: str) -> str:
    done = _run(*command)
    if done.returncode != 0:
        raise ResizeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        return subprocess.CompletedProcess(command, 127, "", str(missing))


def _show(done: "subprocess.CompletedProcess[str]") -> int:
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode
