"""What a killed deploy leaves in a back end of files: attributes written by half, and its lock.

Beside each file that back end keeps another with attributes, which it can do without but refuses to read if it is torn:
every command then ends in "failed to load checkpoint: EOF". Other back ends write a file wholly or not at all.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from operate.stale_lock import is_locked_by_the_dead

VARIABLE = "PULUMI_BACKEND_URL"


def torn_attributes(stack: str, project: str) -> list[Path]:
    """The attributes of the stack's files that cannot be read."""
    backend = urlsplit(os.environ.get(VARIABLE, ""))
    if backend.scheme != "file":
        return []
    files = [
        *Path(backend.path).glob(f".pulumi/stacks/{project}/{stack}.json*.attrs"),
        *Path(backend.path).glob(f".pulumi/locks/*/{project}/{stack}/*.attrs"),
    ]
    return list(_torn(files))


def is_locked_for_nothing(stack: str) -> bool:
    """Whether the stack is locked by a deploy of this machine that runs no more."""
    return is_locked_by_the_dead(os.environ.get(VARIABLE, ""), stack)


def _torn(files: list[Path]) -> Iterator[Path]:
    for file in files:
        try:
            json.loads(file.read_text())
        except ValueError:
            yield file
