"""Commands in Poste's container, and its stop. Runs on the server, hence standard library only."""

import subprocess
import sys

STOP_SECONDS = "20"
"""How long Poste may take to finish deliveries before Docker kills it."""


def execute(container: str, script: str, *arguments: str) -> str:
    """What a shell script prints that runs in the container; ends this program with its error if it fails."""
    done = subprocess.run(
        ["docker", "exec", container, "sh", "-c", script, "sh", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"In the container {container}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def stop(container: str) -> None:
    """Stop the container in order, if it is there and runs."""
    running = subprocess.run(
        ["docker", "ps", "--quiet", "--filter", f"name=^{container}$"], capture_output=True, text=True, check=False
    )
    if running.stdout.strip():
        subprocess.run(["docker", "stop", "--time", STOP_SECONDS, container], capture_output=True, check=True)
