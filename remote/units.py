"""The units that the scripts leave with systemd. Runs on the server, hence standard library only."""

import subprocess
import sys
from pathlib import Path

import whole_file

FOLDER = Path("/etc/systemd/system")


def ask(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def systemctl(*words: str) -> None:
    """Ends the program with what systemd says where it refuses."""
    done = ask(*words)
    if done.returncode != 0:
        sys.exit(f"systemctl {' '.join(words)} failed: {done.stderr.strip()}")


def write(name: str, text: str) -> None:
    """Have systemd know a unit of this text."""
    file = FOLDER / name
    if not file.exists() or file.read_text() != text:
        whole_file.write(file, text, 0o644)
        systemctl("daemon-reload")


def set_timer(unit: str, service: str, timer: str) -> None:
    """Have a timer of these texts run a service, from now on and after each boot. `unit` is the name of both."""
    write(f"{unit}.service", service)
    write(f"{unit}.timer", timer)
    systemctl("enable", f"{unit}.timer")
    # One that runs already takes what is new in its file when it is started again.
    systemctl("restart", f"{unit}.timer")


def end_timer(unit: str) -> None:
    """End a timer, and forget it and its service, which ends by itself if it runs just now."""
    ask("disable", "--now", f"{unit}.timer")
    for name in (f"{unit}.timer", f"{unit}.service"):
        (FOLDER / name).unlink(missing_ok=True)
    ask("daemon-reload")


def leave(name: str, text: str) -> None:
    """Have a unit run now, without waiting for it, and at each boot. It waits for the lock that the caller holds."""
    write(name, text)
    systemctl("enable", name)
    systemctl("start", "--no-block", name)
