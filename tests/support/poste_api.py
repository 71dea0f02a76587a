"""The part of Poste's API that tells and changes domains, mailboxes and aliases, on loopback."""

import http.server
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.serving import serving

HASH = "{SHA512-CRYPT}$6$never-to-be-seen"
FIELDS = {
    "name": "name",
    "disabled": "disabled",
    "superAdmin": "super_admin",
    "internalOnly": "internal_only",
    "redirectTo": "redirect_to",
    "referenceId": "reference_id",
    "domainBin": "domain_bin",
    "domainBinAddress": "domain_bin_address",
    "forward": "forward",
    "forwardDomain": "forward_domain",
}
LIMITS = {"storageLimit": "storage_limit", "countLimit": "count_limit"}
PAGE = 200
"""Rows of a list on one page, however many are asked for."""
ROOT = "/admin/api/v1"


def box(address: str, **changes: Any) -> dict[str, Any]:
    """A mailbox as Poste tells of it."""
    found = {
        "address": address, "name": "", "disabled": False, "super_admin": False, "internal_only": False,
        "redirect_to": [], "reference_id": "", "password": HASH,
    }  # fmt: skip
    return found | changes


@dataclass
class PosteApi:
    """What it holds, and what was asked of it."""

    boxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    quotas: dict[str, dict[str, int]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    stats: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """By domain or mailbox, and by day: how many messages came in and went out."""
    asked: list[str] = field(default_factory=list)
    """The paths of what was only looked at."""
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By method: the status and the reason with which it is answered."""
    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Method, path and body of what was not only looked at."""

    def add(self, address: str, password: str = "", quota: dict[str, int] | None = None, **changes: Any) -> None:
        """Have a mailbox or alias from the beginning."""
        self.boxes[address] = box(address, **changes)
        self.passwords[address] = password
        self.quotas[address] = quota or {"storageLimit": 0, "countLimit": 0}

    def answer(self, method: str, path: str, body: dict[str, Any], page: int = 1) -> tuple[int, Any]:
        """Status and JSON."""
        if method == "GET":
            self.asked.append(path)
        else:
            self.changes.append((method, path, body))
        if method in self.refuses:
            status, reason = self.refuses[method]
            return status, {"message": reason}
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["boxes" | "domains" as kind] if method == "GET":
                listed = list((self.boxes if kind == "boxes" else self.domains).values())
                last, results = max(1, -(-len(listed) // PAGE)), listed[(page - 1) * PAGE : page * PAGE]
                return 200, {"page": page, "last_page": last, "results_count": len(listed), "results": results}
            case ["boxes"]:
                self.add(body["email"], body["passwordPlaintext"])
                self.boxes[body["email"]] |= shown(body)
                return 201, None
            case ["boxes", address, *rest] if address in self.boxes:
                return self._box(method, address, rest, body)
            case ["domains", name, *rest] if name in self.domains:
                return self._domain(method, name, rest, body)
        return 404, {"message": "Not Found"}

    def _domain(self, method: str, name: str, rest: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        if rest == ["stats"]:
            return 200, self.stats.get(name) or []
        if rest or method == "GET":
            return 404, {"message": "Not Found"}
        self.domains[name] |= shown(body)
        if method == "DELETE":
            del self.domains[name]
        return 204, None

    def _box(self, method: str, address: str, rest: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        if rest == ["stats"]:
            return 200, self.stats.get(address) or []
        if method == "GET":
            limits = {LIMITS[name]: value for name, value in self.quotas[address].items()}
            return 200, {**limits, "storage_usage": 1, "count_usage": 1} if rest else self.boxes[address]
        if method == "DELETE":
            del self.boxes[address]
        elif rest and not body.keys() <= LIMITS.keys():
            return 422, {"message": "This form should not contain extra fields."}
        elif rest:
            self.quotas[address] |= body
        else:
            self.boxes[address] |= shown(body)
            self.passwords[address] = body.get("passwordPlaintext", self.passwords[address])
        return 204, None


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request by their names in answers."""
    return {FIELDS[name]: value for name, value in body.items() if name in FIELDS}


@contextmanager
def serving_api(api: PosteApi) -> Iterator[str]:
    """The URL of Poste, for as long as the block lasts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            url = urlsplit(self.path)
            page = int(parse_qs(url.query).get("page", ["1"])[0])
            status, told = api.answer(self.command, url.path.removeprefix(ROOT), body, page)
            text = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url
