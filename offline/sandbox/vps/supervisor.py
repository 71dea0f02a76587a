"""Starts, stops and restarts Debian's services on the VPS, and starts again those that die."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from offline.sandbox.vps.units import UNITS, Command, Unit

LOGS = Path("/var/log/services")
READY_SECONDS = 180
RESTART_PAUSE = 1.0


class UnitError(Exception):
    """A unit could not be brought into the state asked for."""


class Supervisor:
    """One lock guards all: requests come from the control socket's threads and from the boot."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._reached: set[str] = set()  # units without a daemon that are `active (exited)`
        LOGS.mkdir(parents=True, exist_ok=True)

    def is_active(self, unit: Unit) -> bool:
        return unit.name in (self._daemons if unit.daemon else self._reached)

    def start(self, unit: Unit) -> None:
        with self._lock:
            if self.is_active(unit):
                return
            if unit.check:
                self._call(unit, unit.check)
            if unit.daemon:
                self._spawn(unit)
            elif unit.start:
                self._call(unit, unit.start)
            self._reached.add(unit.name)
        self._await_ready(unit)

    def stop(self, unit: Unit) -> None:
        with self._lock:
            daemon = self._daemons.pop(unit.name, None)
            self._reached.discard(unit.name)
            if unit.stop:
                self._call(unit, unit.stop)
        if daemon is not None:
            daemon.terminate()
            try:
                daemon.wait(unit.stop_seconds)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def restart(self, unit: Unit) -> None:
        if unit.check:
            self._call(unit, unit.check)
        self.stop(unit)
        self.start(unit)

    def reload(self, unit: Unit) -> None:
        """SIGHUP for a daemon; a unit without one is started again (nftables loads its file anew)."""
        with self._lock:
            daemon = self._daemons.get(unit.name)
            if daemon is not None:
                daemon.send_signal(signal.SIGHUP)
            elif unit.start and self.is_active(unit):
                self._call(unit, unit.start)
            else:
                raise UnitError(f"{unit.name}.service is not active, cannot reload.")

    def stop_all(self) -> None:
        for unit in reversed(list(UNITS.values())):
            if unit.daemon:
                self.stop(unit)

    def _spawn(self, unit: Unit) -> None:
        daemon = subprocess.Popen(
            unit.daemon or (), stdin=subprocess.DEVNULL, stdout=self._log(unit), stderr=subprocess.STDOUT
        )
        self._daemons[unit.name] = daemon
        threading.Thread(target=self._watch, args=(unit, daemon), daemon=True).start()

    def _watch(self, unit: Unit, daemon: "subprocess.Popen[bytes]") -> None:
        daemon.wait()
        time.sleep(RESTART_PAUSE)
        with self._lock:
            if self._daemons.get(unit.name) is daemon:  # it died by itself
                self._spawn(unit)

    def _await_ready(self, unit: Unit) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while unit.ready and subprocess.run(unit.ready, capture_output=True, check=False).returncode != 0:
            if time.monotonic() > deadline or not self.is_active(unit):
                raise UnitError(f"{unit.name} did not become ready, see {LOGS / unit.name}.log")
            time.sleep(0.2)

    def _call(self, unit: Unit, command: Command) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnitError(f"{unit.name}: {' '.join(command)} failed: {done.stderr.strip()}")

    def _log(self, unit: Unit) -> int:
        return os.open(LOGS / f"{unit.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
