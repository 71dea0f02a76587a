"""What is wrong with what the watch has seen, in words without addresses.

Runs on the server, hence standard library only.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watch_looks import DAY, OK
from watch_request import Request

HOUR, MINUTE, MEGABYTE = 3600, 60, 2**20
RENEWALS = ("current", "issued")
"""How a try to renew the certificate ends that went well."""
SHARE = 1 / 4
"""Of a certificate's lifetime: one that lasts a week is never good for a fortnight, and a refused renewal is no alarm
while there is more, since the next try comes within the hour."""
FLEETING = ("memory", "container", "service", "dkim", "look")
"""Kinds that are no alarm before two rounds in a row have seen them: a deploy or a backup has Poste away meanwhile."""
AWAY = ("container", "service", "look")
"""Kinds of which one round may see this and the next one that, of one and the same trouble."""
EASE = 20
"""By this part of itself, and by 1 at least, a limit moves for what is beyond it: what wavers about it is told once."""
NEEDS = {
    "queue": ("container",),
    "services": ("container",),
    "certificate": ("container", "service"),
    "outgoing": ("container", "service"),
}
"""What cannot be looked at while there is one of these, which says enough."""
WORDS = {
    "disk": "the volume",
    "drill": "the last drill",
    "backup": "the last backup",
    "dkim": "the DKIM keys",
    "outgoing": "what mailboxes send",
}
"""What is looked at, where its name does not say it."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. `of` tells it from others of its kind, and goes nowhere."""

    kind: str
    text: str
    of: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind} {self.of}".strip()


@dataclass(frozen=True)
class Limits:
    """How far what is watched may go."""

    thresholds: Mapping[str, int]
    beyond: Collection[str]
    """The keys of what the round before has found."""

    def more(self, value: float, name: str, kind: str, of: str = "") -> str:
        """Than which limit a value is more, in words; nothing where it is not."""
        most = self.thresholds[name]
        eased = most - self._ease(most, kind, of)
        return f"more than {most}" if value > most else f"still more than {eased}" if value > eased else ""

    def less(self, value: float, name: str, kind: str) -> str:
        """Than which limit a value is less, in words; nothing where it is not."""
        least = self.thresholds[name]
        eased = least + self._ease(least, kind)
        return f"less than {least}" if value < least else f"still less than {eased}" if value < eased else ""

    def _ease(self, limit: int, kind: str, of: str = "") -> int:
        return max(1, limit // EASE) if Finding(kind, "", of).key in self.beyond else 0


def findings(
    request: Request,
    seen: Mapping[str, Any],
    failed: Sequence[str],
    told: Mapping[str, str],
    began: float,
    before: Collection[str],
) -> list[Finding]:
    """All that is wrong. `failed` could not be looked at. `told` is how the last round's channels went; `began` is
    since when this server is watched, in seconds since 1970; `before` has the keys of what the last round found.
    """
    limits = Limits(request.thresholds, before)
    found = [
        *_of_the_server(limits, seen),
        *_of_poste(request, limits, seen),
        *_of_the_past(request, seen, began),
    ]
    found += [
        Finding("heartbeat", f"{channel} of the setting heartbeat could not be reached", channel)
        for channel, how in told.items()
        if how != OK and channel in request.heartbeat
    ]
    # Of what Docker does not tell nothing follows for what is inside.
    kinds = {finding.kind for finding in found} | ({"container"} & set(failed))
    found += [
        Finding("look", f"Could not look at {WORDS.get(name, f'the {name}')}", name)
        for name in failed
        if not kinds & set(NEEDS.get(name, ()))
    ]
    return found


def _of_the_server(limits: Limits, seen: Mapping[str, Any]) -> Iterator[Finding]:
    for disk in seen["disk"] or ():
        place, percent, inodes = disk["place"], disk["percent"], disk["inodes_percent"]
        where = "The server's own disk" if place == "/" else "The volume"
        if than := limits.more(percent, "disk_percent", "disk", place):
            yield Finding("disk", f"{where} is {percent} % full, {than} %", place)
        if than := limits.more(inodes, "inode_percent", "inodes", place):
            yield Finding("inodes", f"{where} has used {inodes} % of its inodes, {than} %", place)
    if memory := seen["memory"]:
        free = memory["available"] / MEGABYTE
        if than := limits.less(free, "memory_megabytes", "memory"):
            yield Finding("memory", f"{int(free)} MB of memory are free, {than}")


def _of_poste(request: Request, limits: Limits, seen: Mapping[str, Any]) -> Iterator[Finding]:
    down = [name for name, up in (seen["services"] or {}).items() if not up]
    away = list(_of_the_container(seen["container"], request.thresholds["restarts"], blamed=bool(down)))
    yield from away
    yield from (Finding("service", f"Poste's service {name} is down", name) for name in down)
    if queue := seen["queue"]:
        messages, minutes = queue["messages"], queue["oldest"] / MINUTE
        if than := limits.more(messages, "queue_length", "queue", "length"):
            yield Finding("queue", f"{messages} messages wait to leave, {than}", "length")
        if than := limits.more(minutes, "queue_minutes", "queue", "age"):
            yield Finding("queue", f"A message has waited to leave for {int(minutes)} min, {than}", "age")
    for box, sent in (seen["outgoing"] or {}).items():
        if than := limits.more(sent, "outgoing_per_hour", "outgoing", box):
            yield Finding("outgoing", f"A mailbox sent {sent} messages within an hour, {than}", box)
    for domain, found in (seen["dkim"] or {}).items():
        if found is None:
            yield Finding("look", f"Could not look the DKIM key of {domain} up", f"dkim {domain}")
        elif found != OK:
            yield Finding("dkim", f"DKIM of {domain}: {found}", domain)
    yield from _of_the_certificate(
        request, seen["certificate"], silent_is_said=bool(away or down or not seen["container"])
    )


def _of_the_container(found: Json | None, restarts: int, *, blamed: bool) -> Iterator[Finding]:
    """`blamed` is a service for what makes the container unhealthy."""
    if found is None:
        return
    if found["status"] != "running":
        yield Finding("container", f"The container of Poste does not run: it is {found['status']}", "status")
    elif found["health"] == "unhealthy" and not blamed:
        yield Finding("container", "The container of Poste is unhealthy", "health")
    if found["starts"] > restarts:
        text = f"Poste ended by itself and was started again {found['starts']} times in a day, more than {restarts}"
        yield Finding("container", text, "starts")


def _of_the_certificate(request: Request, found: Json | None, *, silent_is_said: bool) -> Iterator[Finding]:
    if found is None:
        return
    known = {port: days for port, days in found["days"].items() if days is not None}
    for port in () if silent_is_said else found["days"].keys() - known.keys():
        yield Finding("look", f"Could not look at the certificate on port {port}", f"certificate {port}")
    if not request.certificate:
        return
    limit = min(request.thresholds["certificate_days"], found["lifetime"] * SHARE)
    late = {port: days for port, days in known.items() if days < limit}
    if late:
        days = min(late.values())
        text = "has expired" if days <= 0 else f"is good for {days:.1f} days, less than {limit:.1f}"
        yield Finding("certificate", f"The certificate on port {', '.join(late)} {text}", "days")
    renewal = found["renewal"]
    left = min(known.values(), default=0)
    early = left >= found["lifetime"] * SHARE
    if renewal and renewal["result"] not in RENEWALS and not (renewal["result"] == "refused" and early):
        yield Finding("certificate", f"The last renewal of the certificate: {renewal['result']}", "renewal")


def _of_the_past(request: Request, seen: Mapping[str, Any], began: float) -> Iterator[Finding]:
    """Backup and drill. Where there was none yet, the time counts since the server is watched."""
    most, now = request.thresholds, seen["at"]
    backup, drill = seen["backup"], seen["drill"]
    if backup and now - (backup["at"] or began) > most["backup_hours"] * HOUR:
        hours = (now - (backup["at"] or began)) / HOUR
        what = "The last good backup is" if backup["at"] else "There is no good backup after"
        yield Finding(
            "backup", f"{what} {hours:.0f} h{' old' if backup['at'] else ''}, more than {most['backup_hours']}"
        )
    if drill and drill["result"] == "failed":
        yield Finding("drill", "The last drill failed", "result")
    elif drill and now - (drill["at"] or began) > most["drill_days"] * DAY:
        days = (now - (drill["at"] or began)) / DAY
        what = (
            f"The last good drill was {days:.0f} days ago" if drill["at"] else f"There was no drill in {days:.0f} days"
        )
        yield Finding("drill", f"{what}, more than {most['drill_days']}", "age")


def remembered(found: list[Finding], before: Mapping[str, Json], now: float) -> dict[str, Json]:
    """What is wrong, by key: kind, text, since when, and whether it is told to anybody."""
    kinds = {each["kind"] for each in before.values()}
    return {
        finding.key: {
            "kind": finding.kind,
            "text": finding.text,
            # A clock that was set back has seen it later than now.
            "first": min(before.get(finding.key, {}).get("first", now), now),
            "alarm": finding.kind not in FLEETING
            or finding.key in before
            or (finding.kind in AWAY and not kinds.isdisjoint(AWAY)),
        }
        for finding in found
    }
