"""What the watch has seen, one line an hour, for plots. Runs on the server, hence standard library only."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import whole_file

HOUR = 3600
KEPT = 90 * 24  # lines

Json = dict[str, Any]


def lines(file: Path) -> list[Json]:
    """The oldest first, without what is no line of ours; none where there is no file yet."""
    found = []
    for line in file.read_text(errors="replace").splitlines() if file.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


def add(file: Path, counted: Json, came: int, left: int, seen: Json) -> Json:
    """Count what came and left into the hour; `counted` is the hour so far, and what is returned is for the next round.

    When the hour is over its line is written, with what is seen then.
    """
    now = time.time()
    hour = {"began": now, "in": 0, "out": 0} | counted
    hour |= {"in": hour["in"] + came, "out": hour["out"] + left}
    if 0 <= now - hour["began"] < HOUR:
        return hour
    volume = (seen["disk"] or [{}])[0]
    line = {
        "at": round(now),
        "in": hour["in"],
        "out": hour["out"],
        "queue": (seen["queue"] or {}).get("messages"),
        "disk": volume.get("percent"),
        "memory": (seen["memory"] or {}).get("available"),
    }
    whole_file.write(file, "".join(f"{json.dumps(each)}\n" for each in [*lines(file), line][-KEPT:]))
    return {}
