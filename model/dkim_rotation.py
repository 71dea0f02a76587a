"""DKIM keys that take turns (RFC 6376), so that no signature is ever without its key in DNS, as pure functions.

A rotation takes up to three deploys, none of which waits long: the next key is made and its record published; when each
resolver has had time to forget that there was none, Poste signs with it; when the last mail of the former key has
arrived, that one is revoked. Which of them is due is told by the state of the last deploy and the clock. Generation 0
is the key that Poste has made, generation k that of rotation k. A domain that comes later counts from the rotation that
is set then, so that its only key is of that generation, and nothing waits.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from model.records import txt_value
from model.settings import Settings
from model.stack_state import Held
from model.vanishing_records import made_records

KEPT = 7 * 86400
"""Seconds that a key stays published when it signs no more: senders try for five days (RFC 5321, section 4.5.4.1)."""
COMMAND = "command:remote:Command"


def record(domain: str, generation: int) -> str:
    """The logical name of a key's record."""
    return f"{domain}-dkim-{generation}" if generation else f"{domain}-dkim"


def key_command(domain: str) -> str:
    """The logical name of the command that makes sure of a domain's keys (remote/dkim.py)."""
    return f"dkim-{domain}"


def switch_command(domain: str) -> str:
    """The logical name of the command that lets Poste sign with the next one (remote/dkim_switch.py)."""
    return f"dkim-{domain}-switch"


@dataclass(frozen=True)
class Switched:
    """How far a rotation has come, as remote/dkim_switch.py tells."""

    rotation: int
    phase: str
    """waiting: the next key is published, the former signs; signing: the next one does; revoked: it is the only one."""
    due: float
    """From when on the next step can be made; seconds since the epoch."""
    since: float
    """Since when the next key signs; 0 while it does not."""
    told: str
    """The moment that it was told to go by."""
    why: str = ""
    """What, but for time, keeps the next key from signing."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Switched":
        """What the script has printed."""
        return cls(
            rotation=told["rotation"],
            phase=told["phase"],
            due=told["due"],
            since=told["since"],
            told=told["told"],
            why=told["why"],
        )

    def sentence(self, domain: str) -> str:
        """What whoever deploys has to know; nothing where all is done."""
        key = f"DKIM key {self.rotation} of {domain}"
        match self.phase:
            case "waiting" if self.why:
                return f"{key} does not sign yet: {self.why}. Run pulumi up again"
            case "waiting":
                return f"{key} is published; it signs from {clock(self.due)} on: run pulumi up again then"
            case "signing":
                return f"{key} signs; the former key is revoked by the first pulumi up from {clock(self.due)} on"
        return ""


@dataclass(frozen=True)
class Rotation:
    """What this deploy does about the keys of one domain."""

    domain: str
    wanted: int
    """The rotation that is set, which is the generation of the key that signs in the end."""
    first: int
    """The generation of the key that Poste has made."""
    last: int | None
    """The rotation of the last deploy; None where there was none."""
    done: Switched | None
    """How far that one has come; None where it is not known, or where there is no former key."""
    now: float
    stands: Mapping[str, tuple[str, str]]
    """Names and texts of the DKIM records in the state, by the logical names of the resources."""

    @property
    def generations(self) -> tuple[int, ...]:
        """The keys that have a record, the newest first."""
        return (self.wanted,) if self.wanted <= self.first else (self.wanted, self.wanted - 1)

    @property
    def _current(self) -> Switched | None:
        return self.done if self.done and self.done.rotation == self.wanted else None

    @property
    def due(self) -> str:
        """The moment for which the next step was set, once it has come; until then what was said the last time."""
        found = self._current
        if found is None:
            return ""
        return found.told if found.phase == "revoked" or self.now < found.due else moment(found.due)

    @property
    def revokes(self) -> bool:
        """Whether the former key is revoked, by this deploy or an earlier one."""
        found = self._current
        return found is not None and (found.phase == "revoked" or (found.phase == "signing" and self.now >= found.due))

    @property
    def signs_since(self) -> float:
        """Since when the newest key signs, as the last deploy knew it; 0 if it did not."""
        return self._current.since if self._current else 0

    def refusal(self, setting: str) -> str:
        """Why the rotation that is set cannot be; empty where it can. `setting` is what sets it."""
        said, last = f"{setting} {self.wanted}", self.last
        if last is None or self.wanted == last:
            return ""
        if self.wanted < last:
            return (
                f"{said}: the DKIM key of {self.domain} was changed {_times(last)}, and one that was given up does not "
                f"come back. Expected {last}, or {last + 1} for a new one"
            )
        if last > self.first and not (self.done and (self.done.rotation, self.done.phase) == (last, "revoked")):
            return f"{said}: the former DKIM key of {self.domain} is not revoked yet. Expected {last} {self._until()}"
        if self.wanted > last + 1:
            return (
                f"{said}: it was {last} until now, and the DKIM key of {self.domain} changes once at a time. "
                f"Expected {last + 1}"
            )
        return ""

    def _until(self) -> str:
        """How long the rotation of the last deploy is to stay as it is."""
        found = self.done
        if found is None or found.rotation != self.last:
            return "until a deploy with it comes to its end"
        if found.phase == "signing":
            return f"until that is done, by the first pulumi up from {clock(found.due)} on"
        return (
            f"until that is done: key {self.last} can sign from {clock(found.due)} on, and {KEPT // 86400} days later "
            "the former one is revoked"
        )


def rotations(settings: Settings, state: Sequence[Held], now: float) -> dict[str, Rotation]:
    """The rotation of each domain; `now` is in seconds since the epoch."""
    return {
        domain.name: _rotation(domain.name, settings.rotation_of(domain), state, now) for domain in settings.domains
    }


def refusals(settings: Settings, found: Mapping[str, Rotation]) -> Iterator[str]:
    """A sentence for each rotation that cannot be. They name the setting, its value, and what would be right."""
    for index, domain in enumerate(settings.domains):
        setting = "dkimRotation" if domain.dkim_rotation is None else f"domains[{index}].dkimRotation"
        if said := found[domain.name].refusal(setting):
            yield said


def moment(seconds: float) -> str:
    """A time as the scripts on the server are told it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(seconds: float) -> str:
    """A time for people: the first whole minute that is not before it."""
    return f"{datetime.fromtimestamp(-(-seconds // 60) * 60, UTC):%Y-%m-%d %H:%M} UTC"


def _rotation(domain: str, wanted: int, state: Iterable[Held], now: float) -> Rotation:
    state = list(state)
    made, switched = _printed(state, key_command(domain)), _printed(state, switch_command(domain))
    stands = dict(_records(domain, state))
    published = {int(resource.removeprefix(record(domain, 0))[1:] or 0) for resource in stands}
    if made is not None:
        # An earlier version of the script knew one key only.
        first, last = made.get("first", 0), made.get("rotation", 0)
    else:
        # After a lost state, say, the records are all that there is to go by.
        first, last = min({*published, wanted}), max(published, default=None)
    return Rotation(domain, wanted, first, last, Switched.of(switched) if switched else None, now, stands)


def _records(domain: str, state: Iterable[Held]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The DKIM records of a domain: logical name, then name and text."""
    resource = re.compile(rf"{re.escape(record(domain, 0))}(-\d+)?")
    for made in made_records(state):
        if resource.fullmatch(made.resource):
            yield made.resource, (made.name, txt_value(made.content))


def _printed(state: Iterable[Held], command: str) -> dict[str, Any] | None:
    """What a command of the last deploy has printed: a JSON object; None where there is none."""
    for held in state:
        if held.type == COMMAND and held.name == command:
            try:
                found = json.loads(held.outputs.get("stdout") or "null")
            except ValueError:
                return None
            return found if isinstance(found, dict) else None
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
