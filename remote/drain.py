"""Lets deliveries that are under way end, and no new ones begin, before the server is rebooted.

Runs on the server, hence standard library only. Prints one JSON object: {"left": <connections that did not end in
time>}. New connections get no answer rather than a refusal, so that their senders try again for a while; the next boot,
or two minutes, open the ports again.
"""

import json
import subprocess
import sys
import time

PORTS = (25, 465, 587)
PATIENCE = 45  # seconds until connections are cut off; most deliveries take a few
OPEN_AGAIN = 120  # seconds after which the ports are open again, should there be no reboot
TABLE = "poste_drain"
SHUT = f"""
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain input {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" tcp dport {{ {", ".join(map(str, PORTS))} }} tcp flags & (syn | ack) == syn drop
  }}
}}
"""


def nft(rules: str) -> None:
    done = subprocess.run(["nft", "--file", "-"], input=rules, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"nft failed: {done.stderr.strip()}")


def connections() -> int:
    """How many connections there are to a port at which mail arrives."""
    command = ["ss", "--no-header", "--numeric", "--tcp", "state", "established"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    ours = [line.split()[2].rpartition(":")[2] for line in listed.splitlines() if len(line.split()) > 3]
    return sum(port in map(str, PORTS) for port in ours)


def main() -> None:
    nft(SHUT)
    subprocess.Popen(
        ["sh", "-c", f"sleep {OPEN_AGAIN}; nft delete table inet {TABLE}"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    while (left := connections()) and time.monotonic() < deadline:
        print(f"{left} connections are still open", file=sys.stderr, flush=True)
        time.sleep(3)
    print(json.dumps({"left": left}))


if __name__ == "__main__":
    main()
