"""One at a time: what touches Poste's /data as a whole. Runs on the server, hence standard library only."""

import contextlib
import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

LOCK = Path("/run/lock/poste-data")
PATIENCE = 3600  # seconds: as long as a large mailbox takes to be restored
NAP = 1  # seconds between two tries


class Ended(SystemExit):
    """Somebody ends this process in order, which nobody here is to take for a failure that may be tried again."""


@contextlib.contextmanager
def alone(what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock, which goes with the process however that ends. Ends the program if others hold it too long.

    `what` is told to those who wait. Whoever ends this process in order (SIGTERM, SIGHUP) has it leave by Ended,
    so that what it stopped is started again.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as lock:
        deadline = time.monotonic() + patience
        while not _taken(lock):
            if time.monotonic() > deadline:
                lock.seek(0)
                sys.exit(f"Not done, since another one is at work: {lock.read().strip()}. Try again when that is over.")
            time.sleep(NAP)
        lock.truncate(0)
        lock.write(f"{what}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC")
        lock.flush()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)
        yield


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leave(number: int, _frame: FrameType | None) -> None:
    # Once is enough: a second one must not interrupt the start of what was stopped.
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise Ended(f"It was ended from outside ({signal.Signals(number).name}).")
