"""Services in Poste's container, which s6 supervises. Runs on the server, hence standard library only."""

import math
import re
import sys
import time

from container import execute

SIGNERS = ("haraka-smtp", "haraka-submission")
"""The mail servers, which also sign."""
START = 'for service in "$@"; do s6-svc -u "/run/s6/services/$service"; done'
RESTART = 'for service in "$@"; do s6-svc -r "/run/s6/services/$service"; done'
STATES = 'for service in "$@"; do s6-svstat "/run/s6/services/$service" || exit 1; done'
UP = re.compile(r"up \(.*?\) (\d+) seconds")
STEADY = 3  # seconds after which one that is up has not fallen at once
DEADLINE = 60  # seconds until all have to be: a mail server first ends what it is at
NAP = 0.5  # seconds between two looks


def start(container: str, *names: str) -> None:
    """Have services that are down come up. Ends the program where one does not stay so."""
    execute(container, START, *names)
    _wait(container, names, "stay up")


def restart(container: str, *names: str) -> None:
    """Have services end and come up again, without waiting for it."""
    execute(container, RESTART, *names)


def return_of(container: str, *names: str) -> None:
    """Wait until services that were restarted just now are up again. Ends the program where one does not stay so."""
    _wait(container, names, "come back", anew=True)


def _wait(container: str, names: tuple[str, ...], what: str, *, anew: bool = False) -> None:
    began = time.monotonic()
    while True:
        passed = time.monotonic() - began
        # One that has been up for longer has not ended yet.
        longest = passed + 1 if anew else math.inf
        states = execute(container, STATES, *names).splitlines()
        failing = [
            (name, state)
            for name, state in zip(names, states, strict=True)
            if not ((up := UP.match(state)) and STEADY <= int(up[1]) <= longest)
        ]
        if not failing:
            return
        if passed > DEADLINE:
            name, state = failing[0]
            sys.exit(f"{name} does not {what} ({state}). Why stands in /data/log/s6/{name}/current, in {container}")
        time.sleep(NAP)
