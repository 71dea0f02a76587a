"""One lock for everything that touches Poste's data as a whole. Runs on the server, hence standard library only."""

import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = Path("/run/lock/poste-mail-data")
PATIENCE = 600  # seconds


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Hold the lock; ends the program with the words of the one who holds it if that takes more than ten minutes."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + PATIENCE
    with LOCK.open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    sys.exit(
                        f"Not begun: {what}. Still at it for {PATIENCE // 60} minutes: {lock.read() or 'another'}."
                    )
            time.sleep(0.2)
        lock.truncate(0)
        lock.write(what)
        lock.flush()
        yield
