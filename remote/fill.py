"""Fills an empty /data from the backup, before Poste's first start: a new server goes on where the lost one ended.

Runs on the server, hence standard library only. Standard input: {"data": <what Poste sees as /data>, "access":
<anything that changes when the repository does>} and, where there may be one already that waits for data, "container".
Prints one JSON object: {"restored": null, or the snapshot that was taken}.

With the data comes the administrator that they know, so that the configured one can be appointed by him.

Where Poste was installed already, the repository is not even asked. Where it was not and the repository does not
answer, the program ends: a new installation would hide what is in there.
"""

import contextlib
import json
import shutil
import sys
from pathlib import Path

import administrator
import staging
from exclusive import alone
from pause import stopped
from restic import DAMAGED, WHOLE, MissingError, Repository, RepositoryError, Snapshot
from snapshot_checks import is_used

TARGET = ".filling"


def newest(repository: Repository) -> Snapshot | None:
    """The newest whole snapshot; None where there never was a backup. Ends the program where it can't be told."""
    try:
        repository.identity()
        repository.unlock()
        whole = repository.snapshots(WHOLE)
        damaged = [] if whole else repository.snapshots(DAMAGED)
    except MissingError:
        return None
    except RepositoryError as error:
        sys.exit(
            f"Poste's data is empty, and whether the backup has any cannot be told. {error}. Nothing was installed, or "
            "it would hide what is in the backup"
        )
    if damaged:
        sys.exit(
            f"Poste's data is empty, and all {len(damaged)} snapshots of the backup have a damaged database. Restore "
            f"the newest one to a folder and mend it: ./run mail restore --stack … "
            f"--snapshot {damaged[-1].name} --to FOLDER"
        )
    return whole[-1] if whole else None


def fill(repository: Repository, snapshot: Snapshot, data: Path, container: str | None) -> None:
    """Ends the program where that fails; the data is as empty then as it was."""
    target = data.with_name(TARGET)
    try:
        staging.require_space(data.parent, repository.size(snapshot), "Raise volumeSize and deploy again.")
        staging.fetch(repository, snapshot, snapshot.paths, target)
    except RepositoryError as error:
        sys.exit(f"The snapshot {snapshot.name} could not be restored. {error}. Deploy again, which tries it again")
    restored = staging.below(target, data)
    wrong = staging.problem(restored)
    if wrong:
        sys.exit(
            f"The snapshot {snapshot.name} was restored, and Poste would not run on it: {wrong}. It lies in {target}. "
            "Choose an older one: ./run mail restore --stack … --snapshot ID"
        )
    staging.put_missing(target, [path for path in snapshot.paths if Path(path) != data])
    theirs = administrator.told_by(staging.below(target, administrator.FILE))
    if theirs:
        # One that is kept here knows the data that were lost.
        administrator.keep(*theirs)
    # Last: with it in place, all is. A container that runs would go on with the folder that was there.
    with stopped(container) if container else contextlib.nullcontext():
        staging.put_missing(target, [str(data)])
        if restored.exists():
            staging.exchange(data, restored)
    shutil.rmtree(target)


def main() -> None:
    told = json.load(sys.stdin)
    data, container, restored = Path(told["data"]), told.get("container"), None
    with alone("the first restore"):
        staging.clean(data)
        if not is_used(data):
            repository = Repository.known()
            snapshot = newest(repository)
            if snapshot:
                fill(repository, snapshot, data, container)
                restored = snapshot.name
    print(json.dumps({"restored": restored}))


if __name__ == "__main__":
    main()
