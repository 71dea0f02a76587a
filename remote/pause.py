"""Poste's container stopped for a while, and started again whatever happens.

Runs on the server, hence standard library only. While the container is stopped, a mark says so: who is killed meanwhile
starts nothing, but `start_again` does. A unit that waits for the lock calls it, and calls it at each boot.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import units
import whole_file
from container import stop

UNIT = "poste-started.service"
STARTER = f"""\
[Unit]
Description=Start Poste where what stopped it for a while was cut off
After=docker.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {Path(__file__).resolve().with_name("backup.py")} started

[Install]
WantedBy=multi-user.target
"""
MARK = Path("/etc/poste-mail/backup/stopped.json")
TRIES, REST = 5, 3  # of a start; seconds between two


class Pause:
    """How many seconds the container was stopped; known when it runs again."""

    seconds: float = 0


@contextlib.contextmanager
def stopped(container: str) -> Iterator[Pause]:
    """Have the container stopped, if it runs, and started again at the end. Ends the program where it does not start.

    One that somebody has stopped stays so. The caller holds the lock.
    """
    pause = Pause()
    if not listed(container):
        yield pause
        return
    units.leave(UNIT, STARTER)
    began = time.monotonic()
    _mark(container, stopped=False)
    try:
        stop(container)
        _mark(container, stopped=True)
        yield pause
    finally:
        # Whoever ends this process now gets his will a moment later.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        start_again()
        pause.seconds = time.monotonic() - began


def start_again() -> None:
    """Start what was stopped for a while. Ends the program where it does not start."""
    if not MARK.exists():
        return
    mark = json.loads(MARK.read_text())
    container, said = mark["container"], ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(REST)
        # One that has gone is made anew by whoever took it away.
        if not listed(container, "--all"):
            break
        if not mark["stopped"]:
            # Docker may be stopping it still. What is started before that has ended, ends with it.
            stop(container)
        done = subprocess.run(["docker", "start", container], capture_output=True, text=True, check=False)
        said = done.stderr.strip()
        if done.returncode == 0:
            break
    else:
        sys.exit(f"Poste does not start again. Docker says: {said}. Mend that, and then: docker start {container}")
    MARK.unlink()


def listed(container: str, *options: str) -> bool:
    """Whether it runs; with `--all`, whether it is there. Ends the program where Docker does not answer."""
    done = subprocess.run(
        ["docker", "ps", "--quiet", *options, "--filter", f"name=^{container}$"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"Docker does not answer: {done.stderr.strip()}")
    return bool(done.stdout.strip())


def _mark(container: str, *, stopped: bool) -> None:
    MARK.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole_file.write(MARK, json.dumps({"container": container, "stopped": stopped}))
