"""Reads a preview's events and prints its summary; `python -m operate.workflow.preview` makes and reads them in one go."""

import sys

from operate.workflow.summary.events import read
from operate.workflow.summary.markdown import summary

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            "usage: PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json | python -m operate.workflow.summary STACK"
        )
    try:
        sys.stdout.write(summary(read(sys.stdin.read()), sys.argv[1]))
    except ValueError as mistake:
        sys.exit(str(mistake))
