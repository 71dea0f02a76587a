"""An interpreter that has its libraries loaded already: each program that it is asked to run is a fork of one process.

The Pulumi SDKs take some five seconds of a processor to load, in every run of a program and again in its plugins, and a
test run starts hundreds of such processes. `WarmPython` loads the libraries once; `interpreter` is a program that takes
a command line of Python and has a fork of that process run it, with the caller's directory, environment and open files.
Nothing of this project is loaded before the fork, so each process runs the code that its own paths lead to.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

LIBRARIES = (
    *("pulumi", "pulumi_hcloud", "pulumi_cloudflare", "pulumi_docker", "pulumi_command", "pulumi.policy"),
    *("grpc", "grpc.aio", "pulumi.runtime.proto.language_pb2", "pulumi.runtime.proto.provider_pb2_grpc"),
    *("pulumi.provider.experimental.server", "pulumi.runtime.proto.errors_pb2", "pulumi.runtime.proto.status_pb2"),
    *("hcloud", "cloudflare", "cloudflare.types.dns", "cloudflare.types.zones", "docker", "asyncssh", "pydantic"),
    *("rich.console", "rich.table", "dns.asyncresolver", "yaml", "aiohttp", "httpx", "requests", "cryptography.x509"),
    *("importlib.metadata", "spf", "authres", "asyncio", "concurrent.futures", "unittest.mock", "logging.config"),
)

SECONDS_BETWEEN_LOOKS = 2.0
OPTIONS = ("-P", "-u", "-B", "-W")
"""Those that are understood here; with any other one, Python is run as it is."""

# Runs without any library, so that it takes milliseconds. What the other side does not understand, it runs itself.
CLIENT = """\
#!{python} -IS
import json, os, select, signal, socket, sys
arguments = sys.argv[1:]
if not arguments or (arguments[0].startswith("-") and arguments[0] not in {options!r}):
    os.execv({python!r}, [{python!r}, *arguments])
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
job = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(connection, [len(job).to_bytes(8, "big")], [0, 1, 2])
connection.sendall(job)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda received, frame: connection.send(bytes([received])))
parent, answer = os.getppid(), b""
while len(answer) < 4:
    # Of what an engine that was killed had started, nothing stays.
    if not select.select([connection], [], [], {seconds})[0]:
        if os.getppid() != parent:
            os._exit(70)
        continue
    part = connection.recv(4 - len(answer))
    if not part:
        os._exit(70)
    answer += part
status = int.from_bytes(answer, "big", signed=True)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class WarmPython:
    """The process with the libraries. `interpreter` calls it; `virtualenv` is a folder that has that as bin/python."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="warm-python-"))
        self.virtualenv = self._folder / "venv"
        self.interpreter = self.virtualenv / "bin" / "python"
        self.interpreter.parent.mkdir(parents=True)
        # For a Python that finds its packages by the name it was called by, whatever that name leads to.
        for name in ("lib", "pyvenv.cfg"):
            (self.virtualenv / name).symlink_to(Path(sys.prefix, name))
        address = str(self._folder / "socket")
        self.interpreter.write_text(
            CLIENT.format(
                python=sys.executable, address=address, seconds=SECONDS_BETWEEN_LOOKS, options=(*OPTIONS, "-c", "-m")
            )
        )
        self.interpreter.chmod(0o755)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        descriptor = self._listener.fileno()
        self._process = subprocess.Popen([sys.executable, __file__, str(descriptor)], pass_fds=[descriptor], cwd="/")

    def stop(self) -> None:
        """End the process; what it has started goes on to its own end."""
        self._listener.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)


@cache
def warm_python() -> WarmPython:
    """The one of this test run, from its first use to the run's end."""
    made = WarmPython()
    atexit.register(made.stop)
    return made


def main() -> None:
    """Load the libraries and fork for each caller. Returns in the forks alone, each of which runs one program."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    started_by = os.getppid()
    while True:
        # Whoever was killed could not stop us.
        while not select.select([listener], [], [], SECONDS_BETWEEN_LOOKS)[0]:
            if os.getppid() != started_by:
                return
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        listener.close()
        _attend(connection)
        return


def _attend(connection: socket.socket) -> None:
    """Have a child run the program, tell the caller how it ended, and end it if the caller is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _flags, _address = socket.recv_fds(connection, 8, 3)
    length, job = int.from_bytes(head, "big"), b""
    while len(job) < length:
        job += connection.recv(length - len(job))
    child = os.fork()
    if not child:
        connection.close()
        _become(files, *json.loads(job))
    for file in (*files, 0, 1, 2):
        os.close(file)
    caller, ended = connection.fileno(), os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([caller, ended], [], [])
        if ended in ready:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with contextlib.suppress(OSError):
                connection.sendall(status.to_bytes(4, "big", signed=True))
            os._exit(0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, (connection.recv(1) or bytes([signal.SIGKILL]))[0])


def _become(files: list[int], arguments: list[str], directory: str, environment: dict[str, str]) -> None:
    """Run a command line of Python in this process, as far as it is of the kinds that are started here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    safe_path = False
    while arguments[0] in OPTIONS:
        option = arguments.pop(0)
        safe_path |= option == "-P"
        if option == "-W":
            warnings.simplefilter(arguments.pop(0))  # type: ignore[arg-type]
    # sys.path[0] is the folder of this file, as of any script's.
    sys.path[:1] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    kind, *rest = arguments
    first = {"-c": "", "-m": directory}.get(kind, str(Path(kind).resolve().parent))
    if not safe_path:
        sys.path.insert(0, first)
    try:
        _run(kind, rest)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        status = 1
    # In order, but without taking apart what was loaded, which takes as long as many a program.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(kind: str, rest: list[str]) -> None:
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        module = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), module.__dict__)  # noqa: S102 - that is what -c means
    elif kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    main()
