"""The sandbox cloud: `python3 -m offline.sandbox up`, `status`, `down`. See offline/sandbox/README.md."""

import argparse
import sys

from offline.sandbox.host.life import down, status, up
from offline.sandbox.host.shell import HostError, fail


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m offline.sandbox", description="An embedded cloud on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring up whatever is not up")
    commands.add_parser("status", help="show what is up; exit status 0 when all is")
    down_parser = commands.add_parser("down", help="take everything away, except images")
    down_parser.add_argument("--purge", action="store_true", help="remove the images too")
    options = parser.parse_args()
    try:
        if options.command == "up":
            up()
        elif options.command == "down":
            down(purge=options.purge)
        else:
            return 0 if status() else 1
    except HostError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("interrupted: the next 'up' goes on from here, 'down' takes all away", file=sys.stderr)
        return 130
    return 0


sys.exit(main())
