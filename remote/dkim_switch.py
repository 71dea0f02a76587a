"""Lets Poste sign a domain's mail with the next DKIM key, when the world can know it, and gives the former up later.

Runs on the server, hence standard library only. Standard input: {"url", "domain", "container", "data": <what Poste has
as /data>, "folder": <where keys take turns>, "rotation", "record": {"name", "text"} of the next key, "ttl" and "kept":
<seconds from its publication to the switch, and from there to the end of the former key>, "due": <the moment by which
this run goes, as an earlier one has told it>, "link", "keys", "known": <as for signers.py>}. Prints one JSON object:
{"rotation", "phase": "waiting" | "signing" | "revoked", "due": <when the next step can come>, "since": <since when it
signs, or 0>, "told": <the due of the input>, "why": <what but time is waited for>}.

Cut off anywhere, it is run again and goes on. While Poste's key changes, its signers are down, so that none signs with
the half of one key under the name of another.
"""

import json
import math
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import administrator
import exclusive
import name_servers
import whole_file
from container import execute
from dkim import read_key
from dkim_keys import Key, Progress, Shelf, pem, signing_key
from evidence import Evidence, queued, signs_to_itself
from poste_http import Poste

HERE = 90  # seconds that are waited for in place
NAP = 5  # seconds between two looks at the name servers
SPREADING = 60  # seconds until the name servers may be expected to have a new record
PATIENCE = 600  # seconds until whoever else is at Poste's data has to be done
MODES = {"public": 0o644, "selector": 0o644, "private": 0o640}
CHANGE = """
down() { s6-svstat "/run/s6/services/$1" | grep -q ^down; }
cd "$1" || exit 1
trap 'for signer in haraka-smtp haraka-submission; do s6-svc -u "/run/s6/services/$signer"; done' EXIT
for signer in haraka-smtp haraka-submission; do s6-svc -d "/run/s6/services/$signer"; done
for signer in haraka-smtp haraka-submission; do
  tries=0
  until down "$signer"; do
    tries=$((tries + 1))
    [ "$tries" -ne 100 ] || s6-svc -k "/run/s6/services/$signer"
    [ "$tries" -le 150 ] || { echo "$signer does not stop" >&2; exit 1; }
    sleep 0.2
  done
done
rm -f private
mv .public.next public && mv .selector.next selector && mv .private.next private
"""
"""Puts a domain's key in the place of another; its folder is the argument. It goes on when nobody waits for it.

A signer has as long to stop as Docker gives the container (20 s); what it was doing then is tried again, by its peer or
from the queue. Without a private half nothing is signed, which is better than wrongly: should the server die in the
middle, that is how it stays until the next run.
"""


@dataclass(frozen=True)
class Request:
    """What one run is asked."""

    url: str
    domain: str
    container: str
    data: str
    folder: str
    rotation: int
    record: dict[str, str]
    ttl: int
    kept: int
    due: str
    link: str
    keys: str
    known: str

    def told(self, phase: str, due: float = 0, since: float = 0, why: str = "") -> dict[str, Any]:
        """The answer."""
        return {
            "rotation": self.rotation, "phase": phase, "due": math.ceil(due), "since": int(since), "told": self.due,
            "why": why,
        }  # fmt: skip


def main() -> None:
    request = Request(**json.load(sys.stdin))
    shelf = Shelf(request.folder, request.domain)
    with shelf.alone():
        print(json.dumps(go_on(request, shelf)))


def go_on(request: Request, shelf: Shelf) -> dict[str, Any]:
    """Make the step that is due."""
    key = shelf.key(request.rotation)
    if key is None or not key.private:
        sys.exit(f"DKIM key {request.rotation} of {request.domain} is gone. Raise the setting rerun by one and deploy.")
    progress = shelf.progress(request.rotation)
    if progress.selector != key.selector:
        progress = Progress(request.rotation, key.selector)
    if not key.is_same(signing_key(Path(request.data), request.domain)):
        has_signed, progress = bool(progress.since), replace(progress, since=0)
        why = seen(request, shelf, progress)
        if why:
            return request.told("waiting", time.time(), why=why)
        due = progress.served + request.ttl
        if not waited(request, due, "signs"):
            return request.told("waiting", due)
        with exclusive.alone(f"a change of the DKIM key of {request.domain}", PATIENCE):
            begin(request, shelf, progress, has_signed=has_signed)
            exchange(request, key)
            prove(request, shelf, progress, key)
    elif not progress.since:
        with exclusive.alone(f"a change of the DKIM key of {request.domain}", PATIENCE):
            prove(request, shelf, progress, key)
    due = progress.since + request.kept
    if not waited(request, due, "is the only one"):
        return request.told("signing", due, progress.since)
    shelf.retire(request.rotation - 1)
    return request.told("revoked", due, progress.since)


def seen(request: Request, shelf: Shelf, progress: Progress) -> str:
    """What keeps the name servers from serving the record; empty where all do, which is noted."""
    deadline = time.monotonic() + SPREADING
    while wrong := name_servers.wrong(request.record["name"], request.record["text"]):
        if time.monotonic() > deadline:
            progress.served = 0
            shelf.note(progress)
            return f"not all name servers serve {request.record['name']}: {'; '.join(wrong)}"
        time.sleep(NAP)
    progress.served = progress.served or time.time()
    shelf.note(progress)
    return ""


def waited(request: Request, due: float, what: str) -> bool:
    """Whether a moment has come, or is so near that it is waited for. Ends the program where clocks are apart."""
    left = due - time.time()
    if left > HERE and request.due == moment(math.ceil(due)):
        sys.exit(f"It is {moment(time.time())} on the server, and later where the deploy runs. Set its clock right.")
    if 0 < left <= HERE:
        print(f"DKIM key {request.rotation} of {request.domain} {what} in {left:.0f} s", file=sys.stderr)
        time.sleep(left)
    return left <= HERE


def moment(seconds: float) -> str:
    """A time as the program tells it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def begin(request: Request, shelf: Shelf, progress: Progress, *, has_signed: bool) -> None:
    """Note what a change takes away: the former key, and whether mail to oneself was signed.

    Where the next key has signed before, what goes now was put there by hand, and was never published.
    """
    former = signing_key(Path(request.data), request.domain)
    if former and not has_signed:
        shelf.keep(request.rotation - 1, former)
    if former:
        address = administrator.known()[0]
        progress.loops = address.endswith(f"@{request.domain}") and signs_to_itself()
    shelf.note(progress)


def exchange(request: Request, key: Key) -> None:
    """Let Poste and its signers have a key, by its files; and by its API, too, where that does not go by them."""
    put(request, key)
    poste = Poste(request.url, *administrator.known())
    if not key.is_same(read_key(poste, request.domain)):
        # A version that takes no key of ours makes one up instead.
        files: dict[str, object] = {"public": pem(key.public_key), "private": key.private, "selector": key.selector}
        poste.api("PUT", f"/domains/{quote(request.domain)}/dkim", files)
        if not key.is_same(signing_key(Path(request.data), request.domain)):
            put(request, key)


def put(request: Request, key: Key) -> None:
    """Put a key's files where Poste and its signers look, while these are down."""
    folder = Path(request.data) / "domains" / request.domain
    for name, text in {"public": pem(key.public_key), "selector": key.selector, "private": key.private}.items():
        stage(folder, name, text)
    noted = f"{request.link}\n{request.keys} >{request.known} || true"
    execute(request.container, f"{CHANGE}\n{noted}", f"/data/domains/{request.domain}")
    whole_file.settle(folder)


def stage(folder: Path, name: str, text: str) -> None:
    """Put a file beside the one that it is to replace, with the same owner and mode."""
    there, new = folder / name, folder / f".{name}.next"
    like = there.stat() if there.exists() else None
    owner = like or folder.stat()
    whole_file.write(new, text)
    os.chown(new, owner.st_uid, owner.st_gid)
    new.chmod(like.st_mode & 0o777 if like else MODES[name])


def prove(request: Request, shelf: Shelf, progress: Progress, key: Key) -> None:
    """Note that the key signs, where all looks so. Else the former one comes back, and the program ends with why."""
    data = Path(request.data)
    found = Evidence(
        request.container, data, request.url, {request.domain: key.told}, progress.loops, queued(request.container)
    ).gather()
    read = read_key(Poste(request.url, *administrator.known()), request.domain)
    if not key.is_same(read):
        found.append(f"Poste's API tells of another key, {read.selector if read else 'none'}")
    if found:
        former = shelf.key(request.rotation - 1)
        if former and former.private:
            exchange(request, former)
        sys.exit(
            f"Poste does not sign mail of {request.domain} with DKIM key {request.rotation} as it should: "
            f"{'; '.join(found)}. The former key {'signs again' if former and former.private else 'is gone'}; both are "
            "published. Deploy again when that is mended."
        )
    progress.since = time.time()
    shelf.note(progress)
    shelf.remember(key, request.rotation)


if __name__ == "__main__":
    main()
