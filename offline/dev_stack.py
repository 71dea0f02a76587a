"""What `make up` and `make down` do about the stack `dev`: `python -m offline.dev_stack begin|unblock|end`.

A sandbox of which a part has stopped has lost what that part held, so what the stack's state says of it is wrong.
Such a sandbox is taken down, and the stack is forgotten with it; both then begin anew.
"""

import json
import os
import subprocess
import sys
import urllib.request

from offline.sandbox.host.shell import succeeds
from offline.sandbox.world import HETZNER
from operate.stale_lock import is_locked_by_the_dead

STACK = "dev"


def begin() -> None:
    """Select the stack, made if need be; its state fits the sandbox, and no killed update locks it."""
    if not succeeds(sys.executable, "-m", "offline.sandbox", "status"):
        forget()
    release_stale_lock()
    run("pulumi", "stack", "select", "--create", "--stack", STACK)


def unblock() -> None:
    """Ask Hetzner to let the servers send mail, as the owner of a real one asks in the console."""
    print("Hetzner blocks outgoing ports 25 and 465 until it is asked: asking to have them opened", flush=True)
    body = json.dumps({"outbound_mail": True}).encode()
    request = urllib.request.Request(f"{HETZNER}/_sandbox/limits", body, {"Content-Type": "application/json"})  # noqa: S310 - of this machine
    # The environment's proxies are for the internet, not for loopback.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60):
        pass


def end() -> None:
    """Destroy the stack as far as that can be done, then take the sandbox away under it."""
    if exists() and succeeds(sys.executable, "-m", "offline.sandbox", "status"):
        release_stale_lock()
        destroy = subprocess.run(["pulumi", "destroy", "--yes", "--stack", STACK], check=False)
        if destroy.returncode != 0:
            print("the stack could not be destroyed in order; it goes with the sandbox", file=sys.stderr)
    forget()


def forget() -> None:
    """Take down the sandbox and drop the stack's state."""
    run(sys.executable, "-m", "offline.sandbox", "down")
    if exists():
        run("pulumi", "stack", "rm", "--yes", "--force", "--preserve-config", "--stack", STACK)


def release_stale_lock() -> None:
    """Do what Pulumi asks of the person after a killed update."""
    if is_locked_by_the_dead(os.environ["PULUMI_BACKEND_URL"], STACK):
        print(f"the last update of the stack {STACK} was killed: releasing its lock", flush=True)
        run("pulumi", "cancel", "--yes", "--stack", STACK)


def exists() -> bool:
    """Whether the backend has the stack."""
    return succeeds("pulumi", "stack", "select", "--stack", STACK)


def run(*command: str) -> None:
    """Run a command in sight of the person; end with its exit code if it fails."""
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    {"begin": begin, "unblock": unblock, "end": end}[sys.argv[1]]()
