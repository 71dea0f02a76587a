"""Which snapshots are kept: decided by age, and by whoever may delete, never by the server that is backed up."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from model.backup import KEEP
from operate.backup.owner import Repository
from operate.errors import ServerError

EARLY = timedelta(hours=1)
"""By how much a clock may be wrong."""
LIVE_KEPT = "1d"
"""How long first passes are kept, which are not consistent and only make the second ones short."""
DAMAGED_KEPT = "3m"
"""How long snapshots are kept in which a database was not sound."""
READ = "5%"
"""Of the data, read again and checked each time."""


def prune(repository: Repository) -> dict[str, Any]:
    """Forget what is old, give its space back, and check the rest. Raises ServerError."""
    before = repository.ask("snapshots")
    refuse_future(before)
    keep = [part for every, age in KEEP.items() for part in (f"--keep-within-{every}", age)]
    for tag, policy in (
        ("whole", keep),
        ("live", ["--keep-within", LIVE_KEPT]),
        ("damaged", ["--keep-within", DAMAGED_KEPT]),
    ):
        # One group, whatever the server was called then.
        repository.tell("forget", "--quiet", "--tag", tag, "--group-by", "", *policy)
    print("Giving space back", file=sys.stderr)
    repository.tell("prune", "--quiet")
    print(f"Reading {READ} of the data again", file=sys.stderr)
    repository.tell("check", "--quiet", f"--read-data-subset={READ}")
    after = repository.ask("snapshots")
    return {"before": len(before), "after": len(after)}


def refuse_future(snapshots: Iterable[Mapping[str, Any]]) -> None:
    """Raise ServerError for a snapshot that is dated ahead.

    Ages are counted from the newest one, so an intruder who adds one of the far future would have the next pruning
    throw all others away.
    """
    now = datetime.now(UTC)
    for snapshot in snapshots:
        if datetime.fromisoformat(snapshot["time"]) - now > EARLY:
            raise ServerError(
                f"Snapshot {snapshot['short_id']} is dated {snapshot['time'][:19]}, which is to come, and pruning "
                "would count all ages from it. Nothing was deleted. Look whether the server's clock is right, and "
                f"whether somebody was there, then delete that one: restic forget {snapshot['short_id']}"
            )
