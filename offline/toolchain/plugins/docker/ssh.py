"""The Docker API through `ssh … docker system dial-stdio`, as the docker command line does it.

The system's own ssh is run, so `sshOpts` mean what they mean on a command line. Each HTTP connection is one ssh
process: its standard input and output are one end of a socket pair, the HTTP client holds the other end.
"""

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from docker.transport.basehttpadapter import BaseHTTPAdapter  # type: ignore[import-untyped]

LONGEST_STDERR = 4096

MOST_CONNECTIONS = 32
"""Kept open for further requests; the engine asks for that many operations at once at most."""


class SshDialer:
    """Opens connections to the Docker engine of a host; remembers what the last ssh process that failed has said."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.failure = ""
        self._ended = threading.Condition()
        self._running = 0

    def __call__(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            # In a session of its own ssh neither gets the terminal's Ctrl-C nor asks for a password there.
            process = subprocess.Popen(
                self.command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        with self._ended:
            self._running += 1
            self.failure = ""
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        return ours

    def complaint(self, patience: float = 2.0) -> str:
        """What a failing ssh has said; waits a moment for it to end, since its connection breaks before that."""
        with self._ended:
            self._ended.wait_for(lambda: self.failure or not self._running, timeout=patience)
            return self.failure

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        _, stderr = process.communicate()
        with self._ended:
            self._running -= 1
            if process.returncode:
                said = stderr.decode(errors="replace").strip()[-LONGEST_STDERR:]
                self.failure = f"ssh ended with status {process.returncode}: {said or 'no message'}"
            self._ended.notify_all()


class SshAdapter(BaseHTTPAdapter):  # type: ignore[misc]
    """Carries the requests of a Docker client over the connections of a dialer."""

    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__()
        self._pool = _Pool(dial)

    def get_connection(self, url: str, proxies: Any = None) -> urllib3.HTTPConnectionPool:  # noqa: ARG002
        """Called by requests for each request."""
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:  # noqa: ARG002
        """Called by requests; there is no proxy, so it is the path alone."""
        return str(request.path_url)


class _Pool(urllib3.HTTPConnectionPool):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("localhost", maxsize=MOST_CONNECTIONS)
        self._dial = dial

    def _new_conn(self) -> urllib3.connection.HTTPConnection:
        return _Connection(self._dial)


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        super().__init__("localhost")
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial()


def lead_elsewhere(options: Sequence[str]) -> bool:
    """Whether options of ssh have it connect to another host than the one it is given (ssh_config(5))."""
    settings = (option.removeprefix("-o").strip() for option in options)
    elsewhere = re.compile(r"(?i:hostname|proxyjump|proxycommand)[\s=]|-J|-F")
    return any(elsewhere.match(setting) for setting in settings)


def dial_command(host: str, options: Sequence[str]) -> list[str]:
    """The ssh command line for a host given as `ssh://[user@]host[:port][/path/of/docker.sock]`.

    Raises ValueError if the host cannot be one.
    """
    url = urlsplit(host)
    if not url.hostname:
        raise ValueError("the host name is empty")
    if url.password is not None:
        raise ValueError("a password in the address is not supported")
    if url.query or url.fragment:
        raise ValueError("query and fragment are not allowed")
    flags = list(options)
    if "ConnectTimeout" not in "".join(flags):
        flags.append("-o ConnectTimeout=30")
    if "-T" not in flags:
        flags.append("-T")
    user = ["-l", url.username] if url.username else []
    port = ["-p", str(url.port)] if url.port else []
    docker = f"docker --host=unix://{url.path}" if url.path.strip("/") else "docker"
    return ["ssh", *user, *port, *flags, "--", url.hostname, f"{docker} system dial-stdio"]
