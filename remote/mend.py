"""Mends one thing on the server that can be mended without risk, as `./run mail verify --fix` asks for it.

Runs on the server, hence standard library only. Standard input: {"container", "name"}. The argument says what `name`
is: `container`, which has stopped and is started; `service`, which is down in the container and comes up; `firewall`,
the host's table of nftables, which is loaded as the deploy left it; `timer`, a unit that is to run, now and at each
boot. Prints one JSON object: {"mended": true}. What another one has stopped, such as a backup, is left to it.
"""

import json
import sys

import engine
import exclusive
import firewall
import pause
import services
import units

PATIENCE = 60  # seconds that another one may still take who is at Poste's data


def start_container(name: str) -> None:
    with exclusive.alone("a repair", PATIENCE):
        pause.start_again()
        if engine.container(name) is None:
            sys.exit(f"There is no container {name} any more.")
        engine.start(name)


def start_service(container: str, name: str) -> None:
    with exclusive.alone("a repair", PATIENCE):
        services.start(container, name)


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
