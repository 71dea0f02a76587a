"""Work done side by side, each for no longer than all may take. Runs on the server, hence standard library only.

What goes on too long is left behind, and ends with the program: a question that is never answered must not keep others
from being asked, nor the program from its end.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def side_by_side(works: Mapping[K, Callable[[], T]], seconds: float) -> dict[K, T | BaseException]:
    """What came of each: its result, what it raised (the end of the program, too), or TimeoutError."""
    done: dict[K, T | BaseException] = {}

    def work(name: K, what: Callable[[], T]) -> None:
        try:
            done[name] = what()
        except BaseException as error:  # the scripts' modules end the program with their reason
            done[name] = error

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in works.items()]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    found = dict(done)
    return {name: found.get(name, TimeoutError(f"no answer within {seconds:.0f} s")) for name in works}
