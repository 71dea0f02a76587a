"""A new version of Poste, with a way back. Runs on the server, hence standard library only.

With the argument `prepare`, before the container is replaced: standard input {"container", "image": <id of the wanted
image>, "reference": <its name, tag and digest>, "data": <what Poste sees as /data>, "backup": <whether there is one>,
"url": <Poste's own, on loopback>}. Refuses an image that was taken back here, and an older version, unless the newer
one was not judged yet: that one's changes are taken back. Else there is a backup, and a copy of what a new version
changes. Prints {"prepared": <bool>}.

With `judge`, after it, with the same input. Where the new version does not do what mail needs, the old one is brought
back with its databases, and the image remembered; that ends with status 1 and what to do. Prints {"judged": "good"}, or
null where there was nothing to judge. Run again, it says the same.

`resume DATA`, as a unit calls it, brings to an end what was cut off: one of these, or the deploy between them, which
has a quarter of an hour. What these leave is beside /data, in `upgrade`: `before` (copied last before a new version),
`last` (the same of the last good upgrade), `refused.json`, `watch.json` (which change the unit waits for).
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import administrator
import engine
import exclusive
import small_part
import units
import whole_file
from evidence import Evidence, Key, key_in, queued, signs_to_itself

HERE = Path(__file__).resolve()
UNIT = "poste-upgrade.service"
SERVICE = f"""\
[Unit]
Description=Bring Poste back if an upgrade was cut off
After=docker.service
RequiresMountsFor={{data}}

[Service]
ExecStart=/usr/bin/python3 {HERE} resume {{data}}

[Install]
WantedBy=multi-user.target
"""
STOPGAP = "poste-mail.stopgap"
"""Label of a container that the program does not know: the old version, brought back."""
REFUSED = "-refused"
"""Ending of the name of the container that the program does know, while it is stopped for good."""
WHAT = "an upgrade of Poste"
FRESH = 3600  # seconds: what was copied longer before the new container was made may lack what came since
WATCHED = 900  # seconds that a deploy has to replace the container and to have it judged
NAP = 30  # seconds between two looks, and until what failed is tried again
NOTE = "container.json"
"""In a copy, what belongs to it: what the old container was, when the copy was made, whether the new one was judged."""


class Place:
    """The folder beside /data with what there is to know of upgrades."""

    def __init__(self, data: str) -> None:
        self.data = Path(data)
        self.folder = self.data.parent / "upgrade"
        self.before, self.last, self.watch = self.folder / "before", self.folder / "last", self.folder / "watch.json"
        self.unfinished, self.refused = self.folder / "unfinished.json", self.folder / "refused.json"
        self._references = self.folder / "references.json"
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def unjudged(self) -> dict[str, Any]:
        """What is noted of the copy before a new version that was not judged yet, empty where there is none."""
        before = read(self.before / NOTE)
        return {} if before.get("judged") else before

    def note(self, image: str, reference: str) -> None:
        """Remember by what name an image came: one that came by its digest has no tag."""
        write(self._references, read(self._references) | {image: reference})

    def reference(self, image: str) -> str:
        """By what name an image came, or else its tag, or the beginning of its id."""
        tags = (engine.image(image) or {}).get("RepoTags") or [image.removeprefix("sha256:")[:12]]
        return str(read(self._references).get(image, tags[0]))


def main() -> None:
    if sys.argv[1:2] == ["resume"]:
        resume(Place(sys.argv[2]))
        return
    request = json.load(sys.stdin)
    place = Place(request["data"])
    print(json.dumps({"prepare": prepare, "judge": judge}[sys.argv[1]](place, request)))


def prepare(place: Place, request: dict[str, Any]) -> dict[str, Any]:
    """Make the way back, right before the container is replaced."""
    with exclusive.alone(WHAT):
        finish(place)
        running = engine.container(request["container"])
        if is_way_back(place, request, running):
            with entrusted(place, {"request": request, "back": True}):
                bring_back(place, request["container"])
            running = engine.container(request["container"])
        if running is None:
            if place.unjudged().get("image") == request["image"]:
                # The one before went, and none came: now it has its time once more.
                watch(place, request)
            return {"prepared": False}
        if running["Image"] == request["image"]:
            # The version before a refused one is wanted again.
            release(place, request, running)
            return {"prepared": False}
        refuse(place, request, running)
    if request["backup"]:
        back_up(f"upgrade-{short(place.reference(running['Image']))}-to-{short(request['reference'])}")
    with exclusive.alone(WHAT):
        finish(place)
        running = engine.container(request["container"])
        if running is None:
            sys.exit(f"The container {request['container']} has gone meanwhile. Deploy again.")
        keep(place, request, running)
        place.note(request["image"], request["reference"])
        watch(place, request)
        release(place, request, running)
    return {"prepared": True}


def is_way_back(place: Place, request: dict[str, Any], running: engine.Container | None) -> bool:
    """Whether the version before one is wanted that was not judged, and may have changed the databases already."""
    before = place.unjudged()
    return (
        bool(before)
        and request["image"] == before["container"]["Image"]
        and (running is None or running["Image"] == before["image"])
        and not is_stale(place, running, before)
    )


def refuse(place: Place, request: dict[str, Any], running: engine.Container) -> None:
    """End the program where an image was taken back on this server, or is older than what runs."""
    reference, runs = request["reference"], place.reference(running["Image"])
    digest = reference.partition("@")[2]
    for image, refused in read(place.refused).items():
        if image == request["image"] or (digest and refused["reference"].endswith(f"@{digest}")):
            sys.exit(refused["said"])
    now, wanted = version(runs), version(reference)
    shared = min(len(now), len(wanted))
    if wanted[:shared] < now[:shared]:
        sys.exit(
            f"posteImage {reference} is older than {runs}, which runs here and whose changes of the databases cannot "
            "be taken back. The way back is a backup from before the upgrade."
        )


def back_up(tag: str) -> None:
    command = [sys.executable, str(HERE.with_name("backup.py")), "run", "--tag", tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"Poste is not upgraded, because there is no backup to go back to. {done.stderr.strip()}")


def keep(place: Place, request: dict[str, Any], running: engine.Container) -> None:
    """Copy what a new version changes, while Poste is stopped, and note how the old one was run."""
    # Both can be told only while it runs.
    signed, waiting = running["State"]["Running"] and signs_to_itself(), queued(running["Id"])
    new = place.folder / "before.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        with entrusted(place, {"start": running["Id"]} if running["State"]["Running"] else {}):
            engine.stop(running["Id"])
            try:
                small_part.copy(place.data, new / "data")
            finally:
                if running["State"]["Running"]:
                    engine.start(running["Id"])
        small_part.check(new / "data")
    except (OSError, small_part.DamagedError) as error:
        sys.exit(f"Poste is not upgraded, because its databases cannot be copied for a way back: {error}")
    known = administrator.kept()
    write(
        new / NOTE,
        {
            "image": request["image"], "at": time.time(), "container": running, "signed": signed, "queued": waiting,
            "administrator": known,
        },
    )  # fmt: skip
    shutil.rmtree(place.before, ignore_errors=True)
    new.rename(place.before)


def release(place: Place, request: dict[str, Any], running: engine.Container) -> None:
    """Take the stopgap away, if that is what runs: the container that the program knows comes under its name."""
    if STOPGAP in labels(running):
        watch(place, request)
        with entrusted(place, {"start": running["Id"]}):
            engine.stop(running["Id"])
            engine.remove(running["Id"])


def watch(place: Place, request: dict[str, Any]) -> None:
    """Have a unit look whether the deploy comes to its end: the container may go, and nobody make the next one."""
    write(place.watch, {"request": request, "at": time.time()})
    units.leave(UNIT, SERVICE.format(data=place.data))


def judge(place: Place, request: dict[str, Any]) -> dict[str, Any]:
    """Whether the new version does what mail needs; if not, the old one comes back."""
    with exclusive.alone(WHAT):
        finish(place)
        refused = read(place.refused).get(request["image"])
        if refused:
            sys.exit(refused["said"])
        running = engine.container(request["container"])
        if running is not None and running["Image"] != request["image"]:
            runs = place.reference(running["Image"])
            sys.exit(
                f"The container {request['container']} runs {runs}, not {request['reference']}. Deploy with posteImage "
                f"{runs} first, and then with the wanted one."
            )
        place.note(request["image"], request["reference"])
        if place.unjudged().get("image") != request["image"]:
            if running is None:
                sys.exit(f"There is no container {request['container']}. Deploy again.")
            place.watch.unlink(missing_ok=True)
            return {"judged": None}
        said = weigh(place, request, running)
        if said:
            sys.exit(said)
        return {"judged": "good"}


def weigh(place: Place, request: dict[str, Any], running: engine.Container | None) -> str:
    """Take the new version for good, or go back; what there is to say then."""
    before = place.unjudged()
    problems = evidence(place, request, before) if running else []
    if running and not problems:
        shutil.rmtree(place.last, ignore_errors=True)
        place.before.rename(place.last)
        said = ""
    else:
        said = no_way_back(place, request, running, before, problems)
        if not said:
            with entrusted(place, {"request": request, "problems": problems}):
                said = roll_back(place, request, problems)
    place.watch.unlink(missing_ok=True)
    return said


def evidence(place: Place, request: dict[str, Any], before: dict[str, Any]) -> list[str]:
    keys = keys_in(place.before / "data")
    found = Evidence(request["container"], place.data, request["url"], keys, before["signed"], before["queued"])
    return found.gather()


def keys_in(kept: Path) -> dict[str, Key]:
    """The DKIM keys that a copy holds, by domain; a domain without a whole one is left out."""
    found = {}
    for private in sorted((kept / small_part.MESSAGES).glob("*/private")):
        with contextlib.suppress(OSError):
            found[private.parent.name] = key_in(private.parent)
    return found


def is_stale(place: Place, running: engine.Container | None, before: dict[str, Any]) -> bool:
    """Whether what was copied may lack what came before the new version had the data."""
    if running is None:
        replaced = read(place.watch).get("at", time.time())
    else:
        replaced = datetime.fromisoformat(running["Created"][:19] + "+00:00").timestamp()
    return bool(replaced - before["at"] > FRESH)


def no_way_back(
    place: Place,
    request: dict[str, Any],
    running: engine.Container | None,
    before: dict[str, Any],
    problems: list[str],
) -> str:
    """Why going back would lose something, or cannot be done; empty where it can."""
    old = before["container"]["Image"]
    stale = is_stale(place, running, before)
    if not stale and engine.image(old):
        return ""
    why = "what was copied before it is too old to be put back" if stale else "the image of the old one is gone"
    return (
        f"{failure(request, problems)} {'It goes on running' if running else 'It stays so'}, because {why}. Poste "
        f"{short(place.reference(old))} comes back with a restore of the last backup."
    )


def failure(request: dict[str, Any], problems: list[str]) -> str:
    """A sentence on what is wrong with the new version; without problems, it never came to run."""
    new = short(request["reference"])
    if problems:
        return f"Poste {new} does not do what mail needs: {'; '.join(problems)}."
    return f"The deploy of Poste {new} was cut off before it ran: there is no container {request['container']}."


def bring_back(place: Place, name: str) -> None:
    """Run the old version again with what it had. Cut off anywhere, it is done anew.

    Messages stay as they are, so that mail that came in meanwhile is kept.
    """
    before = read(place.before / NOTE)
    running = engine.container(name)
    if running is not None and STOPGAP not in labels(running):
        left = engine.container(name + REFUSED)
        if left is not None:
            engine.remove(left["Id"])
        engine.keep_down(running["Id"])
        engine.stop(running["Id"])
        engine.rename(running["Id"], name + REFUSED)
        running = None
    if running is None:
        small_part.put_back(place.before / "data", place.data)
        if before["administrator"]:
            administrator.keep(*before["administrator"])
        engine.create(name, before["container"], {STOPGAP: "true"})
    engine.start(name)
    write(place.before / NOTE, before | {"judged": True})


def roll_back(place: Place, request: dict[str, Any], problems: list[str]) -> str:
    """Bring the old version back, remember the new one as refused, and say so. Cut off anywhere, it is done anew."""
    bring_back(place, request["container"])
    before = read(place.before / NOTE)
    still = evidence(place, request, before)
    reference = place.reference(before["container"]["Image"])
    new, old = short(request["reference"]), short(reference)
    said = (
        f"{failure(request, problems)} Poste {old} runs again, with its databases as they were before and all mail "
        f"that came in meanwhile. Now set posteImage back to {reference} and deploy. This image of {new} is not tried "
        f"again here; should the reason lie elsewhere, delete {place.refused} on the server before you deploy it again."
    )
    if still:
        said += f" What is wrong with {old} now, too: {'; '.join(still)}."
    entry = {"reference": request["reference"], "at": time.time(), "said": said}
    write(place.refused, read(place.refused) | {request["image"]: entry})
    return said


def resume(place: Place) -> None:
    """Wait until whoever works on Poste's data has ended, and finish what he or a deploy has left unfinished."""
    while place.unfinished.exists() or place.watch.exists():
        if not place.unfinished.exists() and not is_overdue(place):
            time.sleep(NAP)
            continue
        try:
            with exclusive.alone(WHAT):
                finish(place)
                if is_overdue(place):
                    stand_in(place, read(place.watch)["request"])
        except exclusive.Ended:
            raise
        except (OSError, SystemExit) as error:
            print(error, file=sys.stderr)
            time.sleep(NAP)


def is_overdue(place: Place) -> bool:
    """Whether a deploy has had its time."""
    found = read(place.watch)
    return bool(found) and time.time() > found["at"] + WATCHED


def stand_in(place: Place, request: dict[str, Any]) -> None:
    """Do what a deploy should have done that was cut off; where the old version still runs, that is nothing."""
    name, before = request["container"], read(place.before / NOTE)
    running = engine.container(name)
    if place.unjudged().get("image") == request["image"]:
        if running is None or running["Image"] == request["image"]:
            said = weigh(place, request, running)
            print(said or f"Poste {short(request['reference'])} works.", file=sys.stderr)
    elif before.get("container", {}).get("Image") == request["image"]:
        # The stopgap was taken away, and the container did not come in its place: its data are as they should be.
        if running is None:
            engine.create(name, before["container"], {STOPGAP: "true"})
        if running is None or STOPGAP in labels(running):
            engine.start(name)
    place.watch.unlink(missing_ok=True)


def finish(place: Place) -> None:
    """What a run that was cut off has left: a container to start again, or a way back to go to its end."""
    task = read(place.unfinished)
    if "request" in task:
        running = engine.container(task["request"]["container"])
        # Another one that the program has made meanwhile is not to be touched.
        new = read(place.before / NOTE).get("image")
        if running is None or STOPGAP in labels(running) or running["Image"] == new:
            if "back" in task:
                bring_back(place, task["request"]["container"])
            else:
                print(roll_back(place, task["request"], task["problems"]), file=sys.stderr)
    elif task and engine.container(task["start"]):
        engine.start(task["start"])
    place.unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def entrusted(place: Place, task: dict[str, Any]) -> Iterator[None]:
    """Have a unit finish a task if this program is killed meanwhile, and else nobody: it waits for the lock."""
    if task:
        write(place.unfinished, task)
        units.leave(UNIT, SERVICE.format(data=place.data))
    yield
    place.unfinished.unlink(missing_ok=True)


def labels(container: engine.Container) -> dict[str, str]:
    return container["Config"].get("Labels") or {}


def version(reference: str) -> tuple[int, ...]:
    """The numbers with which a reference's tag begins: 2.5.11 of poste.io:2.5.11-pro@sha256:…, none of latest."""
    match = re.search(r":v?(\d+(?:\.\d+)*)[^/]*$", reference.partition("@")[0])
    return tuple(map(int, match[1].split("."))) if match else ()


def short(reference: str) -> str:
    """What people call the version: its tag, or what there is else."""
    named = reference.partition("@")[0]
    return named.rpartition(":")[2] if re.search(r":[^/]+$", named) else named


def read(file: Path) -> dict[str, Any]:
    """A file's JSON object, empty where there is no file."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def write(file: Path, told: dict[str, Any]) -> None:
    whole_file.write(file, json.dumps(told))


if __name__ == "__main__":
    main()
