"""Loads the host firewall, now and at each boot.

Runs on the server, hence standard library only. Standard input: an nftables ruleset. A ruleset with a mistake changes
nothing. Prints one JSON object: {"loaded": true}.
"""

import json
import subprocess
import sys
from pathlib import Path

RULESET = Path("/etc/nftables.conf")


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed: {done.stderr.strip()}")


def load() -> None:
    """Have the kernel take the ruleset that lies there, all of it or nothing, now and at each boot."""
    run("nft", "--file", str(RULESET))
    run("systemctl", "enable", "nftables")


def main() -> None:
    candidate = RULESET.with_suffix(".new")
    candidate.write_text(f"#!/usr/sbin/nft -f\n{sys.stdin.read()}")
    run("nft", "--check", "--file", str(candidate))
    candidate.replace(RULESET)
    load()
    print(json.dumps({"loaded": True}))


if __name__ == "__main__":
    main()
