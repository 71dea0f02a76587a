"""Waits until the server's first boot is over, installs what is missing, and waits until Docker answers.

Runs on the server, hence standard library only; comes by standard input, before there is a folder for the other
scripts, and makes it. Prints one JSON object: {"docker": <version>}. Run again, it goes on where it stopped: a first
boot that failed does not stay failed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/opt/poste-mail")
# What must be there, by command, and Debian's package of it. (Docker may also have come from its makers' packages.)
NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker-cli",
    "nft": "nftables",
    "resize2fs": "e2fsprogs",
    "certbot": "certbot",
    "unattended-upgrade": "unattended-upgrades",
}
LOCK = ("--option", "DPkg::Lock::Timeout=300")
TRIES = 5
PAUSE = 15  # seconds between two tries: mirrors have bad minutes
DOCKER_DEADLINE = 120  # seconds after it is installed
CLOUD_INIT_OFF = Path("/etc/cloud/cloud-init.disabled")


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def wait_for_first_boot() -> None:
    """How it ended does not matter: what this server needs is looked at next, whoever was to install it."""
    if shutil.which("cloud-init"):
        run("cloud-init", "status", "--wait")
        # It has done its work. Later boots must not need the metadata address, which the host firewall closes because
        # the host's private key can be read there.
        CLOUD_INIT_OFF.parent.mkdir(parents=True, exist_ok=True)
        CLOUD_INIT_OFF.touch()


def missing() -> list[str]:
    """The packages of the commands that are not there."""
    return [package for command, package in NEEDED.items() if not shutil.which(command)]


def has_candidate(package: str) -> bool:
    """Whether Debian has the package: 13 keeps Docker's client in one of its own, 12 does not know that."""
    policy = run("apt-cache", "policy", package).stdout
    return "Candidate:" in policy and "Candidate: (none)" not in policy


def install_missing() -> None:
    """Raises SystemExit with what apt said last."""
    said = ""
    for attempt in range(TRIES):
        if not missing():
            return
        if attempt:
            time.sleep(PAUSE)
        # An installation that was cut off is brought to its end first.
        run("dpkg", "--configure", "-a")
        update = run("apt-get", "update", "--quiet", *LOCK)
        wanted = [package for package in missing() if has_candidate(package)]
        install = run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *LOCK, *wanted)
        said = "\n".join(f"{update.stderr}{install.stdout}{install.stderr}".splitlines()[-20:])
    if missing():
        sys.exit(f"The server lacks {', '.join(missing())}, and apt-get does not install it. It said:\n{said}")


def wait_for_docker() -> str:
    run("systemctl", "enable", "--now", "docker")
    deadline = time.monotonic() + DOCKER_DEADLINE
    while (docker := run("docker", "info", "--format", "{{.ServerVersion}}")).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit(f"Docker does not answer {DOCKER_DEADLINE} s after it was installed: {docker.stderr.strip()}")
        time.sleep(1)
    return docker.stdout.strip()


def main() -> None:
    wait_for_first_boot()
    install_missing()
    version = wait_for_docker()
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    print(json.dumps({"docker": version}))


if __name__ == "__main__":
    main()
