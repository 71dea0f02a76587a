"""Asks whether a mail server works, for the nightly workflow: `python -m operate.workflow.verify --stack prod …`.

What is red is told apart from what could not be found out: the one needs whoever looks after the server, the other
whoever looks after the place from which it is looked at. Who may read the repository may read both, so neither holds a
mailbox's address.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from operate.addresses import without_mailboxes
from operate.command_line import DONE, FAILED, TO_DO
from operate.workflow.preview import report
from operate.workflow.summary.markdown import code, fenced

PATIENCE = "300"
"""Seconds for which checks are made again: what is over by then is none of the issue's business."""

Json = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """0 if all required checks hold, 3 if some fail, 1 if nothing fails and not all could be found out.

    The output is empty if all is well.
    """
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.verify", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--ipv4", action="store_true", help="leave IPv6 out: this machine has none")
    parser.add_argument("--output", type=Path, required=True, help="file for what was found")
    options = parser.parse_args(arguments)
    command = ["verify", "--json", "--watch", PATIENCE, "--stack", options.stack, *["--ipv4"] * options.ipv4]
    done = subprocess.run([sys.executable, "-m", "operate", *command], capture_output=True, text=True, check=False)
    errors = without_mailboxes(done.stderr)
    print(errors, file=sys.stderr, end="")
    status, text = judged(options.stack, done.stdout, errors)
    report(text, options.output)
    return status


def judged(stack: str, output: str, errors: str) -> tuple[int, str]:
    """The exit status and the text for what verify printed."""
    try:
        results = json.loads(output)["results"]
    except ValueError:
        # It says why on standard error, and prints nothing.
        return FAILED, f"{_could_not(stack)}\n\n{fenced(errors.strip() or 'verify ended without a word')}\n"
    red, dark = _required(results, "fail"), _required(results, "unknown")
    if red:
        return TO_DO, "\n\n".join([*_red(stack, red), *(_dark(dark) if dark else [])]) + "\n"
    if dark:
        return FAILED, "\n\n".join([_could_not(stack), *_dark(dark)]) + "\n"
    return DONE, ""


def _required(results: Sequence[Json], status: str) -> list[Json]:
    return [result for result in results if result["required"] and result["status"] == status]


def _could_not(stack: str) -> str:
    return (
        f"It could not be found out whether the mail server of stack `{stack}` works, for the reasons below. That says "
        "nothing about the server: mend the reason, which is mostly where the workflow runs, then run the workflow "
        f"Verify by hand, or `./run mail verify --stack {stack}`."
    )


def _red(stack: str, results: Sequence[Json]) -> Iterator[str]:
    yield (
        f"The mail server of stack `{stack}` does not do all that mail needs. How things stand now: "
        f"`./run mail verify --stack {stack}`. The first night on which all required checks hold closes this issue."
    )
    yield from _listed(results)


def _dark(results: Sequence[Json]) -> Iterator[str]:
    yield "### Could not be found out"
    yield from _listed(results)


def _listed(results: Sequence[Json]) -> Iterator[str]:
    """A block for each check and what was found, for all for which that is so."""

    groups: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        said = tuple(without_mailboxes(result[part]) for part in ("check", "found", "expected", "why", "remedy"))
        groups.setdefault(said, []).append(code(without_mailboxes(result["subject"])))
    for (check, found, expected, why, remedy), subjects in groups.items():
        lines = [
            f"**{code(check)}** for {', '.join(subjects)}",
            f"- is: {code(found)}",
            *[f"- should be: {code(expected)}"] * bool(expected),
            f"- why it matters: {why}",
            f"- what to do: {code(remedy)}",
        ]
        yield "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
