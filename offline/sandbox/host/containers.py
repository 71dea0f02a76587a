"""The parts' containers: started from the current image, on their addresses."""

import json
from typing import Any

from offline.sandbox.host import addresses
from offline.sandbox.host.images import built_content
from offline.sandbox.host.parts import CONTENT_LABEL, NETWORK, Part
from offline.sandbox.host.shell import HostError, run, say

PATIENCE = 10
"""Seconds within which a port has to come free."""


def inspect(part: Part) -> dict[str, Any] | None:
    """What the engine knows of the part's container; None when there is none."""
    try:
        found: list[dict[str, Any]] = json.loads(run("docker", "container", "inspect", part.container))
    except HostError:
        return None
    return found[0]


def is_current(part: Part, container: dict[str, Any]) -> bool:
    """Whether the container runs the image that is built now."""
    return bool(container["Config"]["Labels"].get(CONTENT_LABEL) == built_content(part.image))


def ensure(part: Part) -> None:
    """Start the container unless it runs, and of the current image. Its state is its own alone and goes with it."""
    container = inspect(part)
    if container is not None:
        running = container["State"]["Running"]
        if running and is_current(part, container):
            return
        reason = "its image has changed" if running else "it had stopped"
        say(f"renewing {part.name}: {reason}, and what it held is gone")
        run("docker", "rm", "--force", "--volumes", part.container)
    _start(part)


def _start(part: Part) -> None:
    for port, _ in part.ports:
        if not addresses.comes_free(port, PATIENCE):
            raise HostError(f"port {port} of 127.0.0.1, which {part.name} needs, is in use by another program")
    say(f"starting {part.name}")
    published = [flag for port, inner in part.ports for flag in ("--publish", f"127.0.0.1:{port}:{inner}")]
    run(
        *("docker", "run", "--detach", "--name", part.container),
        *("--network", NETWORK, "--ip", part.addresses.ipv4, "--ip6", part.addresses.ipv6),
        *published,
        *part.flags,
        part.image,
    )


def remove(part: Part) -> bool:
    """Remove the part's container; whether it was there."""
    return inspect(part) is not None and bool(run("docker", "rm", "--force", "--volumes", part.container))
