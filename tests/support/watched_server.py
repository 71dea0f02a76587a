"""A server that remote/watch.py looks after: Poste's data, engine, API and ports, its name servers, and who is told."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from components import remote_scripts
from model.watch import Watch
from tests.support.dkim_server import rsa, write_key
from tests.support.engine_socket import Engine
from tests.support.name_servers import NameServer, patience, serving_names
from tests.support.poste_api import PosteApi, serving_api
from tests.support.verify_world import make_certificate

HOST, DOMAIN, SECOND = "mail.example.com", "example.com", "example.org"
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
SELECTOR = "s20261125123"
IMAGE = "analogic/poste.io:2.5.11"
NAME_SERVERS = {"ns1.other.net": "127.0.0.1", "ns2.other.net": "127.0.0.2"}
SERVICES = ("dovecot", "haraka-submission", "nginx")

RUN = """
import json, os, pathlib, sys
import administrator, engine, name_servers, served, units, watch, watch_looks, watch_request, watch_tell
here, told = pathlib.Path.cwd(), json.loads(os.environ["TOLD"])
engine.SOCKET, administrator.FILE = str(here / "engine"), here / "administrator.json"
name_servers.PORT, name_servers.RESOLVERS = told["dns"], here / "resolv.conf"
units.FOLDER, watch_request.FOLDER, watch_looks.MEMORY = here / "units", here / "etc/watch", here / "meminfo"
watch_request.SHOWN = told["ports"]
watch_tell.ANSWER, watch_tell.NAP, watch_tell.ALL = told["answer"], 0, 60
watch.LOOK = watch_looks.PATIENCE = told["patience"]
watch.main()
"""
TOOLS = {
    "docker": """#!{python}
import os, sys
def here(text):
    for folder, place in (("/data/", "/volume/data/"), ("/opt/", "/opt/"), ("/run/s6/", "/run/s6/")):
        text = text.replace(folder, "{folder}" + place)
    return text
if os.path.exists("{folder}/away"):
    sys.exit("Error response from daemon: container is not running")
arguments = list(map(here, sys.argv[3:]))
os.execvp(arguments[0], arguments)
""",
    "s6-svstat": """#!/bin/sh
cat "{folder}/run/s6/services/$(basename "$1")/stat"
""",
    "systemctl": '#!/bin/sh\necho $* >>"{folder}/systemd"\n',
}


@dataclass
class Receiver:
    """Somebody who is told by HTTPS."""

    got: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Method, path, title and body of each request."""
    callers: set[str] = field(default_factory=set)
    """What they call themselves (User-Agent)."""
    status: int = 200
    silent: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    """Set when nobody is there any more whom it lets wait."""
    broken: bool = False
    """Whether it says something that is no answer of HTTP."""

    def take(self) -> list[tuple[str, str, str, str]]:
        """What it got since it was asked last."""
        got, self.got = self.got, []
        return got


@cache
def key_of(_domain: str) -> dict[str, str]:
    """A domain's DKIM key, which takes its time to be made."""
    return rsa()


@dataclass
class WatchedServer:
    """What each round sees is in its hands."""

    folder: Path
    thresholds: dict[str, int] = field(default_factory=lambda: Watch().model_dump() | {"memory_megabytes": 50})
    patience: float = 60
    """Seconds for all looks."""
    names: dict[str, NameServer] = field(
        default_factory=lambda: {address: NameServer() for address in NAME_SERVERS.values()}
    )
    receiver: Receiver = field(default_factory=Receiver)
    heartbeat: dict[str, str | None] = field(default_factory=dict)
    """The paths of the channels at the receiver; all three unless some are told."""
    backup: bool = True
    certificate: bool = True
    closed: set[str] = field(default_factory=set)
    """The services whose ports are shut."""
    days: float = 60
    lifetime: float = 100
    """Of the certificate; in days."""
    trusts: bool = True
    """Whether it knows who signed the receiver's certificate."""
    is_deployed: bool = True
    engine_answers: bool = True

    def __post_init__(self) -> None:
        # The same in each round, since alarms name them, and addresses are known by them; nobody else's in between.
        self.listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in ("imaps", "submissions", "receiver")}
        for name in ("tools", "units", "etc", "tls", "volume/data/queue", "volume/certificates", "volume/backup"):
            (self.folder / name).mkdir(parents=True)
        for name, text in TOOLS.items():
            tool = self.folder / "tools" / name
            tool.write_text(text.replace("{python}", sys.executable).replace("{folder}", str(self.folder)))
            tool.chmod(0o755)
        for name in SERVICES:
            self.service(name, "up (pid 7) 100 seconds")
        self.service("clamd", "down (exitcode 0) 90 seconds")
        (self.folder / "administrator.json").write_text(json.dumps({"address": ANN, "password": "Ann's-Rule-14"}))
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        self.memory(900)
        self.engine = Engine(images={"sha256:1": [IMAGE]})
        self.engine.run("poste", "sha256:1")
        self.container(Status="running", Health={"Status": "healthy"})
        self.api = PosteApi(domains={DOMAIN: {"name": DOMAIN}, SECOND: {"name": SECOND}})
        for address in (ANN, BOB):
            self.api.add(address)
        self.api.add(f"all@{DOMAIN}", redirect_to=[ANN])
        self.keys = {}
        for domain in (DOMAIN, SECOND):
            self.keys[domain] = key_of(domain)
            folder = self.data / "domains" / domain
            folder.mkdir(parents=True)
            write_key(folder, SELECTOR, self.keys[domain]["private"], self.keys[domain]["public"])
        for server in self.names.values():
            server.records = {
                **{(domain, "NS"): [f"{name}." for name in NAME_SERVERS] for domain in (DOMAIN, SECOND)},
                **{(name, "A"): [address] for name, address in NAME_SERVERS.items()},
            }
        for domain in (DOMAIN, SECOND):
            self.publish(domain, self.keys[domain]["public"])
        now = time.time()
        self.note("backup", "status", result="done", last_good={"at": now - 3600, "size": 1842033664})
        self.note("backup", "drill", at=now - 86400, result="done")
        day = 86400
        self.note(
            "certificates",
            "status",
            tried=now - 60,
            result="current",
            error="",
            begins=now - 30 * day,
            ends=now + 60 * day,
        )

    def close(self) -> None:
        """Give its ports up."""
        for listener in self.listeners.values():
            listener.close()

    @property
    def data(self) -> Path:
        return self.folder / "volume/data"

    def service(self, name: str, state: str) -> None:
        """What the supervisor says of one of Poste's services."""
        folder = self.folder / "run/s6/services" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stat").write_text(f"{state}\n")

    def container(self, restarts: int = 0, **state: Any) -> None:
        """What the engine says of the container."""
        (box,) = self.engine.containers
        box["State"] = {"StartedAt": "2026-11-25T05:50:36.123456789Z", "Running": True, "Restarting": False} | state
        box["RestartCount"] = restarts
        away = self.folder / "away"
        away.unlink(missing_ok=True)
        if not box["State"]["Running"]:
            away.touch()

    def docker(self, *, answers: bool) -> None:
        """Whether there is an engine; without one, nothing inside answers, and no port."""
        self.engine_answers = answers
        self.closed = set() if answers else {"dovecot", "haraka-submission"}
        away = self.folder / "away"
        away.unlink(missing_ok=True) if answers else away.touch()

    def memory(self, megabytes: int) -> None:
        """How much is free for programs."""
        text = f"MemTotal: 4000000 kB\nMemFree: 1 kB\nMemAvailable: {megabytes * 1024} kB\n"
        (self.folder / "meminfo").write_text(text)

    def publish(self, domain: str, public: str) -> None:
        """Have all name servers serve a DKIM key."""
        text = "".join(line for line in public.splitlines() if "-----" not in line)
        parts = " ".join(f'"{part}"' for part in ("v=DKIM1; k=rsa; p=", text[:200], text[200:]))
        for server in self.names.values():
            server.records[f"{SELECTOR}._domainkey.{domain}", "TXT"] = [parts]

    def note(self, folder: str, name: str, **what: Any) -> None:
        """What another script has noted on the volume."""
        (self.folder / "volume" / folder / f"{name}.json").write_text(json.dumps(what))

    def waits(self, minutes: float = 0) -> None:
        """Another message is in the queue, for so long."""
        came = int((time.time() - minutes * 60) * 1000)
        number = len(list((self.data / "queue").iterdir()))
        (self.data / "queue" / f"{came}_{came + 64000}_{number}_77_ab_1_mail.example.com").write_text("")

    def sent(self, address: str, number: int) -> None:
        """What a mailbox has sent today, its domain's sum with it."""
        self.api.stats[address] = {"2026-11-27": {"in": 1, "out": 40}, "2026-11-28": {"in": 2, "out": number}}
        self.api.stats[address.rpartition("@")[2]] = self.api.stats[address]

    @contextmanager
    def _world(self) -> Iterator[dict[str, Any]]:
        with ExitStack() as stack:
            tls = make_certificate(self.folder / "tls", ["localhost"])
            served = make_certificate(self.folder / "tls", [HOST], self.days, self.lifetime)
            told = type("Told", (_Told,), {"receiver": self.receiver})
            receiver = stack.enter_context(_https(tls, told, self.listeners["receiver"]))
            self.receiver.over.clear()
            stack.callback(self.receiver.over.set)
            ports = {
                name: stack.enter_context(_https(served, BaseHTTPRequestHandler, self.listeners[name]))
                for name in ("imaps", "submissions")
            }
            url = stack.enter_context(serving_api(self.api))
            if self.engine_answers:
                stack.enter_context(self.engine.serving(self.folder / "engine"))
            dns = stack.enter_context(serving_names(self.names))
            paths = self.heartbeat or {"url": "/ping/0f6b", "ntfy": "/topic-of-ours", "webhook": "/hook/77"}
            yield {
                "url": url, "dns": dns, "ports": ports,
                "heartbeat": {
                    name: path and urljoin(f"https://localhost:{receiver}", path) for name, path in paths.items()
                },
            }  # fmt: skip

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script; it is told, or knows from before, how things are now."""
        with self._world() as world:
            shut = {"imaps": "dovecot", "submissions": "haraka-submission"}
            numbers = {name: 1 if shut[name] in self.closed else port for name, port in world["ports"].items()}
            request = {
                "data": str(self.data), "container": "poste", "host": HOST, "url": world["url"],
                "domains": [{"name": DOMAIN}, {"name": SECOND}], "off": [], "thresholds": self.thresholds,
                "ports": [{"number": numbers[name], "service": name, "security": "TLS"} for name in numbers],
                "backup": self.backup, "certificate": self.certificate, "heartbeat": world["heartbeat"],
            }  # fmt: skip
            told = {
                "dns": world["dns"], "ports": list(numbers.values()), "patience": self.patience,
                # Who is there is waited for, however busy this machine is.
                "answer": 0.5 if self.receiver.silent else 20,
            }  # fmt: skip
            environment = os.environ | {
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(remote_scripts.SOURCE),
                "SSL_CERT_FILE": str(self.folder / ("tls/localhost90.pem" if self.trusts else "no-such-file")),
                "TOLD": json.dumps(told),
            }
            if arguments and self.is_deployed:
                kept = self.folder / "etc/watch"
                kept.mkdir(exist_ok=True)
                (kept / "request.json").write_text(json.dumps(request))
            return subprocess.run(
                [sys.executable, "-c", patience(self.names) + RUN, *arguments],
                cwd=self.folder,
                input=json.dumps(request),
                capture_output=True,
                text=True,
                check=False,
                timeout=110,
                env=environment,
            )

    def round(self) -> dict[str, Any]:
        """One round; the status that it leaves."""
        done = self.call("run")
        assert done.returncode == 0, done.stderr
        return self.status

    def show(self) -> dict[str, Any]:
        """What is shown to a person."""
        done = self.call("show")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "volume/watch/status.json").read_text())
        return found

    def later(self, seconds: float) -> None:
        """Have all that the watch has noted be so much older."""
        file = self.folder / "etc/watch/state.json"
        state = json.loads(file.read_text())
        state["began"] -= seconds
        state["counts"]["at"] -= seconds
        state["counts"]["sent"] = [[at - seconds, *rest] for at, *rest in state["counts"]["sent"]]
        state["starts"]["moments"] = [at - seconds for at in state["starts"]["moments"]]
        state["hour"] |= {"began": state["hour"]["began"] - seconds} if state["hour"] else {}
        for known in state["known"].values():
            known["first"] -= seconds
        file.write_text(json.dumps(state))


class _Told(BaseHTTPRequestHandler):
    receiver: Receiver

    def _take(self) -> None:
        if self.receiver.silent:
            self.receiver.over.wait()
            return
        if self.receiver.broken:
            self.wfile.write(b"220 mail.example.com ESMTP\r\n")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.receiver.callers.add(self.headers.get("User-Agent", ""))
        self.receiver.got.append((self.command, self.path, self.headers.get("Title", ""), body))
        self.send_response(200 if self.path == "/elsewhere" else self.receiver.status)
        self.send_header("Content-Length", "0")
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST = _take  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def _https(tls: ssl.SSLContext, handler: type[BaseHTTPRequestHandler], listener: socket.socket) -> Iterator[int]:
    """The port of a server on loopback that speaks TLS from the start; who does not trust it may leave unheard.

    It answers for who listens already, and goes on listening afterwards.
    """

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Nothing on standard error."""

    with Server(listener.getsockname(), handler, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = tls.wrap_socket(listener.dup(), server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.shutdown()
            thread.join()
