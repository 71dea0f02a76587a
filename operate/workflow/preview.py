"""Previews a stack and writes the summary: `python -m operate.workflow.preview --stack prod --output summary.md`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from operate.workflow import engine
from operate.workflow.approval import digest
from operate.workflow.summary.markdown import summary

REFRESH_HELP = "look at what is really there first, to find or put right what was changed by hand"


def main(arguments: Sequence[str]) -> int:
    """0 if the preview succeeds with all mandatory policies, else 1; the summary is written either way."""
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.preview", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--output", type=Path, help="file for the summary")
    parser.add_argument("--approval", type=Path, help="file that lets a deploy do what is shown here and nothing else")
    parser.add_argument("--refresh", nargs="?", const="true", default="", metavar="true", help=REFRESH_HELP)
    options = parser.parse_args(arguments)
    found = engine.preview(options.stack, refresh=options.refresh == "true")
    report(summary(found, options.stack), options.output)
    if found.errors:
        return 1
    if options.approval:
        options.approval.write_text(digest(found, options.stack))
    return 0


def report(text: str, output: Path | None) -> None:
    """Print a report, and write it where it is wanted; on GitHub also onto the run's page."""
    print(text)
    if output:
        output.write_text(text)
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with Path(page).open("a") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
