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


def leave(name: str, text: str) -> None:
    """Have a unit run now, without waiting for it, and at each boot. It waits for the lock that the caller holds."""
    write(name, text)
    systemctl("enable", name)
    systemctl("start", "--no-block", name)
