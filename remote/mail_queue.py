"""How much mail waits in Poste's queue to leave, and since when. Runs on the server, hence standard library only."""

import re
import sys
import time
from dataclasses import dataclass

from container import execute

LIST = """
for folder in /data/queue /opt/haraka-smtp/queue /opt/haraka-submission/queue; do
  [ ! -d "$folder" ] || { echo queue; find -L "$folder" -type f -printf '%f %T@\\n' 2>/dev/null || true; }
done
"""
"""Prints a line for each folder that is there, then the name and the moment of each file in it."""
NAMED_AFTER_ITS_MOMENT = re.compile(r"(\d{13})_\d+_\d+_\S*")
"""A message of Haraka's: when it came, and when it is tried next, in milliseconds since 1970."""
BODY = "-D"
"""Ending of the file of a message's body where the envelope lies in another one, which is written anew at each try."""


@dataclass(frozen=True)
class Waiting:
    """Messages, and for how many seconds the oldest of them has waited."""

    messages: int
    oldest: int


def waiting(container: str) -> Waiting:
    """What waits now. Ends the program where there is no queue, or the container does not run."""
    lines = execute(container, LIST).splitlines()
    if not lines:
        sys.exit(f"The container {container} has no folder with a queue.")
    # One folder may be a link to another of them: the same message is then listed twice.
    moments = [came for line in set(lines) if (came := _came(*line.partition(" ")[::2])) is not None]
    return Waiting(len(moments), max(0, round(time.time() - min(moments))) if moments else 0)


def _came(name: str, written: str) -> float | None:
    """When the message of a file came, in seconds since 1970; None for a file that is none of its own."""
    if found := NAMED_AFTER_ITS_MOMENT.fullmatch(name):
        return int(found[1]) / 1000
    return float(written) if name.endswith(BODY) else None
