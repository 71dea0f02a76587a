"""The lock that a killed update leaves on its stack.

The backend of files keeps one JSON file per lock, with the process that holds it.
"""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit


def is_locked_by_the_dead(backend_url: str, stack: str) -> bool:
    """Whether the stack is locked, and only by processes of this machine that no longer run."""
    backend = urlsplit(backend_url)
    if backend.scheme != "file":
        return False
    # Beside each of its files the backend keeps another one with attributes.
    locks = [json.loads(file.read_text()) for file in Path(backend.path).glob(f".pulumi/locks/*/*/{stack}/*.json")]
    return bool(locks) and all(map(_is_stale, locks))


def _is_stale(lock: dict[str, object]) -> bool:
    if lock["hostname"] != socket.gethostname():
        return False
    try:
        os.kill(int(str(lock["pid"])), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
