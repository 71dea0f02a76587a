"""A relay that wants a password, and a server whose Poste is told of it by remote/relay.py."""

import base64
import contextlib
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import remote_scripts
from tests.support.verify_world import make_certificate

HOST, USER, PASSWORD = "localhost", "club", "Relay;Pass=word 10"
INI = """; YOU MUST RESTART CONTAINER AFTER CHANGE
[server]
server_hostname = "mail.example.com"
; smtp_routes = "*:not.this.one;25"

[routing]
; comment of a person's
relay_hosts = ""

[srs]
srs_enabled = 0
"""
RUN = """
import json, os, pathlib
import exclusive, relay, services
told = json.loads(os.environ["TOLD"])
exclusive.LOCK = pathlib.Path.cwd() / "lock"
relay.TLS_AT_ONCE = told["at_once"]
services.STEADY, services.NAP, services.DEADLINE = 0, 0.05, 2
if told["cut"]:
    setattr(relay, told["cut"], lambda *arguments: os._exit(137))
relay.main()
"""
TOOLS = {
    "docker": """#!{python}
import os, sys
def here(text):
    for folder in ("/etc/cont-init.d/", "/run/s6/"):
        text = text.replace(folder, "{folder}" + folder)
    return text
arguments = list(map(here, sys.argv[3:]))
os.execvp(arguments[0], arguments)
""",
    "s6-svc": """#!/bin/sh
echo "$1 $(basename "$2")" >>"{folder}/calls"
""",
    "s6-svstat": """#!/bin/sh
if [ -e "{folder}/state" ]; then cat "{folder}/state"; else echo "up (pid 7) 0 seconds"; fi
""",
    # What it prints holds the password, as the real one may.
    "../etc/cont-init.d/20-apply-server-config": """#!/bin/sh
echo applied >>"{folder}/calls"
cat "{folder}/data/server.ini"
[ ! -e "{folder}/broken" ]
""",
}


@dataclass
class RelayServer:
    """How it answers, and who came."""

    tls: ssl.SSLContext
    at_once: bool = False
    """Whether it speaks TLS from the start."""
    offers_tls: bool = True
    methods: str = "PLAIN LOGIN"
    refuses: bool = False
    echoes: bool = False
    """Whether its refusal repeats the password, in clear and as it was sent."""
    code: int = 535
    """Of its refusal."""
    greeting: str = "220 relay ESMTP"
    came: list[str] = field(default_factory=list)
    """The names in EHLO, and the users who signed in."""

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Its port, for as long as the block lasts."""
        handler = type("Handler", (_Handler,), {"relay": self})
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()


class _Handler(socketserver.StreamRequestHandler):
    relay: RelayServer

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.relay.at_once:
                self._secure()
            self._say(self.relay.greeting)
            while (line := self.rfile.readline().decode().strip()) and self._reply(line):
                pass
        with contextlib.suppress(OSError):
            self.connection.close()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def _secure(self) -> None:
        self.connection = self.relay.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def _ask(self, prompt: str) -> str:
        self._say(f"334 {base64.b64encode(prompt.encode()).decode()}")
        return base64.b64decode(self.rfile.readline()).decode()

    def _reply(self, line: str) -> bool:
        verb, *words = line.split()
        encrypted = isinstance(self.connection, ssl.SSLSocket)
        match verb.upper():
            case "EHLO":
                self.relay.came.append(words[0])
                offers = f"AUTH {self.relay.methods}" if encrypted else "STARTTLS" if self.relay.offers_tls else "HELP"
                self._say("250-relay", f"250 {offers}")
            case "STARTTLS":
                self._say("220 go on")
                self._secure()
            case "AUTH":
                self._sign_in(words, encrypted)
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _sign_in(self, words: list[str], encrypted: bool) -> None:
        if words[0] == "PLAIN":
            _, user, password = base64.b64decode(words[1]).decode().split("\0")
        else:
            user = base64.b64decode(words[1]).decode() if words[1:] else self._ask("Username:")
            password = self._ask("Password:")
        if not encrypted or self.relay.refuses or (user, password) != (USER, PASSWORD):
            sent = [base64.b64encode(text.encode()).decode() for text in (f"\0{user}\0{password}", password)]
            self._say(f"{self.relay.code} no such account{f' {password} {sent}' if self.relay.echoes else ''}")
        else:
            self.relay.came.append(user)
            self._say("235 welcome")


@dataclass
class Done:
    """How the script ended."""

    status: int
    errors: str
    told: dict[str, Any]


@dataclass
class Sender:
    """The server that has a Poste and is to send through the relay."""

    folder: Path
    port: int = 0
    """The relay's, while it serves."""

    def __post_init__(self) -> None:
        for name in ("tools", "etc/cont-init.d", "data"):
            (self.folder / name).mkdir(parents=True)
        for name, text in TOOLS.items():
            tool = self.folder / "tools" / name
            tool.write_text(text.replace("{python}", sys.executable).replace("{folder}", str(self.folder)))
            tool.chmod(0o755)
        self.settings.write_text(INI)
        self.settings.chmod(0o660)
        (self.folder / "calls").touch()
        self.relay = RelayServer(make_certificate(self.folder, [HOST]))

    @property
    def settings(self) -> Path:
        return self.folder / "data/server.ini"

    @property
    def text(self) -> str:
        """Poste's settings."""
        return self.settings.read_text()

    @property
    def calls(self) -> list[str]:
        """What became of Poste's services."""
        return (self.folder / "calls").read_text().splitlines()

    def forget(self) -> None:
        """Forget what became of them, and who came to the relay."""
        (self.folder / "calls").write_text("")
        self.relay.came.clear()

    def run(
        self,
        *arguments: str,
        password: str = PASSWORD,
        host: str = HOST,
        port: int = 0,
        at_once: bool | None = None,
        cut: str = "",
    ) -> Done:
        """Run remote/relay.py against the relay, or another place; `at_once` is whether TLS is expected there from the
        start, if not as the relay speaks it, `cut` the function in which it is killed.
        """
        place = {"host": host, "port": port or self.port, "user": USER, "password": password}
        request = {
            "container": "poste", "data": str(self.folder / "data"), "folder": str(self.folder / "relay"),
            "host": "mail.example.com", "relay": place, "route": f"*:{host};{place['port']}|{USER}|{password}",
        }  # fmt: skip
        at_once = self.relay.at_once if at_once is None else at_once
        told = {"at_once": place["port"] if at_once else 0, "cut": cut}
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            cwd=self.folder, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=60,
            env=os.environ | {
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}", "TOLD": json.dumps(told),
                "PYTHONPATH": str(remote_scripts.SOURCE), "SSL_CERT_FILE": str(self.folder / f"{HOST}90.pem"),
            },
        )  # fmt: skip
        for text in (f"\0{USER}\0{password}", password):
            assert base64.b64encode(text.encode()).decode() not in done.stdout + done.stderr
        assert password not in done.stdout + done.stderr
        return Done(done.returncode, done.stderr, json.loads(done.stdout) if done.stdout else {})
