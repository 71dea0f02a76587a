"""How many messages came and left between two rounds of the watch, and what each mailbox sent in the last hour.

Runs on the server, hence standard library only. Poste counts by day, for each domain and each mailbox. Mailboxes are
asked about only where their domain has sent something since, so that a round costs as much as there was mail.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import account
import administrator
from poste_http import Poste, reason
from side_by_side import side_by_side

HOUR = 3600
TOGETHER = 8  # questions at a time
PATIENCE = 25  # seconds for all domains, and for all mailboxes

Json = dict[str, Any]
NOTHING: Json = {"day": "", "in": 0, "out": 0}
"""What somebody has sent before his first day."""


@dataclass(frozen=True)
class Counted:
    """Messages that came in and went out since the last round; what each mailbox sent within an hour; and what the
    next round needs to know."""

    came: int
    left: int
    hour: dict[str, int]
    after: Json


def count(url: str, domains: Sequence[str], before: Json) -> Counted:
    """Ask Poste. `before` is what the last round left, or nothing. Ends the program where Poste does not answer."""
    poste, now = Poste(url, *administrator.known()), time.time()
    last = before.get("at", now)
    days = _all(poste, "domains", domains)
    known: dict[str, Json] = before.get("domains", {})
    came = sum(_since(days[name], known[name], "in") for name in domains if name in known)
    left = {name: _since(days[name], known[name], "out") for name in domains if name in known}
    # All mailboxes of a domain are asked about when it is seen first.
    rose = {name for name in domains if left.get(name, 1)}
    found = account.boxes(poste) if rose else {}
    asked = [address for address, box in found.items() if _domain(address) in rose and not box.get("redirect_to")]
    boxes: dict[str, Json] = {box: noted for box, noted in before.get("boxes", {}).items() if _domain(box) in days}
    sent = [entry for entry in before.get("sent", ()) if now - HOUR < entry[0] <= now]
    for address, told in _all(poste, "boxes", asked).items():
        # One that is new in a domain that is known has sent all that it has since then.
        former = boxes.get(address, NOTHING if _domain(address) in known else None)
        more = _since(told, former, "out") if former is not None else 0
        boxes[address] = _newest(told)
        if more > 0:
            # After a gap nobody knows when within it they left.
            sent.append([now, address, round(more * min(1, HOUR / max(now - last, 1)))])
    hour: dict[str, int] = {}
    for _, address, number in sent:
        hour[address] = hour.get(address, 0) + number
    after = {"at": now, "domains": {name: _newest(days[name]) for name in domains}, "boxes": boxes, "sent": sent}
    return Counted(came, sum(left.values()), hour, after)


def _all(poste: Poste, kind: str, names: Sequence[str]) -> dict[str, Json]:
    """What `_days` tells of each. Raises what the first raised that failed."""

    def some(part: Sequence[str]) -> dict[str, Json]:
        return {name: _days(poste, kind, name) for name in part}

    parts = side_by_side({start: partial(some, names[start::TOGETHER]) for start in range(TOGETHER)}, PATIENCE)
    told: dict[str, Json] = {}
    for found in parts.values():
        if isinstance(found, BaseException):
            raise found
        told |= found
    return told


def _days(poste: Poste, kind: str, name: str) -> Json:
    """Poste's statistics: by day, the oldest first, how many messages came in and went out."""
    answer = poste.api("GET", f"/{kind}/{quote(name, safe='')}/stats")
    if answer.status != 200:
        sys.exit(f"Poste's API answers {answer.status} when asked for the statistics of {name}{reason(answer)}.")
    found = answer.json()
    # An empty list is how its language writes an empty table.
    return found if isinstance(found, dict) else {}


def _newest(days: Json) -> Json:
    """The last day, with its numbers so far."""
    day = next(reversed(days), "")
    return {"day": day} | {way: int((days.get(day) or {}).get(way) or 0) for way in ("in", "out")}


def _since(days: Json, former: Json, way: str) -> int:
    """How many more there are than there were."""
    names = list(days)
    if former["day"] in names:
        names = names[names.index(former["day"]) :]
    elif former["day"]:
        # Longer ago than Poste tells.
        names = names[-1:]
    total = sum(int((days[name] or {}).get(way) or 0) for name in names)
    return max(0, total - (former[way] if former["day"] in names else 0))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
