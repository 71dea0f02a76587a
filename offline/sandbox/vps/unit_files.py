"""Reads service and timer files as systemd does: systemd.syntax(7), systemd.service(5), systemd.timer(5).

What the stand-in does not do, and what would run otherwise without it, is refused; limits and hardening are ignored.
"""

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from offline.sandbox.vps.times import Calendar, calendar, span

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
"""The search path of services; systemd.exec(5), "Environment Variables in Spawned Processes"."""

Sections = Mapping[str, Mapping[str, Sequence[str]]]
"""By section and setting, the values in the order of the file."""

_REFUSED = {
    "Unit": re.compile("(Condition|Assert).*"),
    "Service": re.compile(
        "Exec(Condition|StartPre|StartPost|Stop)|User|Group|DynamicUser|EnvironmentFile|PassEnvironment|"
        "WorkingDirectory|Root.*|.*Directory|Restart|RemainAfterExit|SuccessExitStatus|Standard(Input|Output|Error)"
    ),
    "Timer": re.compile("OnStartupSec|OnClockChange|OnTimezoneChange|FixedRandomDelay|RemainAfterElapse"),
}
_IO_CLASSES = {"0": "none", "1": "realtime", "2": "best-effort", "3": "idle"}
_YES = ("1", "yes", "y", "true", "t", "on")
_NO = ("0", "no", "n", "false", "f", "off")

_Value = TypeVar("_Value")


class BadSettingError(Exception):
    """A setting that systemd would refuse, or that the stand-in does not have."""


@dataclass(frozen=True)
class Command:
    """A program with its arguments; `-` before it in the file says that its failure doesn't matter."""

    words: Sequence[str]
    may_fail: bool = False


@dataclass(frozen=True)
class ServiceFile:
    """`timeout` is in seconds, for each command; a service that is not `oneshot` is up once its command runs.

    `afterwards` is what is run when the service has ended, however that was (ExecStopPost=).
    """

    name: str
    description: str
    after: Sequence[str]
    oneshot: bool
    commands: Sequence[Command]
    afterwards: Sequence[Command]
    environment: Mapping[str, str]
    nice: int
    io_class: str
    timeout: float


class Base(Enum):
    """What a timer's span counts from, by the name of its setting."""

    BOOT = "OnBootSec"
    ACTIVE = "OnActiveSec"
    UNIT_ACTIVE = "OnUnitActiveSec"
    UNIT_INACTIVE = "OnUnitInactiveSec"


@dataclass(frozen=True)
class TimerFile:
    """When a timer starts which service; spans and the delay are in seconds."""

    name: str
    description: str
    service: str
    spans: Sequence[tuple[Base, float]]
    events: Sequence[Calendar]
    randomized_delay: float
    persistent: bool


def parse(text: str) -> Sections:
    """The settings of a unit file. An empty value takes back what was set before, as for all lists in systemd."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in _logical_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        if equals:
            values = section.setdefault(key.strip(), [])
            values.append(value.strip())
            if not values[-1]:
                values.clear()
    return sections


def _logical_lines(text: str) -> Sequence[str]:
    """The lines without comments, those that end in a backslash joined with the next."""
    lines: list[str] = []
    continued = False
    for physical in text.splitlines():
        line = physical.strip()
        if line.startswith(("#", ";")) or not (line or continued):
            continue
        if continued:
            lines[-1] += line.removesuffix("\\")
        else:
            lines.append(line.removesuffix("\\"))
        continued = line.endswith("\\")
        if continued:
            lines[-1] = lines[-1].rstrip() + " "
    return lines


def wanted_by(text: str) -> Sequence[str]:
    """The targets in which the unit is started when it is enabled; systemd.unit(5), "[Install]"."""
    return [target for line in parse(text).get("Install", {}).get("WantedBy", ()) for target in line.split()]


def description(name: str, text: str) -> str:
    """What the unit calls itself, else its name."""
    return _last(parse(text), "Unit", "Description", str, name)


def service_file(name: str, text: str) -> ServiceFile:
    """The file of the service `name` (with `.service`); raises BadSettingError."""
    sections = _checked(text)
    kind = _last(sections, "Service", "Type", str, "simple")
    if kind not in ("oneshot", "simple", "exec"):
        raise BadSettingError(f"Type={kind}: the sandbox runs oneshot and simple services")
    oneshot = kind == "oneshot"
    lines = sections.get("Service", {})
    environment = {"PATH": PATH, "LANG": "C.UTF-8"} | _environment(name, lines.get("Environment", ()))
    commands, afterwards = (
        [_command(name, key, line, environment) for line in lines.get(key, ())] for key in ("ExecStart", "ExecStopPost")
    )
    if not commands or (not oneshot and len(commands) > 1):
        raise BadSettingError(
            "Service has no ExecStart=" if not commands else "only oneshot services may have many ExecStart="
        )
    return ServiceFile(
        name=name,
        description=description(name, text),
        after=[unit for line in sections.get("Unit", {}).get("After", ()) for unit in line.split()],
        oneshot=oneshot,
        commands=commands,
        afterwards=afterwards,
        environment=environment,
        nice=_last(sections, "Service", "Nice", int, 0),
        io_class=_last(sections, "Service", "IOSchedulingClass", _io_class, "none"),
        timeout=_last(sections, "Service", "TimeoutStartSec", span, math.inf) or math.inf if oneshot else math.inf,
    )


def timer_file(name: str, text: str) -> TimerFile:
    """The file of the timer `name` (with `.timer`); raises BadSettingError."""
    sections = _checked(text)
    lines = sections.get("Timer", {})
    spans = [(base, _read(base.value, span, value)) for base in Base for value in lines.get(base.value, ())]
    events = [_read("OnCalendar", calendar, value) for value in lines.get("OnCalendar", ())]
    if not spans and not events:
        raise BadSettingError("Timer unit lacks value setting")
    _last(sections, "Timer", "AccuracySec", span, 60.0)  # read, but no timer is late here
    return TimerFile(
        name=name,
        description=description(name, text),
        service=_last(sections, "Timer", "Unit", str, name.removesuffix(".timer") + ".service"),
        spans=spans,
        events=events,
        randomized_delay=_last(sections, "Timer", "RandomizedDelaySec", span, 0.0),
        persistent=_last(sections, "Timer", "Persistent", _truth, False),
    )


def _checked(text: str) -> Sections:
    sections = parse(text)
    for section, refused in _REFUSED.items():
        for key in sections.get(section, {}):
            if refused.fullmatch(key):
                raise BadSettingError(f"{key}=: the sandbox does not have this setting")
    return sections


def _last(sections: Sections, section: str, key: str, read: Callable[[str], _Value], default: _Value) -> _Value:
    values = sections.get(section, {}).get(key)
    return _read(key, read, values[-1]) if values else default


def _read(key: str, read: Callable[[str], _Value], value: str) -> _Value:
    try:
        return read(value)
    except ValueError as error:
        raise BadSettingError(f"{key}={value}: {error}") from error


def _truth(value: str) -> bool:
    if value.lower() not in _YES + _NO:
        raise ValueError("neither yes nor no")
    return value.lower() in _YES


def _io_class(value: str) -> str:
    name = _IO_CLASSES.get(value, value)
    if name not in _IO_CLASSES.values():
        raise ValueError("no such class")
    return name


def _environment(name: str, lines: Sequence[str]) -> dict[str, str]:
    words = [word for line in lines for word in _words("Environment", name, line)]
    pairs = [word.partition("=") for word in words]
    return {variable: value for variable, equals, value in pairs if equals}


def _command(name: str, key: str, line: str, environment: Mapping[str, str]) -> Command:
    """Words and variables of a line of `key`; systemd.service(5), "Command lines". `+` and `!` say nothing for root."""
    program = line.lstrip("-+!:")
    prefixes = line[: len(line) - len(program)]
    first, *rest = _words(key, name, program) or [""]
    if not first or first.startswith(("@", "|")) or ";" in rest:
        raise BadSettingError(f"{key}={line}: no command that the sandbox can run")
    if ":" not in prefixes:
        rest = [expanded for word in rest for expanded in _expand(word, environment)]
    return Command((first, *rest), may_fail="-" in prefixes)


def _words(key: str, name: str, line: str) -> Sequence[str]:
    return [_specifiers(key, name, word) for word in _read(key, shlex.split, line)]


def _specifiers(key: str, name: str, word: str) -> str:
    known = {"%%": "%", "%n": name, "%N": name.rpartition(".")[0]}

    def replace(found: "re.Match[str]") -> str:
        if found[0] not in known:
            raise BadSettingError(
                f"{key}=: the sandbox does not have the specifier {found[0]}; a plain % is written %%"
            )
        return known[found[0]]

    return re.sub(r"%.?", replace, word)


def _expand(word: str, environment: Mapping[str, str]) -> Sequence[str]:
    """`$NAME` as a word of its own becomes the words of its value; `${NAME}` anywhere becomes its value."""
    if re.fullmatch(r"\$[A-Za-z_]\w*", word):
        return environment.get(word[1:], "").split()
    return [re.sub(r"\$\$|\$\{(\w+)\}", lambda found: environment.get(found[1], "") if found[1] else "$", word)]
