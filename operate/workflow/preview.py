"""Previews a stack and writes the summary: `./run mail preview --stack prod --output summary.md`."""

import os
from collections.abc import Sequence
from pathlib import Path

from operate import command_line
from operate.workflow import engine
from operate.workflow.approval import digest
from operate.workflow.summary.markdown import summary

REFRESH_HELP = "look at what is really there first, to find or put right what was changed by hand"


def main(arguments: Sequence[str]) -> int:
    """0 if the preview succeeds with all mandatory policies, else 1; the summary is written either way."""
    parser = command_line.parser("preview", __doc__ or "")
    parser.add_argument("--output", type=Path, help="file for the summary")
    parser.add_argument("--approval", type=Path, help="file that lets a deploy do what is shown here and nothing else")
    parser.add_argument("--refresh", nargs="?", const="true", default="", metavar="true", help=REFRESH_HELP)
    options = parser.parse_args(arguments)
    found = engine.preview(options.stack, refresh=options.refresh == "true")
    report(summary(found, options.stack), options.output, quiet=options.json)
    if options.json:
        command_line.show_json(stack=options.stack, **found.json())
    if found.errors:
        return command_line.FAILED
    if options.approval:
        options.approval.write_text(digest(found, options.stack))
    return command_line.DONE


def report(text: str, output: Path | None, *, quiet: bool = False) -> None:
    """Print a report unless told to be quiet, and write it where it is wanted; on GitHub also onto the run's page."""
    if not quiet:
        print(text)
    if output:
        output.write_text(text)
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with Path(page).open("a") as file:
            file.write(text)
