"""Puts a summary onto a pull request: `python -m operate.workflow.comment --stack prod --pull-request 7 FILE`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from operate.workflow.github import GitHub, marked


def main(arguments: Sequence[str]) -> None:
    """Write the stack's comment, or edit the one that is there, so that a pull request has one for each stack."""
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.comment", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--pull-request", type=int, required=True)
    parser.add_argument("summary", type=Path)
    options = parser.parse_args(arguments)
    marker = f"<!-- preview of stack {options.stack} -->"
    body = marked(marker, options.summary.read_text())
    github = GitHub()
    comment = github.own_comment(options.pull_request, marker)
    if comment:
        github.patch(f"/issues/comments/{comment['id']}", body=body)
    else:
        github.post(f"/issues/{options.pull_request}/comments", body=body)


if __name__ == "__main__":
    main(sys.argv[1:])
