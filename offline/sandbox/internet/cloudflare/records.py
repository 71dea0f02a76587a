"""One DNS record: from a request's body to what is stored, and from there to what the API shows."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from offline.sandbox.internet.cloudflare import problems, txt
from offline.sandbox.internet.cloudflare.content import Content, read_content
from offline.sandbox.internet.cloudflare.names import record_name
from offline.sandbox.internet.cloudflare.problems import ApiError, Json, Problem

AUTOMATIC_TTL = 1
TTL_FROM, TTL_TO = 60, 86400  # seconds, on plans below Enterprise
MAX_COMMENT = 100  # characters, on the free plan
ADDRESS_TYPES = ("A", "AAAA")
PROXIABLE_TYPES = (*ADDRESS_TYPES, "CNAME")

_NEVER_PROXIED = [
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A stored record. Times are UTC; `ttl` is in seconds, 1 meaning automatic.

    A `locked` one is Email Routing's; one with `worker`, the identifier of a custom domain, is Workers'.
    """

    id: str
    name: str
    type: str
    content: Content
    proxied: bool
    ttl: int
    comment: str | None
    created_on: datetime
    modified_on: datetime
    comment_modified_on: datetime | None
    locked: bool = False
    worker: str | None = None

    def identity(self) -> tuple[Any, ...]:
        """What makes two records the same in the DNS: TXT of another quoting but the same bytes is identical."""
        text = b"".join(txt.strings(self.content.text)) if self.type == "TXT" else self.content.text
        return (self.name, self.type, text, self.content.priority)

    def proxiable(self) -> bool:
        """Whether the proxy could stand in for this record."""
        if self.type in ADDRESS_TYPES:
            address = ipaddress.ip_address(self.content.text)
            return not any(address in network for network in _NEVER_PROXIED)
        return self.type in PROXIABLE_TYPES

    def shown(self) -> Json:
        """The record as the API shows it."""
        shown: Json = {"id": self.id, "name": self.name, "type": self.type, "content": self.content.text}
        if self.content.priority is not None:
            shown["priority"] = self.content.priority
        shown |= {"proxiable": self.proxiable(), "proxied": self.proxied, "ttl": self.ttl}
        if self.content.data is not None:
            shown["data"] = dict(self.content.data)
        settings = {"flatten_cname": False} if self.type == "CNAME" else {}
        shown |= {"settings": settings, "meta": self._meta(), "comment": self.comment, "tags": []}
        shown |= {"created_on": timestamp(self.created_on), "modified_on": timestamp(self.modified_on)}
        if self.comment_modified_on is not None:
            shown["comment_modified_on"] = timestamp(self.comment_modified_on)
        return shown

    def _meta(self) -> Json:
        if self.worker:
            return {"origin_worker_id": self.worker, "read_only": True}
        return {"email_routing": True, "read_only": True} if self.locked else {}

    def as_body(self) -> Json:
        """The record as a request's body, on which an edit (PATCH) is laid."""
        return {
            "name": self.name,
            "type": self.type,
            "content": self.content.text,
            "data": self.content.data,
            "priority": self.content.priority,
            "proxied": self.proxied,
            "ttl": self.ttl,
            "comment": self.comment,
        }


def read_record(body: Json, zone: str, now: datetime, previous: Record | None = None) -> Record:
    """Read a whole record for a zone; `previous` is the one it overwrites. Raises ApiError with all that is wrong."""
    kind = str(body.get("type", "")).upper()
    wrong: list[Problem] = []
    name, content = zone, Content("")
    try:
        name = record_name(str(body.get("name") or ""), zone)
    except ValueError:
        wrong.append(problems.NAME_INVALID)
    else:
        try:
            content = read_content(kind, body, name)
        except ApiError as error:
            wrong += error.problems
    proxied = body.get("proxied") is True
    ttl, ttl_problems = _read_ttl(body.get("ttl"), proxied)
    comment = body.get("comment") or None
    wrong += ttl_problems + _check_extras(body, comment)
    if wrong:
        raise ApiError(400, wrong)

    comment_kept = previous is not None and previous.comment == comment
    record = Record(
        id=previous.id if previous else secrets.token_hex(16),
        name=name,
        type=kind,
        content=content,
        proxied=proxied,
        ttl=ttl,
        comment=comment,
        created_on=previous.created_on if previous else now,
        modified_on=now,
        comment_modified_on=(previous.comment_modified_on if previous and comment_kept else now) if comment else None,
    )
    if proxied and kind not in PROXIABLE_TYPES:
        raise problems.refused(problems.NOT_PROXIABLE)
    if proxied and not record.proxiable():
        raise problems.refused(Problem(9003, problems.TARGET_NOT_PROXIABLE.format(content.text)))
    return record


def _read_ttl(given: Any, proxied: bool) -> tuple[int, list[Problem]]:
    if isinstance(given, str):
        return AUTOMATIC_TTL, [problems.TTL_NOT_A_NUMBER]
    if given is None or given == AUTOMATIC_TTL:
        return AUTOMATIC_TTL, []
    if not TTL_FROM <= given <= TTL_TO:
        return AUTOMATIC_TTL, [problems.TTL_RANGE]
    return (AUTOMATIC_TTL if proxied else int(given)), []


def _check_extras(body: Json, comment: str | None) -> list[Problem]:
    wrong = []
    if comment and len(comment) > MAX_COMMENT:
        wrong.append(problems.COMMENT_TOO_LONG)
    settings = [name for name, value in (body.get("settings") or {}).items() if value]
    if settings:
        wrong.append(problems.without_settings(settings))
    if body.get("tags"):
        wrong.append(problems.too_many_tags(len(body["tags"])))
    return wrong


def timestamp(moment: datetime) -> str:
    """RFC 3339 with microseconds, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
