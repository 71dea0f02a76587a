"""What the person sees of the set-up: each step, how long it should take, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

SECONDS_BETWEEN_LINES = 15


@contextmanager
def step(what: str, estimate: str, state: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Announce a step, say every 15 seconds how it goes (`state()`) while it lasts, and at last how long it took."""
    print(f"set-up: {what} (about {estimate})", flush=True)
    begin = time.monotonic()
    done = Event()

    def report() -> None:
        while not done.wait(SECONDS_BETWEEN_LINES):
            print(f"set-up:   … {time.monotonic() - begin:.0f} s {state()}".rstrip(), flush=True)

    reporter = Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()
    print(f"set-up:   done in {time.monotonic() - begin:.0f} s", flush=True)
