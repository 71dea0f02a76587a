"""The steps of a container's life that are more than one call of the API."""

from typing import Any

import docker  # type: ignore[import-untyped]

from offline.toolchain.plugins.common.resource import Operation
from offline.toolchain.plugins.docker.daemon import Daemon

Json = dict[str, Any]


def find(daemon: Daemon, id_: str) -> Json | None:
    """What the engine tells of a container, or None if there is none."""
    with daemon.errors("error fetching container information from Docker"):
        try:
            return dict(daemon.client.inspect_container(id_))
        except docker.errors.NotFound:
            return None


def start(daemon: Daemon, id_: str) -> None:
    """Start a container."""
    with daemon.errors("Unable to start container"):
        daemon.client.start(id_)


def remove(daemon: Daemon, operation: Operation) -> None:
    """Stop a container, at once if it has no `destroyGraceSeconds`, and remove it."""
    state = operation.state
    with daemon.errors(f"Error deleting container {operation.id}"):
        try:
            daemon.client.stop(operation.id, timeout=state.get("destroyGraceSeconds") or 0)
            daemon.client.remove_container(operation.id, v=bool(state.get("removeVolumes")), force=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if "is already in progress" not in str(error.explanation):
                raise
    while find(daemon, operation.id):
        operation.wait(0.1)
