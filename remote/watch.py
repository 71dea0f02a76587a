"""Watches Poste and its server every five minutes, and tells of alarms by HTTPS: no server can mail its own death.

Runs on the server, hence standard library only. Standard input: {"data": <what Poste sees as /data>, "container",
"host": <the mail host>, "url": <Poste's own, on loopback>, "domains": [{"name"}], "ports": [{"number", "service",
"security"}], "off": [<Poste's services that are turned off>], "thresholds": {<as in the setting watch>}, "backup" and
"certificate": <whether there is one>, "heartbeat": {"url", "ntfy", "webhook"}: <addresses or null>}. Keeps that, starts
the timer, and prints {"watching": true}.

With the argument `run`, as the timer's unit calls it, it looks at everything, tells, and leaves `status.json` and
`history.jsonl` beside the data. `show` looks, tells nobody, and prints one JSON object: {"at": <seconds since 1970>,
"version": <image>, "queue", "disk", "memory", "certificate", "container", "services", "backup", "drill", "dkim": <see
watch_looks.py; null where that could not be looked at>, "outgoing": {<mailbox>: <messages within an hour>}, "alarms":
[{"kind", "text", "since": <seconds for which it is so>}], "told": {<channel>: "ok" or why not}, "history": [{"at",
"in", "out", "queue", "disk", "memory"}, an hour each, the oldest first]}. `stop` ends the timer.
"""

import json
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import units
import watch_alarms
import watch_history
import watch_outgoing
import watch_request
import whole_file
from side_by_side import side_by_side
from watch_looks import DAY, LOOKS
from watch_outgoing import Counted
from watch_request import Request
from watch_tell import tell

HERE = Path(__file__).resolve()
STATUS, HISTORY, STATE = "status.json", "history.jsonl", "state.json"
UNIT = "poste-watch"
SERVICE = f"""\
[Unit]
Description=Look after Poste and its server
After=network-online.target docker.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {HERE} run
TimeoutStartSec=90
"""
TIMER = """\
[Unit]
Description=Look after Poste and its server every five minutes

[Timer]
OnBootSec=2min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
"""
LOOK = 25  # seconds for all looks: with what telling may take, a round ends within a minute

Json = dict[str, Any]


def look(request: Request, state: Json) -> tuple[Json, list[str], Counted | None]:
    """All that can be seen, and what cannot, of which the journal tells why. Mail is counted since `state`."""
    works: dict[str, Any] = {name: partial(function, request) for name, function in LOOKS.items()}
    works["outgoing"] = partial(watch_outgoing.count, request.url, request.domains, state.get("counts", {}))
    done = side_by_side(works, LOOK)
    failed = [name for name, found in done.items() if isinstance(found, BaseException)]
    for name in failed:
        print(f"Could not look at {name}: {type(done[name]).__name__}: {done[name]}", file=sys.stderr)
    seen: Json = {"at": round(time.time())} | {name: None if name in failed else done[name] for name in works}
    counted = seen["outgoing"]
    seen["outgoing"] = counted.hour if counted else None
    return seen, failed, counted


def starts(found: Json | None, before: Json, now: float) -> Json:
    """When Docker had to start the container by itself within a day, and what the next round counts from."""
    moments = [moment for moment in before.get("moments", ()) if now - DAY < moment <= now]
    if found is None:
        return before | {"moments": moments}
    counted = before.get("restarts", 0) if found["id"] == before.get("id") else 0
    # A start by hand, or by a script, sets Docker's count back.
    more = found["restarts"] - (counted if found["restarts"] >= counted else 0)
    return {"id": found["id"], "restarts": found["restarts"], "moments": [*moments, *[now] * more]}


def observe(request: Request, state: Json) -> tuple[Json, Json, Counted | None]:
    """What is to be shown, and what the next round is to know, but for who was told."""
    now = time.time()
    seen, failed, counted = look(request, state)
    # Backups that are turned on later are not late for the time before.
    began = min(state.get("began", now), now) if request.backup else now
    after = state | {"began": began, "starts": starts(seen["container"], state.get("starts", {}), now)}
    seen["version"] = None
    if seen["container"]:
        box = seen["container"]
        seen["version"] = box["version"]
        seen["container"] = {name: box[name] for name in ("status", "health", "started")}
        seen["container"]["starts"] = len(after["starts"]["moments"])
    before = state.get("known", {})
    found = watch_alarms.findings(request, seen, failed, state.get("told", {}), began, before)
    after["known"] = watch_alarms.remembered(found, before, now)
    if counted:
        after["counts"] = counted.after
    return seen, after, counted


def alarms(known: Mapping[str, Json]) -> list[Json]:
    return [
        {"kind": each["kind"], "text": each["text"], "since": round(time.time() - each["first"])}
        for each in known.values()
    ]


def run() -> None:
    """One round."""
    request = Request.kept()
    state = _state()
    seen, after, counted = observe(request, state)
    raised = {key: each for key, each in after["known"].items() if each["alarm"]}
    texts = {key: str(each["text"]) for key, each in raised.items()}
    after["told"], after["heard"] = tell(request.heartbeat, request.host, texts, state.get("heard", {}))
    try:
        after["hour"] = leave(request, seen | {"alarms": alarms(raised), "told": after["told"]}, counted, state)
    except OSError as error:
        print(f"Could not write to {request.notes}: {error}", file=sys.stderr)
    try:
        whole_file.write(watch_request.FOLDER / STATE, json.dumps(after))
    except OSError as error:
        print(f"Could not write to {watch_request.FOLDER}, so the next round tells anew: {error}", file=sys.stderr)


def leave(request: Request, status: Json, counted: Counted | None, state: Json) -> Json:
    """Have on the volume what there is to read; the hour so far. Raises OSError, as where the volume is full."""
    if not request.data.is_dir():
        # Else it would lie in the folder that the volume is to be mounted on.
        raise FileNotFoundError(f"{request.volume} is not mounted")
    request.notes.mkdir(mode=0o700, exist_ok=True)
    whole_file.write(request.notes / STATUS, json.dumps(status))
    came, left = (counted.came, counted.left) if counted else (0, 0)
    return watch_history.add(request.notes / HISTORY, state.get("hour", {}), came, left, status)


def show() -> None:
    """Print what a round would see, and all that is wrong, be it an alarm yet or not."""
    request = Request.kept()
    state = _state()
    seen, after, _ = observe(request, state)
    history = watch_history.lines(request.notes / HISTORY)
    print(json.dumps(seen | {"alarms": alarms(after["known"]), "told": state.get("told", {}), "history": history}))


def _state() -> Json:
    """What the last round left. What cannot be read is nothing, for it must not end the watch."""
    try:
        found = json.loads((watch_request.FOLDER / STATE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def set_up(told: Json) -> None:
    Request.of(told)
    watch_request.FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole_file.write(watch_request.FOLDER / "request.json", json.dumps(told))
    units.set_timer(UNIT, SERVICE, TIMER)
    # A new server's timer waits; what there is to see now, and whether anybody can be told, shows at once.
    units.systemctl("start", "--no-block", f"{UNIT}.service")
    print(json.dumps({"watching": True}))


def stop() -> None:
    """End the timer, and forget whom to tell. What was seen stays on the volume."""
    units.end_timer(UNIT)
    for name in ("request.json", STATE):
        (watch_request.FOLDER / name).unlink(missing_ok=True)


def main() -> None:
    match sys.argv[1:]:
        case ["run"]:
            run()
        case ["show"]:
            show()
        case ["stop"]:
            stop()
        case _:
            set_up(json.load(sys.stdin))


if __name__ == "__main__":
    main()
