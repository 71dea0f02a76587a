"""Deploys a stack with the policy pack: `./run mail deploy --stack prod`."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from operate import command_line
from operate.workflow import engine
from operate.workflow.approval import digest
from operate.workflow.preview import REFRESH_HELP, report
from operate.workflow.summary.markdown import summary

CHANGED_MEANWHILE = (
    "**What would be deployed now is not what was approved, so nothing was deployed.** The program, the state "
    "or the clouds have changed since that preview. What would be done now stands below; to have it approved, run the "
    "whole workflow again."
)

CUT_OFF = (
    "**A deploy of the stack {stack} was cut off, so nothing was deployed.** It left {left} things or operations "
    "of which the state does not know how they ended. To see and repair that: "
    "`./run mail repair --stack {stack}`"
)


def main(arguments: Sequence[str]) -> int:
    """The engine's exit code; 1 also if a check stopped the deploy before it changed anything."""
    parser = command_line.parser("deploy", __doc__ or "")
    parser.add_argument("--refresh", nargs="?", const="true", default="", metavar="true", help=REFRESH_HELP)
    parser.add_argument("--approved", type=Path, help="file of a preview's --approval: deploy that and nothing else")
    options = parser.parse_args(arguments)
    with command_line.standard_output_for_json(options):
        status = _deploy(options.stack, options.approved, refresh=options.refresh == "true")
    if options.json:
        command_line.show_json(stack=options.stack, deployed=status == command_line.DONE)
    return status


def _deploy(stack: str, approved: Path | None, *, refresh: bool) -> int:
    if not _is_whole(stack):
        return command_line.FAILED
    if approved and not _is_approved(stack, approved.read_text().strip(), refresh=refresh):
        return command_line.FAILED
    return engine.up(stack, refresh=refresh)


def _is_whole(stack: str) -> bool:
    """Whether no deploy before was cut off and left what would make this one fail half-way; if not, that is reported.

    What is gone from the clouds is no such thing: it may have been deleted by hand, and a deploy with refresh makes it
    anew.
    """
    command = [sys.executable, "-m", "operate", "repair", "--check", "--json", "--stack", stack]
    looked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if looked.returncode not in (command_line.DONE, command_line.TO_DO):
        return False  # it has said why
    found = json.loads(looked.stdout)
    left = len(found["unknown"]) + len(found["interrupted"])
    if left:
        report(f"{CUT_OFF.format(left=left, stack=stack)}\n", None)
    return not left


def _is_approved(stack: str, approved: str, *, refresh: bool) -> bool:
    """Whether a preview shows now what it showed when it was approved; if not, what it shows is reported."""
    found = engine.preview(stack, refresh=refresh)
    if not found.errors and digest(found, stack) == approved:
        return True
    reason = "" if found.errors else f"{CHANGED_MEANWHILE}\n\n"
    report(f"{reason}{summary(found, stack)}", None)
    return False
