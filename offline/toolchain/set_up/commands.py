"""Running the tools the set-up needs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from offline.toolchain.set_up.errors import SetUpError


def run(command: Sequence[str], *, directory: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """Run `command` and return what it prints; SetUpError with the end of its output when it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | dict(variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(done.stdout.strip().splitlines()[-20:])
        raise SetUpError(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{end}")
    return done.stdout


def apt_install(*packages: str) -> None:
    """Install Debian packages, without the ones they only recommend."""
    run(["apt-get", "update", "-qq"])
    command = ["apt-get", "install", "-qq", "--no-install-recommends", *packages]
    run(command, variables={"DEBIAN_FRONTEND": "noninteractive"})


def can_apt_install() -> bool:
    """Whether we may and can: as root on Debian or one of its kin."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists()
