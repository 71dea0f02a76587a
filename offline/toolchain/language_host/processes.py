"""The processes that the language host starts, so that none outlives it or the request that asked for it."""

import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_STOP = 5


class Processes:
    """Starts processes and stops those that run on request. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False

    @contextmanager
    def start(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        *,
        directory: Path | None = None,
        piped: bool = False,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start `command`; it is stopped when the block ends before it does. Unless `piped` it writes to our output."""
        output = subprocess.PIPE if piped else None
        with subprocess.Popen(command, env=variables, cwd=directory, stdout=output, stderr=output) as process:
            with self._lock:
                self._running.add(process)
                stopping = self._stopping
            try:
                if stopping:
                    stop(process)
                yield process
            finally:
                stop(process)
                with self._lock:
                    self._running.discard(process)

    def stop_all(self) -> None:
        """Stop what runs, and whatever is started from now on."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for process in running:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt `process`, so that it can end in order, and kill it if it has not ended some seconds later."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
