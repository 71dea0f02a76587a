"""Mounts the mail volume, now and at each boot, and lets its file system fill it. Never formats anything.

Runs on the server, hence standard library only. Standard input: {"device": <path of the block device>, "folder": <mount
point>, "contents": [<the folders that it must hold>], "size": <GB that the device must have>, "container": <what must
not run while the volume changes>}. Prints one JSON object: {"size": <bytes of the file system>}.

With the argument `release` it does the opposite, before a volume is detached: the container stops, the file system is
unmounted.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from container import stop

FSTAB = Path("/etc/fstab")
DOCKER_DROP_IN = Path("/etc/systemd/system/docker.service.d/mail-volume.conf")
DEVICE_DEADLINE = 60  # seconds until an attached volume shows up
GB = 10**9


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def wait_for(device: Path) -> None:
    deadline = time.monotonic() + DEVICE_DEADLINE
    while not device.exists():
        if time.monotonic() > deadline:
            sys.exit(f"The volume does not show up as {device}; is it attached to this server at Hetzner?")
        time.sleep(0.5)


def check_file_system(device: Path) -> None:
    """Hetzner has formatted the volume. One on which no ext4 is seen may be damaged, and then formatting loses all."""
    probe = subprocess.run(
        ["blkid", "-p", "-s", "TYPE", "-o", "value", str(device)], capture_output=True, text=True, check=False
    )
    if probe.stdout.strip() == "ext4":
        return
    seen = f"holds {probe.stdout.strip()}" if probe.stdout.strip() else f"shows no file system {probe.stderr.strip()}"
    sys.exit(
        f"The volume {device} {seen.strip()}. Expected ext4. It is left as it is: if it held mail, look at it with "
        f"e2fsck -b 32768 {device} (a spare superblock); if it is new and blank, format it yourself: mkfs.ext4 {device}"
    )


def mounted_device(folder: Path) -> str:
    return run("findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", str(folder))


def same_device(one: str, other: Path) -> bool:
    """Whether both are the same block device; false where one of them is gone."""
    try:
        return os.stat(one).st_rdev == os.stat(other).st_rdev
    except OSError:
        return False


def remember(device: Path, folder: Path) -> None:
    """Mount it at each boot. Without nofail, a server without its volume would not boot, and nobody could log in."""
    others = [entry for entry in FSTAB.read_text().splitlines() if entry.split()[1:2] != [str(folder)]]
    FSTAB.write_text("\n".join([*others, f"{device} {folder} ext4 discard,nofail,noatime 0 0", ""]))
    DOCKER_DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DOCKER_DROP_IN.write_text(f"[Unit]\nRequiresMountsFor={folder}\n")
    run("systemctl", "daemon-reload")


def release(folder: Path, container: str) -> None:
    """Stop what writes, then unmount."""
    stop(container)
    if folder.is_mount():
        run("umount", str(folder))


def mount(device: Path, folder: Path, container: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_mount() and not same_device(mounted_device(folder), device):
        # The mount of an earlier volume, which is gone or no longer meant.
        release(folder, container)
    if not folder.is_mount():
        check_file_system(device)
        run("mount", str(folder))


def fill(device: Path, size: int) -> None:
    """Let the file system fill a volume that may have been enlarged."""
    rescan = Path("/sys/class/block", device.resolve().name, "device/rescan")
    if rescan.exists():
        rescan.write_text("1")
    seen = int(run("blockdev", "--getsize64", str(device)))
    if seen < size * GB:
        sys.exit(f"The volume {device} should have {size} GB, but the server sees {seen} bytes only")
    run("resize2fs", str(device))


def main() -> None:
    request = json.load(sys.stdin)
    device, folder = Path(request["device"]), Path(request["folder"])
    container = request["container"]
    if sys.argv[1:] == ["release"]:
        release(folder, container)
        return
    wait_for(device)
    remember(device, folder)
    mount(device, folder, container)
    fill(device, request["size"])
    # On the server Poste's files are root's alone, whatever their modes. The container sees its own folder anyway.
    folder.chmod(0o700)
    # Folders that are there only while the volume is mounted: without them the container does not start. The empty
    # mount point it would take for a new installation, and offer its installer to the world.
    for inner in request["contents"]:
        Path(inner).mkdir(parents=True, exist_ok=True)
    space = os.statvfs(folder)
    print(json.dumps({"size": space.f_frsize * space.f_blocks}))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(map(str, error.cmd))} failed: {(error.stderr or error.stdout or '').strip()}")
