"""Runs programs on the host and reports what is being done, with times."""

import subprocess
import sys
import threading
import time

_started = time.monotonic()
_printing = threading.Lock()


class HostError(Exception):
    """Something on the host prevents the sandbox from coming up; the message says what, and what would help."""


def say(text: str) -> None:
    """A progress line, with the seconds since the start."""
    with _printing:
        print(f"[{time.monotonic() - _started:6.1f} s] {text}", flush=True)


def run(*command: str, stdin: bytes | None = None) -> str:
    """Run a command and return its output; raises HostError with the end of what it said when it fails."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise HostError(f"'{command[0]}' is not installed") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-15:]
        raise HostError(f"'{' '.join(command[:6])}' failed:\n  " + "\n  ".join(said))
    return done.stdout.decode(errors="replace")


def succeeds(*command: str) -> bool:
    try:
        run(*command)
    except HostError:
        return False
    return True


def pipe(source: tuple[str, ...], sink: tuple[str, ...]) -> None:
    """Feed one command's output to another; raises HostError when either fails."""
    with subprocess.Popen(source, stdout=subprocess.PIPE) as writer:
        done = subprocess.run(sink, stdin=writer.stdout, stdout=subprocess.DEVNULL, check=False)
        if writer.stdout is not None:
            writer.stdout.close()
    if writer.returncode != 0 or done.returncode != 0:
        raise HostError(f"'{' '.join(source[:4])} | {' '.join(sink[:4])}' failed")


def fail(error: HostError) -> int:
    print(f"sandbox: {error}", file=sys.stderr)
    return 1
