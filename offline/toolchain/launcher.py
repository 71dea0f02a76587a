"""The Python half of `launch`: runs a module as a program, and ends it once the program that started it is gone.

An engine that is killed cannot stop its plugins; without this they would stay for ever.
"""

import os
import runpy
import signal
import sys
import time
from threading import Thread

SECONDS_BETWEEN_LOOKS = 1
SECONDS_TO_STOP = 10


def main() -> None:
    """Run the module named by the first argument, with the others as its own."""
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    # First as the engine itself would do it, then for certain.
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(SECONDS_TO_STOP)
    os._exit(1)
