"""The boxes and their accounts: a file system of limited size per box, and a Linux user with a root per account.

All accounts of a box have one number (uid), as at Hetzner: what a subaccount writes the main account may delete. In
its root an account finds its own folder as /home, and no other.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.sandbox.world import IPV4_NETWORK, IPV4_PARTS, IPV6_NETWORK, IPV6_PARTS

DATA, ROOTS, SNAPSHOTS = Path("/srv/data"), Path("/srv/roots"), Path("/srv/snapshots")
ACCESS = Path("/etc/ssh/accounts.conf")
SHELL = "/usr/lib/boxes/shell"
SIZE = "1g"
"""Of a box, whatever its type says: it is memory, taken as files come."""
SMALLEST = 4096
"""Bytes; a size of 0 would be none at all."""
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
FIRST_UID = 20_000
HETZNER = f"!{IPV4_PARTS},!{IPV6_PARTS},{IPV4_NETWORK},{IPV6_NETWORK}"
"""The servers' addresses, in sshd's words."""


@dataclass(frozen=True)
class Account:
    """One account as the data centre wants it. `name` equals `box` for the main account; `home` is below the box's."""

    name: str
    box: str
    home: str
    password: str
    keys: Sequence[str]
    ssh: bool
    external: bool
    readonly: bool
    snapshots: bool

    @property
    def root(self) -> Path:
        return ROOTS / self.name

    @property
    def folder(self) -> Path:
        return DATA / self.box / self.home


class Accounts:
    """All of them; every method returns when it is so, and raises CalledProcessError or OSError when it can't be."""

    def __init__(self) -> None:
        self._all: dict[str, Account] = {}
        self._uids: dict[str, int] = {}
        self._free_uids = itertools.count(FIRST_UID)
        self.full = False
        for folder in (DATA, ROOTS, SNAPSHOTS):
            folder.mkdir(parents=True, exist_ok=True)
        ACCESS.write_text(access(()))

    def put(self, account: Account) -> None:
        """Make the account, or make it so; the keys are written when it is made only."""
        known = self._all.get(account.name)
        uid = self._uid(account.box)
        account.folder.mkdir(parents=True, exist_ok=True)
        _own(account.folder, DATA / account.box, uid)
        if known is not None:
            _hide(known)
        else:
            place = ("--uid", str(uid), "--non-unique", "--home-dir", "/home", "--no-create-home", "--gid", "users")
            run("useradd", *place, "--shell", SHELL, account.name)
        _show(account, uid)
        run("chpasswd", "--crypt-method", "SHA512", stdin=f"{account.name}:{account.password}\n")
        if known is None and account.keys:
            _write_keys(account, uid)
        self._all[account.name] = account
        ACCESS.write_text(access(self._all.values()))

    def remove(self, name: str) -> None:
        """Remove an account; its folder stays. With a main account goes all of its box."""
        account = self._all[name]
        if name == account.box:
            for other in [one.name for one in self._all.values() if one.box == name != one.name]:
                self.remove(other)
        _hide(account)
        run("userdel", "--force", name)
        del self._all[name]
        if name == account.box:
            run("umount", "--lazy", str(DATA / name))
            for folder in (DATA, SNAPSHOTS):
                shutil.rmtree(folder / name)
            del self._uids[name]
        ACCESS.write_text(access(self._all.values()))

    def clear(self) -> None:
        """Remove all boxes."""
        for box in list(self._uids):
            self.remove(box)

    def fill(self, full: bool) -> None:
        """Let the boxes have no room for anything more, or all their room again."""
        self.full = full
        for box in self._uids:
            self._size(box)

    def usage(self, box: str) -> dict[str, int]:
        """How many bytes the box's files and snapshots take."""
        shown = run("du", "--summarize", "--block-size=1", str(SNAPSHOTS / box)).split()[0]
        return {"data": _used(box), "snapshots": int(shown)}

    def folders(self, box: str, path: str) -> list[str]:
        """The names of the folders in one of the box's; raises FileNotFoundError."""
        folder = DATA / box / path.strip("/")
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())

    def snapshot(self, box: str, name: str) -> None:
        """Keep the files as they are now."""
        run("rsync", "--archive", "--exclude=/.zfs", f"{DATA / box}/", f"{SNAPSHOTS / box / name}/")

    def forget(self, box: str, name: str) -> None:
        """Remove a snapshot."""
        shutil.rmtree(SNAPSHOTS / box / name)

    def roll_back(self, box: str, name: str) -> None:
        """Put the files back as they were in a snapshot; what is newer is gone."""
        run("rsync", "--archive", "--delete", "--exclude=/.zfs", f"{SNAPSHOTS / box / name}/", f"{DATA / box}/")

    def _uid(self, box: str) -> int:
        """The number of the box's accounts; with the first one comes the box."""
        if box not in self._uids:
            self._uids[box] = next(self._free_uids)
            for folder in (DATA / box, SNAPSHOTS / box):
                folder.mkdir()
            run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", box, str(DATA / box))
            if self.full:
                self._size(box)
        return self._uids[box]

    def _size(self, box: str) -> None:
        size = str(max(_used(box), SMALLEST)) if self.full else SIZE
        run("mount", "-o", f"remount,size={size}", str(DATA / box))


def access(accounts: Iterable[Account]) -> str:
    """Who may sign in from where, and whose root is which, in the words of sshd_config(5)."""
    every = list(accounts)
    rules = [f"AllowUsers {one.name}" + ("" if one.external else f"@{HETZNER}") for one in every if one.ssh]
    rules += [f"DenyUsers {one.name}" for one in every if not one.ssh]
    for one in every:
        keys = one.root / "home/.ssh/authorized_keys"
        rules += [f"Match User {one.name}", f"    ChrootDirectory {one.root}", f"    AuthorizedKeysFile {keys}"]
    return "\n".join([*rules, ""])


def run(*command: str, stdin: str = "") -> str:
    """What a command printed; raises CalledProcessError."""
    return subprocess.run(command, check=True, input=stdin, capture_output=True, text=True).stdout


def _show(account: Account, uid: int) -> None:
    """Make the account's root: the system's programs, a null device, its own name, and its folder as /home."""
    root = account.root
    root.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=755", account.name, str(root))
    for folder in ("dev", "etc", "home", "usr"):
        (root / folder).mkdir()
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    # Programs want to know who they are.
    (root / "etc/passwd").write_text(f"{account.name}:x:{uid}:100::/home:{SHELL}\n")
    (root / "dev/null").touch()
    _bind(Path("/dev/null"), root / "dev/null")
    _bind(Path("/usr"), root / "usr", readonly=True)
    _bind(account.folder, root / "home", readonly=account.readonly)
    if account.name == account.box:
        door = account.folder / ".zfs"
        door.unlink(missing_ok=True)
        if account.snapshots:
            (root / ".zfs/snapshot").mkdir(parents=True)
            _bind(SNAPSHOTS / account.box, root / ".zfs/snapshot", readonly=True)
            door.symlink_to("/.zfs")


def _hide(account: Account) -> None:
    """Take the account's root away, with all that is mounted below; sessions that run keep theirs."""
    run("umount", "--lazy", str(account.root))
    account.root.rmdir()


def _bind(source: Path, target: Path, *, readonly: bool = False) -> None:
    run("mount", "--bind", str(source), str(target))
    if readonly:
        run("mount", "-o", "remount,bind,ro", str(target))


def _own(folder: Path, box: Path, uid: int) -> None:
    """Give a folder, and those above it, to the box's accounts."""
    for one in (folder, *folder.parents):
        if one.is_relative_to(box):
            os.chown(one, uid, -1)


def _write_keys(account: Account, uid: int) -> None:
    folder = account.folder / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "authorized_keys").write_text("".join(f"{key.strip()}\n" for key in account.keys))
    for path in (folder, folder / "authorized_keys"):
        os.chown(path, uid, -1)


def _used(box: str) -> int:
    """Bytes that the box's files take."""
    room = os.statvfs(DATA / box)
    return (room.f_blocks - room.f_bfree) * room.f_frsize
