"""Waits until the parts serve."""

import socket
import time
import urllib.error
import urllib.request

from offline.sandbox.host.parts import Part
from offline.sandbox.host.shell import HostError, run, say
from offline.sandbox.world import CLOUDFLARE

READY_SECONDS = 240
PROBE_SECONDS = 2
ORDER_SECONDS = 60  # for what is asked once


def is_ready(part: Part) -> bool:
    if part.ready.startswith("http"):
        return _answers(part.ready)
    host, _, port = part.ready.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), PROBE_SECONDS):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    # The environment's proxies are for the internet, not for loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def forget_answers() -> None:
    """Empty the resolver's cache, so that a stack that was changed is seen as it is; raises HostError."""
    request = urllib.request.Request(f"{CLOUDFLARE}/_sandbox/forget", method="POST")  # noqa: S310 - of this machine
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=ORDER_SECONDS):
            pass
    except OSError as error:
        raise HostError(f"the resolver does not forget: {error}") from error


def wait(part: Part) -> None:
    """Return when the part is ready; raises HostError with its last words when it stops or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    waited = False
    while not is_ready(part):
        waited = True
        running = run("docker", "container", "inspect", "--format", "{{.State.Running}}", part.container).strip()
        if running != "true" or time.monotonic() > deadline:
            state = "has stopped" if running != "true" else f"is not ready after {READY_SECONDS} s"
            logs = run("docker", "logs", "--tail", "15", part.container).strip()
            raise HostError(f"{part.name} {state} (docker logs {part.container}):\n{logs}")
        time.sleep(0.2)
    if waited:
        say(f"{part.name} is ready")
