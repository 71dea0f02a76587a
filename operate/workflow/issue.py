"""Keeps an issue open while a stack has drift, and one while the check fails: `python -m operate.workflow.issue …`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from operate.workflow.github import GitHub, marked


def main(arguments: Sequence[str]) -> None:
    """Open, bring up to date and close the issues of a stack by what the check has found.

    A check that failed says nothing about drift, so the issue about drift stays as it is; one that succeeded closes the
    issue about failing, and that about drift too if it found none.
    """
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.issue", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--check", choices=["success", "failure"], required=True, help="whether the check could look")
    parser.add_argument("found", type=Path, help="what operate.workflow.drift wrote")
    options = parser.parse_args(arguments)
    text = options.found.read_text()
    drift = f"<!-- drift of stack {options.stack} -->"
    failing = f"<!-- failing drift check of stack {options.stack} -->"
    github = GitHub()
    if options.check == "failure":
        _keep(github, failing, f"The drift check of stack {options.stack} fails", text)
    else:
        _close(github, failing, "The check could look again.")
        if text:
            _keep(github, drift, f"Drift in stack {options.stack}", text)
        else:
            _close(github, drift, "The drift is gone.")


def _keep(github: GitHub, marker: str, title: str, text: str) -> None:
    """Have an open issue say this."""
    issue = github.own_open_issue(marker)
    if issue:
        github.patch(f"/issues/{issue['number']}", body=marked(marker, text))
    else:
        github.post("/issues", title=title, body=marked(marker, text))


def _close(github: GitHub, marker: str, why: str) -> None:
    """Have no open issue about this."""
    issue = github.own_open_issue(marker)
    if issue:
        github.post(f"/issues/{issue['number']}/comments", body=why)
        github.patch(f"/issues/{issue['number']}", state="closed")


if __name__ == "__main__":
    main(sys.argv[1:])
