"""Keeps one open issue for a stack's drift: `python -m workflow.issue --stack prod drift.md`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workflow.github import GitHub, marked


def main(arguments: Sequence[str]) -> None:
    """Open the issue or bring it up to date; close it if the file is empty, because then the drift is gone."""
    parser = argparse.ArgumentParser(prog="python -m workflow.issue", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("drift", type=Path)
    options = parser.parse_args(arguments)
    marker = f"<!-- drift of stack {options.stack} -->"
    text = options.drift.read_text()
    github = GitHub()
    issue = github.own_open_issue(marker)
    if issue and text:
        github.patch(f"/issues/{issue['number']}", body=marked(marker, text))
    elif issue:
        github.post(f"/issues/{issue['number']}/comments", body="The drift is gone.")
        github.patch(f"/issues/{issue['number']}", state="closed")
    elif text:
        github.post("/issues", title=f"Drift in stack {options.stack}", body=marked(marker, text))


if __name__ == "__main__":
    main(sys.argv[1:])
