"""restic for whoever plays the operator: the one of the sandbox's servers, since all must come with the project."""

import os
import subprocess
from pathlib import Path

DATACENTRE = "poste-mail-datacentre"


def restic(folder: Path) -> str:
    """A PATH with restic on it, as a server of the sandbox has it."""
    program = folder / "restic"
    servers = subprocess.run(
        ["docker", "exec", DATACENTRE, "docker", "ps", "--quiet"], capture_output=True, text=True, check=True
    ).stdout.split()
    for server in servers:
        done = subprocess.run(
            ["docker", "exec", DATACENTRE, "docker", "exec", server, "cat", "/usr/bin/restic"],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            program.write_bytes(done.stdout)
            program.chmod(0o755)
            return f"{folder}:{os.environ['PATH']}"
    raise AssertionError("no server of the sandbox has restic")
