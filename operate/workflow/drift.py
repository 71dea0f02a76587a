"""Looks for what was changed behind the program's back: `./run mail drift --stack prod --output drift.md`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.zone_signing import ACTIVE
from operate import command_line
from operate.workflow import engine
from operate.workflow.preview import report
from operate.workflow.summary.changes import Change, Preview
from operate.workflow.summary.kinds import ZONE_DNSSEC
from operate.workflow.summary.markdown import summary


def main(arguments: Sequence[str]) -> int:
    """0 if there is no drift, 3 if there is, 1 if that could not be found out. The output is empty if there is none."""
    parser = command_line.parser("drift", __doc__ or "")
    parser.add_argument("--output", type=Path, help="file for what was found")
    options = parser.parse_args(arguments)
    found = without_waiting(engine.preview(options.stack, refresh=True))
    report(_report(found, options.stack), options.output, quiet=options.json)
    if options.json:
        command_line.show_json(stack=options.stack, **found.json())
    if found.errors:
        return command_line.FAILED
    return command_line.TO_DO if found.changes else command_line.DONE


def without_waiting(found: Preview) -> Preview:
    """The same without zones that are signed and wait for their registrar, which no deploy can hurry."""
    kept = [change for change in found.changes if not _waits(change)]
    return replace(found, changes=kept, unchanged=found.unchanged + len(found.changes) - len(kept))


def _waits(change: Change) -> bool:
    return change.type == ZONE_DNSSEC and (change.old.get("status"), change.new.get("status")) == ("pending", ACTIVE)


def _report(found: Preview, stack: str) -> str:
    """What the program would have to put right, or why that is not known; empty if nothing."""
    if found.errors:
        meaning = (
            "It could not be found out whether the real resources are as the last deploy left them: looking at them "
            "failed, for the reason below. What was seen until then is listed, too, and is not all. Mend the reason, "
            f"then look again: run the workflow Drift by hand, or `./run mail drift --stack {stack}`."
        )
    elif found.changes:
        meaning = (
            "The real resources are not as the last deploy left them. If the change was meant, put it into the program "
            "or the stack's configuration. If not, run the workflow Deploy by hand with refresh, or "
            f"`./run mail deploy --stack {stack} --refresh`, which does what is listed here."
        )
    else:
        return ""
    return f"{meaning}\n\n{summary(found, stack)}"
