"""What the server's watch has just seen (remote/watch.py, `show`), as rows for people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.settings import Settings
from operate.quantities import moment, size
from operate.terminal import printable
from operate.verify.result import Status

Shown = dict[str, Any]
"""What the watch shows. A part that could not be looked at is null, and there is an alarm for it."""


@dataclass(frozen=True)
class Row:
    """One thing that was looked at."""

    name: str
    status: Status
    text: str


def version(shown: Shown) -> str:
    """The image, without the digest, which says nothing to people."""
    return str(shown["version"]).partition("@")[0]


def container(shown: Shown) -> str:
    """Whether it runs, since when, and how often Docker had to start it again."""
    box = shown["container"]
    health = f", {box['health']}" if box["health"] != "none" else ""
    since = f", since {moment(box['started'])}" if box["started"] else ""
    again = f", started again {counted(box['starts'], 'time')} in a day" if box["starts"] else ""
    return f"{box['status']}{health}{since}{again}"


def services(shown: Shown) -> str:
    """Those of Poste that are down."""
    down = [name for name, up in shown["services"].items() if not up]
    return f"down: {', '.join(down)}" if down else f"all {len(shown['services'])} are up"


def queue(shown: Shown) -> str:
    """What waits to leave."""
    waiting = shown["queue"]
    if not waiting["messages"]:
        return "empty"
    return f"{counted(waiting['messages'], 'message')}, the oldest for {lasting(waiting['oldest'])}"


def outgoing(shown: Shown) -> str:
    """What all mailboxes have sent, and which of them the most."""
    sent: dict[str, int] = shown["outgoing"]
    if not any(sent.values()):
        return "none in the last hour"
    most = max(sent, key=sent.__getitem__)
    return f"{counted(sum(sent.values()), 'message')} in the last hour, the most by {most}: {sent[most]}"


def disk(shown: Shown) -> str:
    """Of the volume and of the server itself."""
    return "; ".join(
        f"{each['place']} {each['percent']} % full (inodes {each['inodes_percent']} %), {size(each['free'])} free"
        for each in shown["disk"]
    )


def memory(shown: Shown) -> str:
    """What is free for programs."""
    return f"{size(shown['memory']['available'])} of {size(shown['memory']['total'])} free"


def certificate(shown: Shown) -> str:
    """How long it is good, as each port serves it."""
    ports: dict[str, list[str]] = {}
    for port, days in shown["certificate"]["days"].items():
        ports.setdefault("no answer" if days is None else f"{days:.0f} days left", []).append(port)
    return "; ".join(f"{left} on {', '.join(named)}" for left, named in ports.items())


def renewal(shown: Shown) -> str:
    """How the last look at whether it is due went, and when it will be."""
    last, due = shown["certificate"]["renewal"], shown["certificate"]["next"]
    if not last:
        return "not tried yet"
    error = f": {last['error']}" if last["error"] else ""
    return f"{last['result']} at {moment(last['tried'])}{error}{f'; due {moment(due)}' if due else ''}"


def backup(shown: Shown) -> str:
    """The last good one, and what came of later tries."""
    last = shown["backup"]
    good = f"{moment(last['at'])}, {size(last['size'])}" if last["at"] else "none yet"
    return f"{good}; the last try failed" if last["result"] == "failed" else good


def drill(shown: Shown) -> str:
    """How the last one ended."""
    last = shown["drill"]
    return f"{last['result']} at {moment(last['at'])}" if last["at"] else "none yet"


def dkim(shown: Shown) -> str:
    """The domains whose key is not the one in DNS."""
    wrong = [f"{domain}: {found or 'no answer'}" for domain, found in shown["dkim"].items() if found != "ok"]
    return "; ".join(wrong) or f"as DNS has them ({', '.join(shown['dkim'])})"


def told(shown: Shown) -> str:
    """Who hears of alarms, and whether that worked the last time."""
    return (
        ", ".join(f"{channel}: {answer}" for channel, answer in shown["told"].items())
        or "nobody yet: set heartbeat, or wait for the first round"
    )


Part = tuple[str, str, Callable[[Shown], str], frozenset[str]]
"""What a row is called, where it stands in what is shown, its words, and the kinds of alarm that are about it."""

NOW: tuple[Part, ...] = (
    ("version", "version", version, frozenset()),
    ("container", "container", container, frozenset({"container"})),
    ("services", "services", services, frozenset({"service"})),
    ("queue", "queue", queue, frozenset({"queue"})),
    ("sent", "outgoing", outgoing, frozenset({"outgoing"})),
    ("disk", "disk", disk, frozenset({"disk", "inodes"})),
    ("memory", "memory", memory, frozenset({"memory"})),
    ("DKIM keys", "dkim", dkim, frozenset({"dkim"})),
    ("told", "told", told, frozenset({"heartbeat"})),
)
CERTIFICATE: tuple[Part, ...] = (
    ("certificate", "certificate", certificate, frozenset({"certificate"})),
    ("renewal", "certificate", renewal, frozenset({"certificate"})),
)
BACKUP: tuple[Part, ...] = (
    ("backup", "backup", backup, frozenset({"backup"})),
    ("drill", "drill", drill, frozenset({"drill"})),
)


def parts(settings: Settings) -> tuple[Part, ...]:
    """What is looked at on a server of these settings."""
    return (*NOW, *CERTIFICATE * bool(settings.acme_directory), *BACKUP * bool(settings.backup))


def unseen(shown: Shown, settings: Settings) -> list[str]:
    """What the server should have looked at, and could not: of that nobody can say that it is well."""
    return [name for name, key, *_ in parts(settings) if shown.get(key) is None]


def is_well(shown: Shown, settings: Settings) -> bool:
    """Whether there is no alarm, and nothing that could not be looked at."""
    return not shown["alarms"] and not unseen(shown, settings)


def rows(shown: Shown, wanted: tuple[Part, ...]) -> list[Row]:
    """A row for each part: red where an alarm is about it, as the server alone knows its thresholds."""
    alarms = {alarm["kind"] for alarm in shown["alarms"]}
    return [_row(shown, name, key, words, bool(alarms & kinds)) for name, key, words, kinds in wanted]


def _row(shown: Shown, name: str, key: str, words: Callable[[Shown], str], alarmed: bool) -> Row:
    found = shown.get(key)
    if found is None:
        return Row(name, Status.UNKNOWN, "could not be looked at")
    try:
        calm = Status.UNKNOWN if _is_partial(found) else Status.OK
        text = words(shown)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        # The watch of another version of this program.
        return Row(name, Status.UNKNOWN, "the server tells it in another way; deploy once more")
    return Row(name, Status.FAIL if alarmed else calm, line(text))


def line(text: str) -> str:
    """A text in a line, without what would move a terminal's cursor: some of it is what other servers said."""
    return printable(" ".join(text.split()))


def _is_partial(found: Any) -> bool:
    """Whether a port or a name server did not answer, or nothing has come yet."""
    return isinstance(found, dict) and None in found.get("days", found).values()


def alarm(found: Shown) -> str:
    """An alarm, with how long it lasts."""
    return f"{line(found['text'])} (for {lasting(found['since'])})"


def lasting(seconds: float) -> str:
    """A time that has passed, to its largest unit; none where a clock was set back meanwhile."""
    seconds = max(0, seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, what: str) -> str:
    """So many of something."""
    return f"{count} {what}{'' if count == 1 else 's'}"
