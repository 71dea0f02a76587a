"""A stand-in for systemctl, with the real one's words and exit statuses, for the units in `units`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.sandbox.vps import enabled
from offline.sandbox.vps.control import ask
from offline.sandbox.vps.unit_files import description, wanted_by
from offline.sandbox.vps.units import find, written

OPTIONS = {
    *("--", "--now", "--quiet", "-q", "--no-pager", "--no-block", "--no-ask-password", "--system", "--force", "-f"),
    *("--value", "--property", "-p"),
    *("--root", "--preset-mode"),  # what Debian's packages say when they enable their services
}
POWER = {"reboot", "poweroff", "halt"}
WITHOUT_UNITS = {"daemon-reload", "daemon-reexec", "is-system-running"} | POWER
CHANGES = {"start", "stop", "restart", "reload"}
SAME_AS = {"try-restart": "restart", "reload-or-restart": "restart", "force-reload": "reload"}

NO_SUCH_UNIT_FILE = 1
NOT_ACTIVE = 3
NO_SUCH_UNIT = 5
NO_SUCH_UNIT_STATUS = 4

NOT_LOADED = {"ActiveState": "inactive", "SubState": "dead", "Result": "success"}

NOT_INSTALLABLE = """\
The unit files have no installation config (WantedBy=, RequiredBy=, UpheldBy=,
Also=, or Alias= settings in the [Install] section, and DefaultInstance= for
template units). This means they are not meant to be enabled or disabled using systemctl."""


@dataclass(frozen=True)
class Request:
    """One call; `properties` are those that `show` tells, all when there are none."""

    verb: str
    now: bool
    quiet: bool
    wait: bool
    value: bool
    properties: Sequence[str]


def main(arguments: list[str]) -> int:
    properties, arguments = _take_properties(arguments)
    options = {word for word in arguments if word.startswith("-")}
    words = [word for word in arguments if not word.startswith("-")]
    for option in {word.partition("=")[0] for word in options} - OPTIONS:
        return _fail(1, f"systemctl: unrecognized option '{option}'")
    if not words:
        return _fail(1, "Too few arguments.")
    verb, names = SAME_AS.get(words[0], words[0]), words[1:]
    if verb in WITHOUT_UNITS:
        return _system(verb)
    if not names:
        return _fail(1, "Too few arguments.")
    request = Request(
        verb,
        now="--now" in options,
        quiet=bool(options & {"-q", "--quiet"}),
        wait="--no-block" not in options,
        value="--value" in options,
        properties=properties,
    )
    return max(_unit(request, name) for name in names)


def _take_properties(arguments: list[str]) -> tuple[Sequence[str], list[str]]:
    """The names after `-p` and `--property`, which may come in the next word, and the other arguments."""
    names: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in ("-p", "--property"):
            names += next(words, "").split(",")
        elif word.startswith(("-p", "--property=")):
            names += word.removeprefix("-p").removeprefix("--property=").split(",")
        else:
            rest.append(word)
    return names, rest


def _system(verb: str) -> int:
    if verb == "is-system-running":
        print("running")
    elif verb in POWER:
        return ask("reboot" if verb == "reboot" else "poweroff").code
    elif verb == "daemon-reload":
        return ask(verb).code
    return 0


def _unit(request: Request, name: str) -> int:
    full_name = name if "." in name else f"{name}.service"
    unit = find(name)
    file = unit.file if unit is not None else written(full_name)
    verb = request.verb
    if verb == "preset" and file is None:  # a unit that the stand-in does not run stays as it is
        return 0
    if verb in ("enable", "disable", "preset"):  # Debian's preset is to enable
        return _set_enabled("disable" if verb == "disable" else "enable", full_name, file, request)
    if verb in CHANGES:
        return _change(verb, full_name, file, request)
    if verb == "show":
        return _show(full_name, request)
    if verb in ("is-enabled", "is-active", "status"):
        text, status = _state(verb, full_name, unit.description if unit is not None else "", file)
        if not request.quiet:
            print(text)
        return status
    return _fail(1, f"Unknown command verb '{verb}'.")


def _set_enabled(verb: str, full_name: str, file: Path | None, request: Request) -> int:
    if file is None:
        return _fail(NO_SUCH_UNIT_FILE, f"Failed to {verb} unit: Unit {full_name} does not exist")
    links = enabled.enable(file) if verb == "enable" else enabled.disable(file)
    if written(full_name) == file:
        for link in links:
            _tell(f"Created symlink '{link}' → '{file}'." if verb == "enable" else f"Removed '{link}'.", request)
        if not wanted_by(file.read_text()):
            _tell(NOT_INSTALLABLE, request)
        ask("daemon-reload")
    return _change("start" if verb == "enable" else "stop", full_name, file, request) if request.now else 0


def _state(verb: str, full_name: str, what: str, file: Path | None) -> tuple[str, int]:
    if file is None:
        words = {"is-enabled": "not-found", "is-active": "inactive", "status": f"Unit {full_name} could not be found."}
        return words[verb], NO_SUCH_UNIT_STATUS
    if verb == "is-enabled":
        if enabled.is_enabled(file):
            return "enabled", 0
        return ("disabled", 1) if wanted_by(file.read_text()) else ("static", 0)
    properties = _properties(full_name)
    state, result = properties["ActiveState"], properties["Result"]
    if verb == "is-active":
        return state, 0 if state == "active" else NOT_ACTIVE
    detail = f"Result: {result}" if state == "failed" else properties["SubState"]
    text = f"{full_name} - {what or description(full_name, file.read_text())}\n     Active: {state} ({detail})"
    return text, NOT_ACTIVE if state in ("inactive", "failed") else 0


def _show(full_name: str, request: Request) -> int:
    """A property that a unit does not have is left out, as by the real one."""
    properties = _properties(full_name)
    for name in dict.fromkeys(request.properties or properties):
        if name in properties:
            print(properties[name] if request.value else f"{name}={properties[name]}")
    return 0


def _properties(full_name: str) -> Mapping[str, str]:
    answer = ask("show", full_name)
    return dict(json.loads(answer.text)) if answer.code == 0 else NOT_LOADED


def _change(verb: str, name: str, file: Path | None, request: Request) -> int:
    if file is None and verb != "stop":  # what runs can be stopped without its file
        return _fail(NO_SUCH_UNIT, f"Failed to {verb} {name}: Unit {name} not found.")
    answer = ask(verb, name, wait=request.wait)
    return _fail(answer.code, answer.text) if answer.code else 0


def _tell(message: str, request: Request) -> None:
    if not request.quiet:
        print(message, file=sys.stderr)


def _fail(status: int, message: str) -> int:
    print(message, file=sys.stderr)
    return status
