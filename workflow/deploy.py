"""Deploys a stack with the policy pack: `python -m workflow.deploy --stack prod`."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from summary.markdown import summary
from workflow import engine
from workflow.approval import digest
from workflow.preview import REFRESH_HELP, report

CHANGED_MEANWHILE = (
    "**What would be deployed now is not what was approved, so nothing was deployed.** The program, the state "
    "or the clouds have changed since that preview. What would be done now stands below; to have it approved, run the "
    "whole workflow again."
)


def main(arguments: Sequence[str]) -> int:
    """The engine's exit code, or that of the check that stopped the deploy before it changed anything."""
    parser = argparse.ArgumentParser(prog="python -m workflow.deploy", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--refresh", nargs="?", const="true", default="", metavar="true", help=REFRESH_HELP)
    parser.add_argument("--approved", type=Path, help="file of a preview's --approval: deploy that and nothing else")
    options = parser.parse_args(arguments)
    refresh = options.refresh == "true"
    # What a deploy that was cut off left behind would only make this one fail half-way.
    unrepaired = subprocess.run(
        [sys.executable, "-m", "workflow.repair", "--check", "--stack", options.stack], check=False
    ).returncode
    if unrepaired:
        return unrepaired
    if options.approved and not _is_approved(options.stack, options.approved.read_text().strip(), refresh=refresh):
        return 1
    return engine.up(options.stack, refresh=refresh)


def _is_approved(stack: str, approved: str, *, refresh: bool) -> bool:
    """Whether a preview shows now what it showed when it was approved; if not, what it shows is reported."""
    found = engine.preview(stack, refresh=refresh)
    if not found.errors and digest(found, stack) == approved:
        return True
    reason = "" if found.errors else f"{CHANGED_MEANWHILE}\n\n"
    report(f"{reason}{summary(found, stack)}", None)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
