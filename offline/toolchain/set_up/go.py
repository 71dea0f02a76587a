"""The Go tool, which only the build of the Pulumi CLI needs."""

import re
import shutil
import subprocess

from offline.toolchain.set_up.commands import apt_install, can_apt_install
from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.progress import step

# From 1.21 on Go fetches by itself the newer version that a go.mod asks for: https://go.dev/doc/toolchain
OLDEST = (1, 21)


def go_command() -> str:
    """The Go tool's path; it is installed from Debian's packages where it is missing and they are new enough."""
    go = shutil.which("go")
    if go is None and can_apt_install() and _debian_version() >= OLDEST:
        with step("installing golang-go with apt-get", "1 min"):
            apt_install("golang-go", "ca-certificates")
        go = shutil.which("go")
    if go is None or _version(subprocess.run([go, "version"], capture_output=True, text=True, check=False)) < OLDEST:
        raise SetUpError(
            "there is neither a Pulumi CLI nor Go 1.21 or later to build one with. Install one of them: "
            "https://www.pulumi.com/docs/iac/download-install/ or https://go.dev/doc/install"
        )
    return go


def _debian_version() -> tuple[int, int]:
    policy = subprocess.run(["apt-cache", "policy", "golang-go"], capture_output=True, text=True, check=False)
    match = re.search(r"Candidate: (?:\d+:)?(\d+)\.(\d+)", policy.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _version(run: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    match = re.search(r"go(\d+)\.(\d+)", run.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)
