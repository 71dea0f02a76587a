"""Looks for what was changed behind the program's back: `python -m operate.workflow.drift --stack prod --output drift.md`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from operate.workflow import engine
from operate.workflow.preview import report
from operate.workflow.summary.changes import Preview
from operate.workflow.summary.markdown import summary

NONE, UNKNOWN, DRIFT = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """0 if there is no drift, 2 if there is, 1 if that could not be found out. The output is empty if there is none."""
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.drift", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, help="file for what was found")
    options = parser.parse_args(arguments)
    found = engine.preview(options.stack, refresh=True)
    report(_report(found, options.stack), options.output)
    if found.errors:
        return UNKNOWN
    return DRIFT if found.changes else NONE


def _report(found: Preview, stack: str) -> str:
    """What the program would have to put right, or why that is not known; empty if nothing."""
    if found.errors:
        meaning = (
            "It could not be found out whether the real resources are as the last deploy left them: looking at them "
            "failed, for the reason below. What was seen until then is listed, too, and is not all. Mend the reason, "
            f"then look again: run the workflow Drift by hand, or `./run python -m operate.workflow.drift --stack {stack}`."
        )
    elif found.changes:
        meaning = (
            "The real resources are not as the last deploy left them. If the change was meant, put it into the program "
            "or the stack's configuration. If not, run the workflow Deploy by hand with refresh, or "
            f"`./run python -m operate.workflow.deploy --stack {stack} --refresh`, which does what is listed here."
        )
    else:
        return ""
    return f"{meaning}\n\n{summary(found, stack)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
