"""Runs the engine on a stack, with the policy pack and the stack's settings for it."""

import os
import subprocess
import sys
from pathlib import Path

from operate.workflow.summary.changes import Preview
from operate.workflow.summary.events import STREAMING, read

POLICY = "policy"
POLICY_SETTINGS = Path(POLICY) / "stacks"
"""Folder with a stack's settings for the policy pack, as STACK.json, where it needs any."""

REFRESH = ("--refresh", "--run-program")
"""Where the program has not run yet, as on a fresh runner, it must write the SSH key that the Docker provider needs."""


def policies(stack: str) -> list[str]:
    """The flags that have the policy pack judge a stack."""
    settings = POLICY_SETTINGS / f"{stack}.json"
    return ["--policy-pack", POLICY, *(["--policy-pack-config", str(settings)] if settings.exists() else [])]


def preview(stack: str, *, refresh: bool = False) -> Preview:
    """Preview a stack; with `refresh`, against what is really there rather than what the state says."""
    command = ["pulumi", "preview", "--stack", stack, "--json", "--non-interactive", *policies(stack)]
    variables = os.environ | {STREAMING: "true"}
    done = subprocess.run(
        [*command, *REFRESH] if refresh else command, env=variables, capture_output=True, text=True, check=False
    )
    # Before its first event the engine reports an error, such as a stack that is not there, on standard error.
    found = read(done.stdout)
    failed = done.returncode != 0 and not found.errors
    return Preview(found.changes, found.unchanged, [done.stderr.strip()], found.violations) if failed else found


def up(stack: str, *, refresh: bool = False) -> int:
    """Deploy a stack in sight of the person; the engine's exit code. With `refresh`, drift is put right, too."""
    command = ["pulumi", "up", "--yes", "--stack", stack, "--non-interactive", *policies(stack)]
    return subprocess.run([*command, *REFRESH] if refresh else command, stdout=sys.stdout, check=False).returncode
