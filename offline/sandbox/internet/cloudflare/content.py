"""Each record type's content and data: what is required, what is valid, and the form it is kept in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from offline.sandbox.internet.cloudflare import problems, txt
from offline.sandbox.internet.cloudflare.names import hostname
from offline.sandbox.internet.cloudflare.problems import ApiError, Json, Problem

NULL_MX = "."  # RFC 7505: this name takes no mail


@dataclass(frozen=True)
class Content:
    """What stands on a record's right side. `data` is set for SRV, CAA and TLSA, `priority` for MX and SRV."""

    text: str
    data: Json | None = None
    priority: int | None = None


def read_content(kind: str, body: Json, name: str) -> Content:
    """Read the content of a record of this type from a request's body; raises ApiError with all that is wrong."""
    reader = _READERS.get(kind)
    if reader is None:
        raise problems.refused(problems.TYPE_INVALID)
    return reader(body, name)


def _text(body: Json) -> str:
    return str(body.get("content") or "").strip()


def _a(body: Json, _name: str) -> Content:
    try:
        return Content(str(ipaddress.IPv4Address(_text(body))))
    except ValueError:
        raise problems.refused(problems.A_INVALID) from None


def _aaaa(body: Json, _name: str) -> Content:
    try:
        return Content(str(ipaddress.IPv6Address(_text(body))))
    except ValueError:
        raise problems.refused(problems.AAAA_INVALID) from None


def _cname(body: Json, name: str) -> Content:
    try:
        target = hostname(_text(body))
    except ValueError:
        raise problems.refused(problems.CNAME_INVALID) from None
    if target == name:
        raise problems.refused(problems.CNAME_TO_ITSELF)
    return Content(target)


def _ns(body: Json, _name: str) -> Content:
    try:
        return Content(hostname(_text(body)))
    except ValueError:
        raise problems.refused(problems.NS_INVALID) from None


def _mx(body: Json, _name: str) -> Content:
    wrong: list[Problem] = []
    priority = body.get("priority")
    if priority is None:
        wrong.append(problems.required("priority"))
    elif _whole_number(priority, 0xFFFF) is None:
        wrong.append(problems.out_of_range("priority", 0xFFFF))
    text = _text(body)
    try:
        exchange = NULL_MX if text == NULL_MX else hostname(text)
    except ValueError:
        wrong.append(problems.MX_INVALID)
    if wrong:
        raise ApiError(400, wrong)
    return Content(exchange, priority=_whole_number(priority, 0xFFFF))


def _txt(body: Json, _name: str) -> Content:
    content = body.get("content")
    if not content:
        raise problems.refused(problems.required("content"))
    try:
        return Content(txt.stored(str(content)))
    except ValueError:
        raise problems.refused(problems.TXT_INVALID) from None


def _srv(body: Json, name: str) -> Content:
    given = body.get("data") or {}
    wrong = _check_numbers(given, {"priority": 0xFFFF, "weight": 0xFFFF, "port": 0xFFFF})
    target = ""
    if not given.get("target"):
        wrong.append(problems.required_data("target"))
    else:
        try:
            target = "." if given["target"] == "." else hostname(str(given["target"]))
        except ValueError:
            wrong.append(problems.SRV_INVALID)
    service, _, rest = name.partition(".")
    if not (service.startswith("_") and rest.startswith("_")):
        wrong.append(problems.SRV_NAME_INVALID)
    if wrong:
        raise ApiError(400, wrong)
    priority, weight, port = int(given["priority"]), int(given["weight"]), int(given["port"])
    data = {"port": port, "priority": priority, "target": target, "weight": weight}
    return Content(f"{weight} {port} {target}", data, priority)


def _caa(body: Json, _name: str) -> Content:
    given = body.get("data") or {}
    wrong = _check_numbers(given, {"flags": 0xFF})
    wrong += [problems.required_data(field) for field in ("tag", "value") if not given.get(field)]
    if wrong:
        raise ApiError(400, wrong)
    flags, tag, value = int(given["flags"]), str(given["tag"]), str(given["value"])
    return Content(f'{flags} {tag} "{value}"', {"flags": flags, "tag": tag, "value": value})


def _tlsa(body: Json, _name: str) -> Content:
    given = body.get("data") or {}
    numbers = ("usage", "selector", "matching_type")
    wrong = _check_numbers(given, dict.fromkeys(numbers, 0xFF))
    certificate = str(given.get("certificate") or "").lower()
    if not certificate:
        wrong.append(problems.required_data("certificate"))
    elif not re.fullmatch(r"([0-9a-f]{2})+", certificate):
        wrong.append(problems.TLSA_INVALID)
    if wrong:
        raise ApiError(400, wrong)
    data = {name: int(given[name]) for name in numbers} | {"certificate": certificate}
    return Content(" ".join(str(value) for value in data.values()), data)


def _check_numbers(given: Json, largest: dict[str, int]) -> list[Problem]:
    wrong = []
    for field, limit in largest.items():
        if given.get(field) is None:
            wrong.append(problems.required_data(field))
        elif _whole_number(given[field], limit) is None:
            wrong.append(problems.out_of_range(field, limit))
    return wrong


def _whole_number(value: Any, largest: int) -> int | None:
    """The value as a number from 0 to `largest`, or None; clients may send 10 as 10.0, but not as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    return int(value) if 0 <= value <= largest else None


_READERS: dict[str, Callable[[Json, str], Content]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CAA": _caa,
    "CNAME": _cname,
    "MX": _mx,
    "NS": _ns,
    "SRV": _srv,
    "TLSA": _tlsa,
    "TXT": _txt,
}
