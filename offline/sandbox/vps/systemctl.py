"""A stand-in for systemctl, with the real one's words and exit statuses, for the units in `units`."""

import sys

from offline.sandbox.vps import supervisor
from offline.sandbox.vps.control import ask
from offline.sandbox.vps.units import Unit, find

OPTIONS = {
    *("--", "--now", "--quiet", "-q", "--no-pager", "--no-block", "--no-ask-password", "--system", "--force", "-f"),
    *("--root", "--preset-mode"),  # what Debian's packages say when they enable their services
}
POWER = {"reboot", "poweroff", "halt"}
WITHOUT_UNITS = {"daemon-reload", "daemon-reexec", "is-system-running"} | POWER
CHANGES = {"start", "stop", "restart", "reload"}
SAME_AS = {"try-restart": "restart", "reload-or-restart": "restart", "force-reload": "reload"}

NO_SUCH_UNIT_FILE = 1
NO_SUCH_UNIT = 5
NO_SUCH_UNIT_STATUS = 4


def main(arguments: list[str]) -> int:
    options = {word for word in arguments if word.startswith("-")}
    words = [word for word in arguments if not word.startswith("-")]
    for option in {word.partition("=")[0] for word in options} - OPTIONS:
        return _fail(1, f"systemctl: unrecognized option '{option}'")
    if not words:
        return _fail(1, "Too few arguments.")
    verb, units = SAME_AS.get(words[0], words[0]), words[1:]
    quiet = bool(options & {"-q", "--quiet"})
    if verb in WITHOUT_UNITS:
        return _system(verb)
    if not units:
        return _fail(1, "Too few arguments.")
    statuses = [_unit(verb, unit, now="--now" in options, quiet=quiet) for unit in units]
    return max(statuses)


def _system(verb: str) -> int:
    if verb == "is-system-running":
        print("running")
    elif verb in POWER:
        return ask("reboot" if verb == "reboot" else "poweroff").code
    return 0


def _unit(verb: str, name: str, *, now: bool, quiet: bool) -> int:
    full_name = name if "." in name else f"{name}.service"
    unit = find(name)
    if verb == "preset":  # Debian's preset is to enable; a unit that the stand-in does not run stays as it is
        return _set_enabled("enable", full_name, unit, now=False) if unit else 0
    if verb in ("enable", "disable"):
        return _set_enabled(verb, full_name, unit, now=now)
    if verb in CHANGES:
        if unit is None:
            return _fail(NO_SUCH_UNIT, f"Failed to {verb} {full_name}: Unit {full_name} not found.")
        return _change(verb, full_name)
    if verb in ("is-enabled", "is-active", "status"):
        text, status = _state(verb, full_name, unit)
        if not quiet:
            print(text)
        return status
    return _fail(1, f"Unknown command verb '{verb}'.")


def _set_enabled(verb: str, full_name: str, unit: Unit | None, *, now: bool) -> int:
    if unit is None:
        return _fail(NO_SUCH_UNIT_FILE, f"Failed to {verb} unit: Unit {full_name} does not exist")
    if verb == "enable":
        supervisor.enable(unit)
    else:
        supervisor.disable(unit)
    return _change("start" if verb == "enable" else "stop", full_name) if now else 0


def _state(verb: str, full_name: str, unit: Unit | None) -> tuple[str, int]:
    if unit is None:
        words = {"is-enabled": "not-found", "is-active": "inactive", "status": f"Unit {full_name} could not be found."}
        return words[verb], NO_SUCH_UNIT_STATUS
    if verb == "is-enabled":
        return ("enabled", 0) if supervisor.is_enabled(unit) else ("disabled", 1)
    answer = ask("is-active", full_name)
    if verb == "is-active":
        return answer.text, answer.code
    return f"{full_name} - {unit.description}\n     Active: {answer.text}", answer.code


def _change(verb: str, name: str) -> int:
    answer = ask(verb, name)
    return _fail(answer.code, f"Job for {name} failed: {answer.text}") if answer.code else 0


def _fail(status: int, message: str) -> int:
    print(message, file=sys.stderr)
    return status
