"""What the watch looks at, one function each. Runs on the server, hence standard library only.

Each tells what it found as JSON has it, or fails in whatever way: who calls them takes that for an answer, too.
"""

import json
import os
import ssl
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import dkim_keys
import engine
import mail_queue
import name_servers
import upgrade
from container import execute
from served import Port, presented
from side_by_side import side_by_side
from watch_request import Request

DAY = 86400
PATIENCE = 20  # seconds for all ports, or all domains
MEMORY = Path("/proc/meminfo")
RENEWED = 1 / 3
"""Of its lifetime left, at which a certificate is renewed."""
STATES = """
for service in /run/s6/services/*/; do
  echo "$(basename "$service") $(s6-svstat "$service" 2>/dev/null || true)"
done
"""
OK = "ok"

Json = dict[str, Any]


class AwayError(Exception):
    """The volume is not there."""


def queue(request: Request) -> Json:
    """Messages that wait to leave, and for how many seconds the oldest does."""
    found = mail_queue.waiting(request.container)
    return {"messages": found.messages, "oldest": found.oldest}


def disk(request: Request) -> list[Json]:
    """How full the volume and the server's own disk are. `free` is in bytes."""
    if not request.data.is_dir():
        raise AwayError(f"{request.volume} is not mounted")
    return [_space(place) for place in (str(request.volume), "/")]


def _space(place: str) -> Json:
    found = os.statvfs(place)
    used, files = found.f_blocks - found.f_bfree, found.f_files - found.f_ffree
    return {
        "place": place,
        "percent": _percent(used, used + found.f_bavail),
        "inodes_percent": _percent(files, files + found.f_favail),
        "free": found.f_bavail * found.f_frsize,
    }


def _percent(part: int, whole: int) -> int:
    """As df(1) shows it: rounded up, without what only root may fill."""
    return -(-100 * part // whole) if whole else 0


def memory(_request: Request) -> Json:
    """Bytes in all, and free for programs."""
    values = dict(line.split(":") for line in MEMORY.read_text().splitlines())
    total, available = (int(values[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return {"total": total, "available": available}


def certificate(request: Request) -> Json:
    """What the ports serve: days left by port, null where one does not answer, and how the last renewal went.

    `lifetime` is in days; `next` is when it is renewed, in seconds since 1970.
    """
    found = side_by_side({port.number: _served(port, request.host) for port in request.ports}, PATIENCE)
    known = {number: span for number, span in found.items() if isinstance(span, tuple)}
    status = _noted(request.volume / "certificates" / "status.json") if request.certificate else None
    return {
        "days": {
            str(port.number): round((known[port.number][1] - time.time()) / DAY, 2) if port.number in known else None
            for port in request.ports
        },
        "lifetime": round(min((ends - begins for begins, ends in known.values()), default=0) / DAY, 2),
        "renewal": {name: status[name] for name in ("tried", "result", "error")} if status else None,
        "next": _next(status),
    }


def _served(port: Port, host: str) -> Any:
    def look() -> tuple[float, float]:
        chain, said = presented(port, host)
        if not chain:
            raise AwayError(said)
        return _span(chain[0])

    return look


def _span(certificate: bytes) -> tuple[float, float]:
    """From when to when a certificate holds, in seconds since 1970."""
    command = ["openssl", "x509", "-inform", "DER", "-noout", "-startdate", "-enddate"]
    done = subprocess.run(command, input=certificate, capture_output=True, check=True)
    begins, ends = (line.partition("=")[2] for line in done.stdout.decode().splitlines())
    return float(ssl.cert_time_to_seconds(begins)), float(ssl.cert_time_to_seconds(ends))


def _next(status: Json | None) -> float | None:
    if not status or not status["ends"]:
        return None
    return float(status["ends"] - (status["ends"] - status["begins"]) * RENEWED)


def container(request: Request) -> Json:
    """How the container is. `restarts` is how often Docker had to start it again since somebody did so last."""
    found = engine.container(request.container)
    if found is None:
        return {"status": "missing", "health": "none", "started": None, "id": "", "restarts": 0, "version": None}
    state = found["State"]
    return {
        "status": state["Status"],
        "health": (state.get("Health") or {}).get("Status", "none"),
        "started": datetime.fromisoformat(state["StartedAt"][:19] + "+00:00").timestamp(),
        "id": found["Id"],
        "restarts": found.get("RestartCount", 0),
        # What is known of its name lies on the volume.
        "version": upgrade.Place(str(request.data)).reference(found["Image"]) if request.data.is_dir() else None,
    }


def services(request: Request) -> dict[str, bool]:
    """Whether each of Poste's services is up; without those that are not meant to be."""
    told = {}
    for line in execute(request.container, STATES).splitlines():
        name, _, state = line.partition(" ")
        up = state.startswith("up ")
        # s6-svstat says so of one that is down and would be up by itself.
        if name not in request.off and (up or "normally up" in state or "want up" in state):
            told[name] = up
    return told


def backup(request: Request) -> Json | None:
    """When the last good backup was made, how the last try ended, and its bytes; null where none is asked for."""
    if not request.backup:
        return None
    status = _noted(request.volume / "backup" / "status.json") or {"result": None, "last_good": None}
    good = status["last_good"] or {"at": None, "size": None}
    return {"at": good["at"], "result": status["result"], "size": good["size"]}


def drill(request: Request) -> Json | None:
    """When the last drill ended, and how; null where there are no backups."""
    if not request.backup:
        return None
    found = _noted(request.volume / "backup" / "drill.json") or {"at": None, "result": None}
    return {"at": found["at"], "result": found["result"]}


def dkim(request: Request) -> dict[str, str | None]:
    """For each domain, `ok` where the key that signs is the one in DNS, else what is not so; null: nobody answers."""
    told = side_by_side({domain: _published(request.data, domain) for domain in request.domains}, PATIENCE)
    return {domain: found if isinstance(found, str) else None for domain, found in told.items()}


def _published(data: Path, domain: str) -> Any:
    def look() -> str:
        key = dkim_keys.signing_key(data, domain)
        if key is None:
            return "no key signs its mail"
        told = name_servers.texts(f"{key.selector}._domainkey.{domain}")
        answers = [found for found in told.values() if isinstance(found, list)]
        if not answers:
            raise name_servers.SilentError("no name server answers")
        if all(key.public_key in map(dkim_keys.bare, found) for found in answers):
            return OK
        return "the key that signs is not the one in DNS"

    return look


def _noted(file: Path) -> Json | None:
    """What another script has noted; None where there is nothing yet."""
    if not file.exists():
        return None
    found: Json = json.loads(file.read_text())
    return found


LOOKS = {
    "queue": queue,
    "disk": disk,
    "memory": memory,
    "certificate": certificate,
    "container": container,
    "services": services,
    "backup": backup,
    "drill": drill,
    "dkim": dkim,
}
