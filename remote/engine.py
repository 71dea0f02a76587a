"""Containers by the Docker engine's API on its socket. Runs on the server, hence standard library only.

Functions take a container's name or id, and end the program with the engine's words where it refuses. The path has no
version: the engine then speaks its newest, so that what it tells of a container fits what it takes to make one.
"""

import http.client
import json
import socket
import sys
from typing import Any
from urllib.parse import quote, urlencode

from container import STOP_SECONDS

SOCKET = "/var/run/docker.sock"
PATIENCE = 120  # seconds for one answer: a stop waits for deliveries

Container = dict[str, Any]
"""What the engine tells of a container (`docker inspect`)."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def container(name: str) -> Container | None:
    """What the engine knows of a container, or None if there is none."""
    found: Container | None = _ask("GET", f"/containers/{quote(name)}/json", may_miss=True)
    return found


def image(name: str) -> dict[str, Any] | None:
    """What the engine knows of an image, or None if it is not there."""
    found: dict[str, Any] | None = _ask("GET", f"/images/{quote(name)}/json", may_miss=True)
    return found


def create(name: str, like: Container, labels: dict[str, str]) -> None:
    """Make a container of the same image and with the same options as another, plus labels; it does not run yet."""
    settings = like["Config"] | {"Image": like["Image"], "Labels": (like["Config"].get("Labels") or {}) | labels}
    _ask("POST", f"/containers/create?{urlencode({'name': name})}", settings | {"HostConfig": like["HostConfig"]})


def start(name: str) -> None:
    """Start a container unless it runs."""
    _ask("POST", f"/containers/{quote(name)}/start")


def stop(name: str) -> None:
    """Stop a container in order, if it runs."""
    _ask("POST", f"/containers/{quote(name)}/stop?t={STOP_SECONDS}")


def keep_down(name: str) -> None:
    """Let neither its end nor a start of the server start a container again."""
    _ask("POST", f"/containers/{quote(name)}/update", {"RestartPolicy": {"Name": "no"}})


def rename(name: str, new: str) -> None:
    _ask("POST", f"/containers/{quote(name)}/rename?{urlencode({'name': new})}")


def remove(name: str) -> None:
    """Take a container away, which may run or not be there."""
    _ask("DELETE", f"/containers/{quote(name)}?force=true", may_miss=True)


def _ask(method: str, path: str, body: Any = None, *, may_miss: bool = False) -> Any:
    """The engine's answer, None if it is empty or, with `may_miss`, if the engine does not know what is asked for."""
    connection = _Connection("localhost", timeout=PATIENCE)
    try:
        connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {} if body is None else {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"Docker does not answer {method} {path}: {error or type(error).__name__}")
    finally:
        connection.close()
    if answer.status == 404 and may_miss:
        return None
    told = json.loads(text or "null")
    if answer.status >= 400:
        said = told.get("message", "") if isinstance(told, dict) else ""
        sys.exit(f"Docker answers {answer.status} to {method} {path}: {said}")
    return told
