"""The units that somebody wrote into /etc/systemd/system: services that run to their end, and timers that start them.

A file is read when its unit is first needed, and again after `reload`, as with `systemctl daemon-reload`.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

from offline.sandbox.vps import units
from offline.sandbox.vps.run import Outcome, Run
from offline.sandbox.vps.timers import LastRun, Moment, Timer
from offline.sandbox.vps.unit_files import BadSettingError, ServiceFile, TimerFile, service_file, timer_file

_CONTROL = {
    "exit-code": "the control process exited with error code",
    "signal": "a fatal signal was delivered to the control process",
    "timeout": "a timeout was exceeded",
}
_LONGEST_SLEEP = 3600.0

log = logging.getLogger("units")

_File = TypeVar("_File", ServiceFile, TimerFile)


class JobError(Exception):
    """What `systemctl` prints when a unit does not come into the state asked for; exit status 1."""


class NotLoadedError(Exception):
    """There is no such unit file."""


class Service:
    """A service's file and what became of it since the boot."""

    def __init__(self, file: ServiceFile) -> None:
        self.file = file
        self.run: Run | None = None  # while it runs
        self.outcome = Outcome()
        self.last_run = LastRun()


class WrittenUnits:
    """One lock guards all that is known; it is not held while commands run.

    `now` is the machine's clocks; `logs` takes one file for each service, `stamps` one for each persistent timer.
    """

    def __init__(self, now: Callable[[], Moment], logs: Path, stamps: Path) -> None:
        self._now = now
        self._logs = logs
        self._stamps = stamps
        self._changed = threading.Condition(threading.RLock())
        self._services: dict[str, Service] = {}
        self._timers: dict[str, Timer] = {}

    def reload(self) -> None:
        """Read all files anew. What runs goes on, and timers count on, by the new files; so does what has gone."""
        with self._changed:
            for name, service in list(self._services.items()):
                try:
                    service.file = _read(name, service_file)
                except (BadSettingError, NotLoadedError) as error:
                    log.warning("%s: %s", name, error)
                    if service.run is None:
                        del self._services[name]
            for name, timer in list(self._timers.items()):
                try:
                    file = _read(name, timer_file)
                    timer.reload(file, self._now(), self._last_run(file.service))
                except (BadSettingError, NotLoadedError) as error:
                    log.warning("%s: %s", name, error)
                    if not timer.active:
                        del self._timers[name]
            self._changed.notify_all()

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a timer, or a service: a oneshot to its end if `wait`. Raises NotLoadedError, JobError.

        One that runs goes on; one that is ending is started anew when it has ended.
        """
        try:
            if name.endswith(".timer"):
                self._start_timer(name)
                return
            with self._changed:
                service = self._service(name)
                if not wait and _is_ending(service):
                    threading.Thread(target=self._try, args=(name,), daemon=True).start()
                    return
                self._changed.wait_for(lambda: not _is_ending(service))
                run = self._launch(service)
        except BadSettingError as error:
            log.error("%s: %s", name, error)
            raise JobError(
                f"Failed to start {name}: Unit {name} has a bad unit file setting.\n"
                f"See system logs and 'systemctl status {name}' for details.\n({error})"
            ) from error
        if wait and service.file.oneshot:
            self._settle(service, run)
            outcome = run.outcome or Outcome()
            if run.stopped:
                raise JobError(f"Job for {name} canceled.")
            if outcome.result != "success":
                raise JobError(
                    f"Job for {name} failed because {_CONTROL[outcome.result]}.\n"
                    f'See "systemctl status {name}" and "{self._log(name)}" for details.'
                )

    def stop(self, name: str) -> None:
        """Stop a timer, whose service goes on, or a service. Raises NotLoadedError for a unit that is not there."""
        with self._changed:
            if name.endswith(".timer"):
                timer = self._timers.get(name)
                if timer is None:
                    _text(name)
                else:
                    timer.stop()
                self._changed.notify_all()
                return
            service = self._services.get(name)
            if service is None:
                _text(name)
                return
            run = service.run
            service.outcome = Outcome()
        if run is not None:
            run.stop()
            self._settle(service, run)

    def stop_all(self) -> None:
        """The timers, then the services."""
        for name in [*self._timers, *self._services]:
            self.stop(name)

    def properties(self, name: str) -> Mapping[str, str]:
        """What `systemctl show` tells, in its words. Raises NotLoadedError for a unit that is not there."""
        with self._changed:
            if name.endswith(".timer"):
                return self._timer_properties(name)
            service = self._services.get(name)
            if service is None:
                _text(name)
                service_state, outcome = ("inactive", "dead"), Outcome()
            else:
                service_state, outcome = _state(service), service.outcome
        return _properties(service_state, outcome.result) | {"ExecMainStatus": str(outcome.status)}

    def boot(self, enabled: Iterable[str]) -> None:
        """Start the timers among these units, then the services one after the other, by what they say of `After=`."""
        names = set(enabled)
        for name in sorted(name for name in names if name.endswith(".timer")):
            self._try(name)
        for name in _in_order({name: self._after(name) & names for name in names if name.endswith(".service")}):
            self._try(name)

    def run_timers(self) -> None:
        """Start for ever what timers are due to start."""
        with self._changed:
            while True:
                self._changed.wait(min(self.trigger_due(), _LONGEST_SLEEP))

    def trigger_due(self) -> float:
        """Start the services whose timers have elapsed; returns the seconds until the next one does."""
        with self._changed:
            for name, timer in self._timers.items():
                now = self._now()
                if timer.next_elapse is None or timer.next_elapse > now.uptime:
                    continue
                timer.trigger(now)
                if timer.file.persistent:
                    self._stamp(name).touch()
                try:
                    self._launch(self._service(timer.file.service))
                except (BadSettingError, NotLoadedError) as error:
                    log.error("%s: %s: %s", name, timer.file.service, error)
            waiting = [timer.next_elapse for timer in self._timers.values() if timer.next_elapse is not None]
            return max(0.0, min(waiting, default=float("inf")) - self._now().uptime)

    def _start_timer(self, name: str) -> None:
        with self._changed:
            timer = self._timers.get(name) or self._timers.setdefault(name, Timer(_read(name, timer_file)))
            if timer.active:
                return
            try:
                self._service(timer.file.service)
            except (BadSettingError, NotLoadedError) as error:
                log.error("%s: Refusing to start, unit %s to trigger not loaded: %s", name, timer.file.service, error)
                raise JobError(
                    f'Job for {name} failed.\nSee "systemctl status {name}" for details.\n'
                    f"(Refusing to start, unit {timer.file.service} to trigger not loaded.)"
                ) from error
            stamp = self._last_stamp(name) if timer.file.persistent else None
            timer.start(self._now(), stamp, self._last_run(timer.file.service))
            self._changed.notify_all()

    def _last_stamp(self, name: str) -> datetime | None:
        stamp = self._stamp(name)
        if stamp.exists():
            return datetime.fromtimestamp(stamp.stat().st_mtime, UTC)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        return None

    def _launch(self, service: Service) -> Run:
        """The service's run: the one that goes on, or a new one."""
        if service.run is not None:
            return service.run
        run = service.run = Run(service.file, self._log(service.file.name))
        service.last_run = LastRun(self._now().uptime, service.last_run.ended)
        service.outcome = Outcome()
        for timer in self._timers_of(service):
            if not timer.running:
                timer.plan(self._now(), service.last_run)
        self._changed.notify_all()
        threading.Thread(target=self._follow, args=(service, run), daemon=True).start()
        return run

    def _follow(self, service: Service, run: Run) -> None:
        run.execute()
        with self._changed:
            now = self._now()
            service.run = None
            service.outcome = run.outcome or Outcome()
            service.last_run = LastRun(service.last_run.began, now.uptime)
            for timer in self._timers_of(service):
                timer.plan(now, service.last_run)
            self._changed.notify_all()

    def _settle(self, service: Service, run: Run) -> None:
        """Wait until the run has ended and all that counts on it knows."""
        with self._changed:
            self._changed.wait_for(lambda: service.run is not run)

    def _timers_of(self, service: Service) -> Iterable[Timer]:
        return [timer for timer in self._timers.values() if timer.active and timer.file.service == service.file.name]

    def _service(self, name: str) -> Service:
        return self._services.get(name) or self._services.setdefault(name, Service(_read(name, service_file)))

    def _last_run(self, name: str) -> LastRun:
        return self._services[name].last_run if name in self._services else LastRun()

    def _after(self, name: str) -> set[str]:
        try:
            return set(self._service(name).file.after)
        except (BadSettingError, NotLoadedError):
            return set()

    def _try(self, name: str) -> None:
        try:
            self.start(name)
        except (JobError, NotLoadedError) as error:
            log.error("%s: %s", name, error)

    def _timer_properties(self, name: str) -> Mapping[str, str]:
        timer = self._timers.get(name)
        if timer is None:
            _text(name)
            return _properties(("inactive", "dead"), "success") | {"LastTriggerUSec": ""}
        sub_state = "dead"
        if timer.active:
            resting = "elapsed" if timer.next_elapse is None else "waiting"
            sub_state = "running" if timer.running else resting
        last = timer.last_trigger.clock.strftime("%a %Y-%m-%d %H:%M:%S UTC") if timer.last_trigger else ""
        state = "active" if timer.active else "inactive"
        return _properties((state, sub_state), "success") | {"LastTriggerUSec": last}

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.removesuffix('.service')}.log"

    def _stamp(self, name: str) -> Path:
        return self._stamps / f"stamp-{name}"


def _is_ending(service: Service) -> bool:
    return service.run is not None and service.run.in_aftermath


def _state(service: Service) -> tuple[str, str]:
    if service.run is not None:
        return ("activating", "start") if service.file.oneshot else ("active", "running")
    return ("inactive", "dead") if service.outcome.result == "success" else ("failed", "failed")


def _properties(state: tuple[str, str], result: str) -> dict[str, str]:
    return {"ActiveState": state[0], "SubState": state[1], "Result": result}


def _read(name: str, read: Callable[[str, str], _File]) -> _File:
    return read(name, _text(name))


def _text(name: str) -> str:
    file = units.written(name)
    if file is None:
        raise NotLoadedError(f"Unit {name} not found.")
    return file.read_text()


def _in_order(after: Mapping[str, set[str]]) -> Iterable[str]:
    try:
        return tuple(TopologicalSorter({name: sorted(after[name]) for name in sorted(after)}).static_order())
    except CycleError as error:
        log.error("Found ordering cycle: %s", " after ".join(error.args[1]))
        return sorted(after)
