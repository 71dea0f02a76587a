"""Keep the certificate authorities that the provider trusts, as the sandbox tells them.

They change while it runs: with a new root of an authority, and with the authorities' container. So they are asked for
again and again. Postfix reads them for each delivery; the MTA-STS daemon, which reads them once, is started anew.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from offline.sandbox.world import AUTHORITY

URL = f"http://{AUTHORITY.ipv4}/_sandbox/authorities"
FILE = Path("/run/provider/authorities.pem")
TIMEOUT = 3.0
"""Seconds for an answer."""
CHECK_INTERVAL = 1.0


def main() -> None:
    """Ask and write for ever; authorities that don't answer are waited for."""
    while True:
        try:
            with urllib.request.urlopen(URL, timeout=TIMEOUT) as answer:
                told = answer.read()
            if told != FILE.read_bytes():
                unfinished = FILE.with_suffix(".new")
                unfinished.write_bytes(told)
                unfinished.replace(FILE)
                subprocess.run(["forget-policies"], check=True)
                print("certificate authorities have changed", flush=True)
        except (OSError, subprocess.CalledProcessError) as failure:
            print(f"certificate authorities: {failure}", file=sys.stderr, flush=True)
        time.sleep(CHECK_INTERVAL)


if __name__ == "__main__":
    main()
