"""Mends one thing on the server that can be mended without risk, as `./run mail verify --fix` asks for it.

Runs on the server, hence standard library only. Standard input: {"container", "name"}. The argument says what `name`
is: `container`, which has stopped and is started; `service`, which is down in the container and comes up; `firewall`,
the host's table of nftables, which is loaded as the deploy left it; `timer`, a unit that is to run, now and at each
boot. Prints one JSON object: {"mended": true}. What another one has stopped, such as a backup, is left to it.
"""

import json
import re
import sys
import time

import engine
import exclusive
import firewall
import pause
import units
from container import execute

PATIENCE = 60  # seconds that another one may still take who is at Poste's data
UP = re.compile(r"^up \(.*?\) (\d+) seconds")
STEADY, DEADLINE = 3, 20  # seconds that a service has to stay up, and within which it must have
NAP = 0.5  # seconds between two looks


def start_container(name: str) -> None:
    with exclusive.alone("a repair", PATIENCE):
        pause.start_again()
        if engine.container(name) is None:
            sys.exit(f"There is no container {name} any more.")
        engine.start(name)


def start_service(container: str, name: str) -> None:
    with exclusive.alone("a repair", PATIENCE):
        execute(container, 's6-svc -u "/run/s6/services/$1"', name)
        deadline = time.monotonic() + DEADLINE
        while True:
            state = execute(container, 's6-svstat "/run/s6/services/$1"', name).strip()
            up = UP.match(state)
            if up and int(up[1]) >= STEADY:
                return
            if time.monotonic() > deadline:
                sys.exit(
                    f"{name} does not stay up ({state}). Why stands in /data/log/s6/{name}/current, in {container}"
                )
            time.sleep(NAP)


def load_firewall(name: str) -> None:
    """Another ruleset than the deploy's could take Docker's own rules away, as Debian's does."""
    text = firewall.RULESET.read_text() if firewall.RULESET.exists() else ""
    statements = [line for line in text.splitlines() if line and line[0] not in " \t#}"]
    table = f"table inet {name}"
    if statements != [table, f"delete {table}", f"{table} {{"]:
        sys.exit(f"{firewall.RULESET} is not as the deploy has written it")
    firewall.load()


def start_timer(name: str) -> None:
    if not (units.FOLDER / name).is_file():
        sys.exit(f"There is no {name} on the server: the deploy has to make it")
    units.systemctl("enable", name)
    units.systemctl("start", name)


def main() -> None:
    request = json.load(sys.stdin)
    name = request["name"]
    match sys.argv[1]:
        case "container":
            start_container(name)
        case "service":
            start_service(request["container"], name)
        case "firewall":
            load_firewall(name)
        case "timer":
            start_timer(name)
    print(json.dumps({"mended": True}))


if __name__ == "__main__":
    main()
