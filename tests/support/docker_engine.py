"""A Docker engine of nothing but memory, behind the command `ssh … docker system dial-stdio`.

It keeps to what Docker's API 1.41 answers to the requests that the plugin makes; it runs no containers.
"""

import itertools
import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]

SSH = """#!{python} -S
import os, select, socket, sys
with open({calls!r}, "a") as calls:
    print(*sys.argv[1:], sep="\\t", file=calls)
engine = socket.socket(socket.AF_UNIX)
try:
    engine.connect({socket!r})
except OSError:
    sys.exit("ssh: connect to host: Connection refused")
while True:
    for ready in select.select([0, engine], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else engine.recv(65536)
        if not data:
            sys.exit()
        engine.sendall(data) if ready == 0 else os.write(1, data)
"""


CONFIG: Json = {"Domainname": "", "User": "", "WorkingDir": "", "Tty": False, "OpenStdin": False, "Env": ["PATH=/bin"]}
HOST: Json = {
    "IpcMode": "private",
    "Runtime": "runc",
    "ShmSize": 64 * 1024 * 1024,
    "CpusetCpus": "",
    "UsernsMode": "",
    **dict.fromkeys(("Memory", "MemoryReservation", "MemorySwap", "CpuShares"), 0),
    **dict.fromkeys(("AutoRemove", "ReadonlyRootfs", "Privileged", "PublishAllPorts"), False),
}
"""What Docker fills in that its client does not ask for."""


class DockerEngine:
    """Serves on a UNIX socket in `folder`, where it also puts the `ssh` that leads to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: dict[str, Json] = {}
        self.registry: dict[str, Json] = {}
        self.containers: dict[str, Json] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.fail: dict[str, str] = {}
        """Message by the last part of a path, for the requests that shall fail."""
        self._numbers = itertools.count(1)

    def __enter__(self) -> "DockerEngine":
        program = self.folder / "ssh"
        program.write_text(
            SSH.format(python=sys.executable, calls=str(self.folder / "calls"), socket=str(self.folder / "engine"))
        )
        program.chmod(0o755)
        handler = type("Handler", (_Handler,), {"engine": self})
        self._server = socketserver.ThreadingUnixStreamServer(str(self.folder / "engine"), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ssh_calls(self) -> list[list[str]]:
        """The arguments of each ssh process so far."""
        return [line.split("\t") for line in (self.folder / "calls").read_text().splitlines()]

    def asked(self, method: str, end: str) -> list[Any]:
        """Bodies, or else queries, of the requests whose path ends so."""
        return [sent for verb, path, sent in self.requests if verb == method and path.endswith(end)]

    def add_image(self, name: str, id_: str, *digests: str) -> None:
        self.images[name] = {"Id": id_, "RepoDigests": list(digests)}

    def answer(self, method: str, path: str, query: Json, body: Any) -> tuple[int, Any]:
        """Status and body for a request."""
        head, _, rest = path.strip("/").partition("/")
        if message := self.fail.get(path.rsplit("/", 1)[-1]):
            return 500, {"message": message}
        if head == "images":
            return self._images(method, rest, query)
        if head == "containers":
            return self._containers(method, rest, query, body)
        return 200, {"ApiVersion": "1.41"} if head == "version" else {}

    def _images(self, method: str, rest: str, query: Json) -> tuple[int, Any]:
        if rest == "create":
            name = f"{query['fromImage']}{'@' if query['tag'].startswith('sha256:') else ':'}{query['tag']}"
            if name not in self.registry:
                return 404, {"message": f"manifest for {name} not found"}
            self.images[name] = self.registry[name]
            return 200, {"status": "Pull complete"}
        name = rest.removesuffix("/json")
        if name not in self.images:
            return 404, {"message": f"No such image: {name}"}
        return 200, self.images.pop(name) if method == "DELETE" else self.images[name]

    def _containers(self, method: str, rest: str, query: Json, body: Any) -> tuple[int, Any]:
        if rest == "create":
            if any(container["Name"] == f"/{query['name']}" for container in self.containers.values()):
                return 409, {"message": f"Conflict. The container name /{query['name']} is already in use"}
            id_ = f"{next(self._numbers):064x}"
            self.containers[id_] = self._made(id_, query["name"], body)
            return 201, {"Id": id_}
        id_, _, action = rest.partition("/")
        if id_ not in self.containers:
            return 404, {"message": f"No such container: {id_}"}
        container = self.containers[id_]
        if method == "DELETE":
            return 204, self.containers.pop(id_) and None
        if action == "start":
            container["State"] |= {"Running": True}
        if action == "stop":
            container["State"] |= {"Running": False, "ExitCode": 137}
        if action == "update":
            container["HostConfig"] |= body
            return 200, {"Warnings": []}
        return (200, container) if action == "json" else (204, None)

    def _made(self, id_: str, name: str, body: Json) -> Json:
        host = HOST | body["HostConfig"]
        host["LogConfig"] = {**host["LogConfig"], "Type": host["LogConfig"]["Type"] or "json-file"}
        if host.get("Memory") and not host.get("MemorySwap"):
            host["MemorySwap"] = 2 * host["Memory"]
        network: Json = dict.fromkeys(("IPAddress", "Gateway", "GlobalIPv6Address", "IPv6Gateway", "MacAddress"), "")
        network |= {"IPPrefixLen": 16, "GlobalIPv6PrefixLen": 0}
        return {
            "Id": id_,
            "Name": f"/{name}",
            "Image": self.images[body["Image"]]["Id"],
            "Platform": "linux",
            "Config": CONFIG
            | {"Hostname": id_[:12], **self.images[body["Image"]].get("Config", {})}
            | {k: v for k, v in body.items() if k != "HostConfig"},
            "HostConfig": host,
            "State": {"Running": False, "ExitCode": 0},
            "NetworkSettings": {"Bridge": "", "Networks": {"bridge": network}, "Ports": host["PortBindings"]},
        }


class _Handler(BaseHTTPRequestHandler):
    engine: DockerEngine
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        url = urlsplit(unquote(self.path))
        path = url.path.split("/", 2)[2] if url.path.startswith("/v1.") else url.path
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if self.headers.get("Content-Type") == "application/json" and data else data
        self.engine.requests.append((self.command, path, body or query))
        status, answer = self.engine.answer(self.command, path, query, body)
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  (http.server looks these names up)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""
