"""Waits until the server's first boot is over and Docker answers; makes the folder for the other scripts.

Runs on the server, hence standard library only. Prints one JSON object: {"docker": <version>}.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/opt/poste-mail")
DOCKER_DEADLINE = 120  # seconds after the boot has ended
CLOUD_INIT_LOG = "/var/log/cloud-init-output.log"


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> None:
    boot = run("cloud-init", "status", "--wait", "--format", "json")
    # 2 means done with warnings (a deprecated key, say): no reason to stop.
    if boot.returncode not in (0, 2):
        log = run("tail", "-n", "30", CLOUD_INIT_LOG).stdout
        sys.exit(f"The server's first boot failed; the end of {CLOUD_INIT_LOG} on it:\n{log}")
    deadline = time.monotonic() + DOCKER_DEADLINE
    while (docker := run("docker", "info", "--format", "{{.ServerVersion}}")).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit(f"Docker does not answer {DOCKER_DEADLINE} s after the boot: {docker.stderr.strip()}")
        time.sleep(1)
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    print(json.dumps({"docker": docker.stdout.strip()}))


if __name__ == "__main__":
    main()
