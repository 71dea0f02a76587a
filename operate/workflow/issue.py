"""Keeps an issue open while a check of a stack finds something, and one while it fails: `python -m
operate.workflow.issue …`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from operate.workflow.github import GitHub, marked


@dataclass(frozen=True)
class About:
    """What an issue is called while a check finds something, and what is said when it does no more."""

    title: str
    over: str


ABOUT = {
    "drift": About("Drift in stack {stack}", "The drift is gone."),
    "verify": About("The mail server of stack {stack} is not well", "All required checks hold again."),
}
"""By the check's name, which its issues are also known by."""


def main(arguments: Sequence[str]) -> None:
    """Open, bring up to date and close the issues of a stack by what the check has found.

    A check that failed says nothing about what it looks for, so the issue about that stays as it is; one that succeeded
    closes the issue about failing, and the other one too if it found nothing.
    """
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.issue", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--about", choices=ABOUT, required=True, help="which check it is")
    parser.add_argument("--check", choices=["success", "failure"], required=True, help="whether the check could look")
    parser.add_argument("found", type=Path, help="what the check wrote; empty if it found nothing")
    options = parser.parse_args(arguments)
    text, about = options.found.read_text(), ABOUT[options.about]
    found = f"<!-- {options.about} of stack {options.stack} -->"
    failing = f"<!-- failing {options.about} check of stack {options.stack} -->"
    github = GitHub()
    if options.check == "failure":
        _keep(github, failing, f"The {options.about} check of stack {options.stack} fails", text)
    else:
        _close(github, failing, "The check could look again.")
        if text:
            _keep(github, found, about.title.format(stack=options.stack), text)
        else:
            _close(github, found, about.over)


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
