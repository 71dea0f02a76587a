"""Looks for what was changed behind the program's back: `python -m workflow.drift --stack prod --output drift.md`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from summary.changes import Preview
from summary.markdown import summary
from workflow import engine
from workflow.preview import report


def main(arguments: Sequence[str]) -> int:
    """0 if it could be found out whether there is drift, else 1. The output is empty if there is none."""
    parser = argparse.ArgumentParser(prog="python -m workflow.drift", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, help="file for what was found")
    options = parser.parse_args(arguments)
    found = engine.preview(options.stack, refresh=True)
    report(drift(found, options.stack), options.output)
    return 1 if found.errors else 0


def drift(found: Preview, stack: str) -> str:
    """What the program would have to put right; empty if nothing."""
    if not found.changes and not found.errors:
        return ""
    meaning = (
        "The real resources are not as the last deploy left them. If the change was meant, put it into the program or "
        "the stack's configuration. If not, run the workflow Deploy by hand with refresh, or "
        f"`./run python -m workflow.deploy --stack {stack} --refresh`, which does what is listed here."
    )
    return f"{meaning}\n\n{summary(found, stack)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
