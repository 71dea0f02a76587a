"""The Docker engine's API on a socket, as the scripts on the server ask it: containers with a name, that run or do not.

Images run nothing; what a container's start does to the world is a function's.
"""

import itertools
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]


@dataclass
class Engine:
    """What it has, and what it was asked to change."""

    images: dict[str, list[str]] = field(default_factory=dict)
    """Tags by id."""
    containers: list[Json] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    """Verb and container's name."""
    started: Callable[[Json], None] = lambda _: None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, name: str, image: str, **labels: str) -> Json:
        """Have a container that runs, as the program makes it."""
        config = {"Hostname": "mail.example.com", "Env": ["TZ=UTC"], "Image": image, "Labels": labels}
        host = {"NetworkMode": "host", "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}
        found = self._make(name, config, host)
        self.start(found)
        return found

    def named(self, name: str) -> Json | None:
        """The container with a name or id."""
        return next((found for found in self.containers if name in (found["Name"][1:], found["Id"])), None)

    def start(self, found: Json) -> None:
        if not found["State"]["Running"]:
            # Two on one folder destroy its databases.
            assert not [other["Name"] for other in self.containers if other["State"]["Running"]]
            found["State"] = {"Running": True, "Restarting": False}
            self.started(found)

    def _make(self, name: str, config: Json, host: Json) -> Json:
        made = {
            "Id": f"{next(self._numbers):064x}", "Name": f"/{name}", "Image": config["Image"], "Config": config,
            "HostConfig": host, "State": {"Running": False, "Restarting": False},
            "Created": "2026-11-28T05:50:36.123456789Z",
        }  # fmt: skip
        self.containers.append(made)
        return made

    def answer(self, method: str, path: str, query: Json, body: Any) -> tuple[int, Any]:
        kind, name, action = (*path.strip("/").split("/"), "", "")[:3]
        if kind == "images":
            tags = self.images.get(name)
            return (404, {"message": "No such image"}) if tags is None else (200, {"Id": name, "RepoTags": tags})
        if method != "GET":
            shown = self.named(name)
            self.changes.append(f"{action or method} {query.get('name') or (shown or {}).get('Name', name).strip('/')}")
        if name == "create":
            return self._create(query["name"], body)
        found = self.named(name)
        if found is None:
            return 404, {"message": f"No such container: {name}"}
        if method == "GET":
            return 200, found
        return self._change(found, method, action, query, body)

    def _create(self, name: str, body: Json) -> tuple[int, Any]:
        if self.named(name):
            return 409, {"message": f'Conflict. The container name "/{name}" is already in use'}
        if body["Image"] not in self.images:
            return 404, {"message": f"No such image: {body['Image']}"}
        config = {key: value for key, value in body.items() if key != "HostConfig"}
        return 201, {"Id": self._make(name, config, body["HostConfig"])["Id"]}

    def _change(self, found: Json, method: str, action: str, query: Json, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            self.containers.remove(found)
        elif action == "start":
            self.start(found)
        elif action == "stop":
            found["State"] = {"Running": False, "Restarting": False}
        elif action == "rename":
            if self.named(query["name"]):
                return 409, {"message": "Conflict"}
            found["Name"] = f"/{query['name']}"
        elif action == "update":
            found["HostConfig"] = found["HostConfig"] | body
        return 204, None

    @contextmanager
    def serving(self, socket: Path) -> Iterator[None]:
        """Answer on a socket for as long as the block lasts."""
        handler = type("Handler", (_Handler,), {"engine": self})
        with socketserver.ThreadingUnixStreamServer(str(socket), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()
                socket.unlink()


class _Handler(BaseHTTPRequestHandler):
    engine: Engine

    def _handle(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, told = self.engine.answer(self.command, unquote(url.path), query, json.loads(body or "null"))
        text = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815  (http.server looks these names up)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""
