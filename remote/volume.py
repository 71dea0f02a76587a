"""Mounts the mail volume, now and at each boot. Never formats a disk that holds anything.

Runs on the server, hence standard library only. Standard input: {"device": <path of the block device>, "folder": <mount
point>}. Prints one JSON object: {"folder": <the folder for the data, which is on the volume>, "size": <bytes>}.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FSTAB = Path("/etc/fstab")
DOCKER_DROP_IN = Path("/etc/systemd/system/docker.service.d/mail-volume.conf")
DEVICE_DEADLINE = 60  # seconds until an attached volume shows up


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def wait_for(device: Path) -> None:
    deadline = time.monotonic() + DEVICE_DEADLINE
    while not device.exists():
        if time.monotonic() > deadline:
            sys.exit(f"The volume does not show up as {device}; is it attached to this server at Hetzner?")
        time.sleep(0.5)


def mount(device: Path, folder: Path) -> None:
    probe = subprocess.run(
        ["blkid", "-p", "-s", "TYPE", "-o", "value", str(device)], capture_output=True, text=True, check=False
    )
    if probe.returncode not in (0, 2):  # 2: there is nothing on it
        sys.exit(f"Cannot read {device}: {probe.stderr.strip()}")
    if probe.returncode == 2:
        run("mkfs.ext4", "-q", str(device))
    # Without nofail, a server whose volume is detached would not boot, and nobody could log in to find out.
    line = f"{device} {folder} ext4 discard,nofail,noatime 0 0"
    others = [entry for entry in FSTAB.read_text().splitlines() if entry.split()[1:2] != [str(folder)]]
    FSTAB.write_text("\n".join([*others, line, ""]))
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_mount():
        run("mount", str(folder))


def start_docker_after(folder: Path) -> None:
    DOCKER_DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DOCKER_DROP_IN.write_text(f"[Unit]\nRequiresMountsFor={folder}\n")
    run("systemctl", "daemon-reload")


def main() -> None:
    request = json.load(sys.stdin)
    device, folder = Path(request["device"]), Path(request["folder"])
    wait_for(device)
    mount(device, folder)
    start_docker_after(folder)
    # The volume may have been enlarged since.
    subprocess.run(["resize2fs", str(device)], capture_output=True, check=False)
    space = os.statvfs(folder)
    # A folder that is there only while the volume is mounted: without it the container does not start. The empty mount
    # point it would take for a new installation, and offer its installer to the world.
    data = folder / "data"
    data.mkdir(exist_ok=True)
    print(json.dumps({"folder": str(data), "size": space.f_frsize * space.f_blocks}))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)} failed: {error.stderr.strip()}")
