"""A wire to an API that can be cut: the last request is carried out, and its answer never comes back."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import serving

SECONDS = 60
PASSED_ON = ("Authorization", "Content-Type", "Accept")


@dataclass
class Scissors:
    """Cuts all wires that it holds once a request of a kind has been carried out, and never twice at the same."""

    at: re.Pattern[str] | None = None
    """What that request looks like; None if nothing is to be cut."""
    cut: threading.Event = field(default_factory=threading.Event)
    """Set as soon as it has been carried out."""
    moments: list[str] = field(default_factory=list)
    """The requests after which was cut: method, path, and type and name of what was asked for."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, at: str) -> None:
        """Cut after the next such request."""
        self.cut.clear()
        self.at = re.compile(at)

    def disarm(self) -> None:
        """Let everything pass."""
        self.at = None
        self.cut.clear()

    def passes(self, request: str) -> bool:
        """Whether the answer to a request that was carried out may go back."""
        with self._lock:
            if not self.cut.is_set() and self.at and self.at.search(request) and request not in self.moments:
                self.moments.append(request)
                self.cut.set()
            return not self.cut.is_set()


@contextmanager
def wire(port: int, scissors: Scissors) -> Iterator[int]:
    """A port on this machine that leads to another one."""

    class Handler(BaseHTTPRequestHandler):
        def carry(self) -> None:
            if scissors.cut.is_set():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            if not scissors.passes(" ".join((self.command, self.path, *_asked_for(body)))):
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = carry  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server):
        yield server.server_port


def _asked_for(body: bytes) -> list[str]:
    """Type and name in a request's body, as far as it has them."""
    asked = json.loads(body) if body else {}
    return [str(asked[key]) for key in ("type", "name") if key in asked]
