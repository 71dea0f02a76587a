"""What Pulumi's own plugins answered to this program's calls, and how another answer is compared with that.

Each line of `real_plugins.jsonl` is one call of a run of this program: `method`, `type`, `request` and `response` as
the plugin protocol has them in JSON. Each line of `asked.jsonl` is one that was made up: the call of the line `like` of
the others, with other inputs (`change`; null takes one away), as a diff or as the preview of an update.

Private keys, passwords and user data read `<removed>`. Left out is what the Terraform bridge keeps for itself
(`__meta`, `__pulumi_raw_state_delta`) and of a diff what the engine makes nothing of (`stables`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin_engine import SECRET, SIGNATURE, Engine

RECORDINGS = Path(__file__).parents[1] / "offline" / "recordings"

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Call:
    """One call; `number` is its line in the recordings, those of the run first."""

    number: int
    method: str
    type: str
    request: Json
    response: Json

    def __str__(self) -> str:
        preview = "-preview" if self.request.get("preview") else ""
        return f"{self.number}-{self.method}{preview}-{self.type.rpartition(':')[2]}"

    @property
    def plugin(self) -> str:
        return self.type.partition(":")[0]


@cache
def calls() -> list[Call]:
    """All recorded calls."""
    run = [json.loads(line) for line in (RECORDINGS / "real_plugins.jsonl").read_text().splitlines()]
    asked = [json.loads(line) for line in (RECORDINGS / "asked.jsonl").read_text().splitlines()]
    whole = [*run, *({**line, "request": _varied(run[line["like"] - 1]["request"], line)} for line in asked)]
    return [
        Call(number, line["method"], line["type"], line["request"], line["response"])
        for number, line in enumerate(whole, 1)
    ]


def _varied(request: Json, line: Json) -> Json:
    news = {name: value for name, value in (request["news"] | line["change"]).items() if value is not None}
    return {**request, "news": news, "preview": line.get("preview", False), "ignoreChanges": []}


def answer(engine: Engine, call: Call, names: Mapping[str, str]) -> Json:
    """What a plugin answers to a recorded call, in which what `names` tells has another name."""
    request = renamed(call.request, names)
    if call.method == "Invoke":
        message = provider_pb2.InvokeRequest()
    else:
        message = getattr(provider_pb2, f"{call.method}Request")()
        request["urn"] = f"urn:pulumi:real::poste-mail::{call.type}::{request['name']}"
    json_format.ParseDict(request, message, ignore_unknown_fields=True)
    given = json_format.MessageToDict(engine._call(call.method, message))
    return {name: value for name, value in given.items() if name not in ("stables", "hasDetailedDiff")}


def renamed(request: Json, names: Mapping[str, str]) -> Json:
    """The request with other identifiers and addresses."""
    if not names:
        return dict(request)
    longest_first = sorted(names, key=len, reverse=True)
    found = re.compile("|".join(map(re.escape, longest_first)))
    return dict(json.loads(found.sub(lambda name: names[name[0]], json.dumps(request))))


def differences(call: Call, given: Json) -> dict[str, tuple[set[str], set[str]]]:
    """Where an answer differs from the recorded one: by path, what the recording has there and what was given.

    Of a check and a diff the values are compared. Of all else it is the form: which properties there are, and whether
    they are known, unknown, secret, or null or empty; the values are those of another day. Elements of a list are taken
    together, since the order in a set means nothing; inside them a property that is null or empty is as good as none.
    """
    exact = call.method in ("Check", "Diff")
    real, ours = _forms(call.response, exact), _forms(given, exact)
    return {
        path: (real.get(path, set()), ours.get(path, set()))
        for path in sorted(real.keys() | ours.keys())
        if real.get(path) != ours.get(path)
    }


def _forms(value: Any, exact: bool) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, form in _walk(value, "", exact):
        found.setdefault(path, set()).add(form)
    return found


def _walk(value: Any, path: str, exact: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        yield path, "secret"
        yield from _walk(value["value"], path, exact)
    elif isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}" if path else name, exact)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _walk(item, f"{path}[]", exact)
    elif exact or "[]" not in path or _form(value, exact) != "nothing":
        yield path, _form(value, exact)


def _form(value: Any, exact: bool) -> str:
    if value == rpc.UNKNOWN:
        return "unknown"
    if value is None or value in ([], {}):
        return "nothing"
    return repr(float(value) if isinstance(value, int) else value) if exact else "known"
