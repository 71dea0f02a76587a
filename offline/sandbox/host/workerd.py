"""workerd, the runtime of Cloudflare's Workers: one file of an npm package, kept in .cache."""

import base64
import fcntl
import hashlib
import json
import os
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any, cast

from offline.sandbox.host.engine import install
from offline.sandbox.host.parts import SOURCE
from offline.sandbox.host.shell import HostError, run, say

PINNED = SOURCE / "internet" / "workerd.json"
"""The version, and the package for each kind of processor with its hash (W3C's Subresource Integrity)."""
CACHE = SOURCE.parents[1] / ".cache"
MEMBER = "package/bin/workerd"


def version() -> str:
    """The version that the project asks for."""
    return str(_pinned()["version"])


def ensure() -> Path:
    """The program for this machine, which is fetched unless it is there; raises HostError with what to do."""
    program = CACHE / f"workerd-{version()}" / "workerd"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE / "workerd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _fetch(program)
    return program


def _fetch(program: Path) -> None:
    pinned, machine = _pinned(), platform.machine()
    if machine not in pinned["packages"]:
        raise HostError(f"there is no workerd for {machine} processors: it is made for {', '.join(pinned['packages'])}")
    package = pinned["packages"][machine]
    _require_npm()
    wanted = f"{package['name']}@{pinned['version']}"
    say(f"fetching {wanted} with npm (45 MB)")
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        try:
            run("npm", "pack", "--loglevel=error", "--pack-destination", folder, wanted)
        except HostError as error:
            raise HostError(
                f"{error}\nWithout it no Worker runs. Is npm's registry reachable (npm ping)? A machine that reaches "
                f"none can have the file from another one, as {program}"
            ) from error
        (archive,) = Path(folder).glob("*.tgz")
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != package["integrity"]:
            raise HostError(f"what npm fetched as {wanted} is another file than the one in {PINNED}: {found}")
        unfinished = Path(folder, program.name)
        with tarfile.open(archive) as files, unfinished.open("wb") as file:
            shutil.copyfileobj(cast(IO[bytes], files.extractfile(MEMBER)), file)
        unfinished.chmod(0o755)
        # A file of the program's name exists only when all is done.
        unfinished.replace(program)
    say("fetched workerd")


def _require_npm() -> None:
    if shutil.which("npm"):
        return
    if os.geteuid() != 0:
        raise HostError(
            "npm, which fetches the runtime of Cloudflare's Workers, is not installed. Install it (on Debian and "
            "Ubuntu: apt-get install npm), or run 'sudo python3 -m offline.sandbox up' once"
        )
    install("npm")


def _pinned() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PINNED.read_text())
    return found
