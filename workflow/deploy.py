"""Deploys a stack with the policy pack: `python -m workflow.deploy --stack prod`."""

import argparse
import sys
from collections.abc import Sequence

from workflow import engine
from workflow.preview import REFRESH_HELP


def main(arguments: Sequence[str]) -> int:
    """The engine's exit code."""
    parser = argparse.ArgumentParser(prog="python -m workflow.deploy", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--refresh", nargs="?", const="true", default="", metavar="true", help=REFRESH_HELP)
    options = parser.parse_args(arguments)
    return engine.up(options.stack, refresh=options.refresh == "true")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
