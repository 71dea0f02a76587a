"""The Docker engine: the one that runs, or else one that is installed and started here and stopped again by `down`."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from offline.sandbox.host.parts import STATE
from offline.sandbox.host.shell import HostError, run, say, succeeds

PID_FILE = STATE / "dockerd.pid"
LOG_FILE = STATE / "dockerd.log"
START_SECONDS = 180
STOP_SECONDS = 30
RUNTIME = Path("/var/run")
ENGINE_PID_FILES = {"docker.pid": "dockerd", "docker/containerd/containerd.pid": "containerd"}
"""Below RUNTIME, with the program that each belongs to."""
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def is_running() -> bool:
    return succeeds("docker", "info")


def is_installed() -> bool:
    return _which("dockerd") is not None


def ensure() -> None:
    """Make an engine run; raises HostError with advice when that can't be done here."""
    if sys.platform != "linux":
        raise HostError("the sandbox needs Linux: its servers share the host's kernel")
    if is_running():
        return
    if os.geteuid() != 0:
        raise HostError(
            "no Docker engine answers ('docker info'). Start one, or make sure that you are in the group 'docker', "
            "or run 'sudo python3 -m offline.sandbox up', which on Debian and Ubuntu installs and starts one"
        )
    if not is_installed():
        install("docker.io")
        if not shutil.which("docker"):  # a package of its own since Debian 13
            install("docker-cli")
    if not is_running():  # a system with systemd has started it already
        _start()


def install(package: str) -> None:
    """Install a Debian package; raises HostError where there is no apt-get."""
    if not _which("apt-get"):
        raise HostError(f"please install '{package}': this can be done for you on Debian and Ubuntu only")
    say(f"installing {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", package)):
        done = subprocess.run(("apt-get", "-qq", *arguments), env=environment, capture_output=True, check=False)
        if done.returncode != 0:
            last_words = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            raise HostError(f"apt-get {arguments[0]} failed: {' / '.join(last_words)}")


def _which(program: str) -> str | None:
    return shutil.which(program, path=SYSTEM_PATH)


def _start() -> None:
    say(f"starting dockerd (log: {LOG_FILE})")
    STATE.mkdir(parents=True, exist_ok=True)
    clear_stale_pid_files(RUNTIME)
    with LOG_FILE.open("ab") as log:
        process = subprocess.Popen(
            (_which("dockerd") or "dockerd",),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    PID_FILE.write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not is_running():
        if process.poll() is not None or time.monotonic() > deadline:
            PID_FILE.unlink(missing_ok=True)
            raise HostError(f"dockerd did not come up, see {LOG_FILE}")
        time.sleep(0.3)


def clear_stale_pid_files(folder: Path) -> None:
    """Remove what a killed engine has left: a dead process that is not collected yet passes for a running engine."""
    for name, program in ENGINE_PID_FILES.items():
        with contextlib.suppress(FileNotFoundError, ValueError):
            if _program_of(int((folder / name).read_text())) != program:
                (folder / name).unlink()


def stop_ours() -> bool:
    """Stop the engine if it was started here; whether it was."""
    try:
        pid = int(PID_FILE.read_text())
    except (FileNotFoundError, ValueError):
        return False
    PID_FILE.unlink()
    if _program_of(pid) != "dockerd":
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _program_of(pid) == "dockerd":
        if time.monotonic() > deadline:
            raise HostError(f"dockerd (process {pid}) does not stop, see {LOG_FILE}")
        time.sleep(0.2)
    succeeds("ip", "link", "delete", "docker0")
    return True


def _program_of(pid: int) -> str | None:
    """The name of a living process; proc(5), "stat": the name in parentheses, then the state, Z for a dead one."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if rest.split()[0] == "Z" else name


def version() -> str:
    return run("docker", "version", "--format", "{{.Server.Version}}").strip()
