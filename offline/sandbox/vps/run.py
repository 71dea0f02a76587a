"""One run of a service that a unit file describes: its commands one after the other, in an environment of their own."""

import contextlib
import math
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from offline.sandbox.vps.unit_files import PATH, Command, ServiceFile

NOT_EXECUTABLE = 203
"""systemd.exec(5), "Process Exit Codes": EXIT_EXEC."""

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `result` as in `systemctl show`; `status` is an exit status, or a signal's number."""

    result: str = "success"
    status: int = 0


class Run:
    """`outcome` is there once it has ended, `stopped` says that somebody wanted it to.

    `in_aftermath` says that its commands have ended, and only what comes afterwards still runs.
    """

    def __init__(self, service: ServiceFile, log: Path) -> None:
        self.outcome: Outcome | None = None
        self.stopped = False
        self.in_aftermath = False
        self._service = service
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()

    def execute(self) -> None:
        """Run to the end; the first command that fails is the last, but for those that come afterwards anyway."""
        with self._log.open("ab") as output:
            outcome = self._all(self._service.commands, output)
            # Who stops a service wants its end, whatever the commands made of the signal.
            outcome = Outcome("success", outcome.status) if self.stopped else outcome
            with self._lock:
                self.in_aftermath = True
            after = self._all(self._service.afterwards, output)
        self.outcome = after if outcome.result == "success" and after.result != "success" else outcome
        self._ended.set()

    def _all(self, commands: Sequence[Command], output: BinaryIO) -> Outcome:
        outcome = Outcome()
        for command in commands:
            outcome = self._call(command, output)
            harmless = command.may_fail and outcome.result in ("exit-code", "signal")
            if outcome.result != "success" and not harmless:
                break
            outcome = Outcome("success", outcome.status)
        return outcome

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        with self._lock:
            self.stopped = True
            if self._process is not None and not self.in_aftermath:
                _signal(self._process, signal.SIGTERM)
        if not self._ended.wait(STOP_SECONDS):
            with self._lock:
                if self._process is not None and not self.in_aftermath:
                    _signal(self._process, signal.SIGKILL)
        self._ended.wait()

    def _call(self, command: Command, output: BinaryIO) -> Outcome:
        with self._lock:
            if self.stopped and not self.in_aftermath:
                return Outcome("signal", signal.SIGTERM)
            if shutil.which(command.words[0], path=PATH) is None:
                output.write(f"{self._service.name}: {command.words[0]} is no program that can be run\n".encode())
                return Outcome("exit-code", NOT_EXECUTABLE)
            process = self._process = subprocess.Popen(
                ("nice", "-n", str(self._service.nice), *self._io_class(), *command.words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(self._service.environment),
                start_new_session=True,
            )
        try:
            status = process.wait(self._timeout())
        except subprocess.TimeoutExpired:
            return Outcome("timeout", abs(_end(process)))
        finally:
            with self._lock:
                self._process = None
                _signal(process, signal.SIGKILL)  # what it left behind goes with it
        return Outcome("signal", -status) if status < 0 else Outcome("exit-code" if status else "success", status)

    def _io_class(self) -> tuple[str, ...]:
        return () if self._service.io_class == "none" else ("ionice", "-t", "-c", self._service.io_class)

    def _timeout(self) -> float | None:
        return None if math.isinf(self._service.timeout) else self._service.timeout


def _end(process: "subprocess.Popen[bytes]") -> int:
    _signal(process, signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        return process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """To all of its session's first group: a program and the children that did not leave it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
