"""Runs the set-up's steps in order, one set-up at a time."""

import fcntl
import os
import sys
import time

from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.paths import BACKEND, CACHE
from offline.toolchain.set_up.plugins import set_up_plugins
from offline.toolchain.set_up.pulumi_cli import set_up_pulumi_cli
from offline.toolchain.set_up.virtualenv import set_up_virtualenv


def main() -> int:
    """Set up everything; `run` compares its inputs' dates with that of .cache/set-up-done, which is when we began.

    Without that file `run` sets up again.
    """
    begin = time.time()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up_virtualenv()
            is_lasting = set_up_plugins(set_up_pulumi_cli())
        except SetUpError as error:
            print(f"set-up: {error}", file=sys.stderr)
            return 1
        BACKEND.mkdir(parents=True, exist_ok=True)
        stamp = CACHE / "set-up-done"
        if is_lasting:
            stamp.touch()
            os.utime(stamp, (begin, begin))
        else:
            stamp.unlink(missing_ok=True)
    return 0


sys.exit(main())
