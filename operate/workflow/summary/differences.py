"""How an input differs, on one line and without the parts that are the same."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from operate.workflow.summary.changes import UNKNOWN, Change

LONGEST = 80
"""Characters of a value that a table's cell takes."""
LATER = "(known in the update)"
NONE = "(none)"


def differences(change: Change) -> Iterator[tuple[str, str, str]]:
    """Path, old and new value of each input that differs."""
    for path in change.properties or change.forcing:
        yield from _parts(path, _at(change.old, path), _at(change.new, path))


def _at(value: Any, path: str) -> Any:
    """The value at a path such as `rules[0].port` or `labels["a.b"]`; None if there is none."""
    for quoted, index, name in re.findall(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[\]]+)', path):
        try:
            value = value[int(index)] if index else value[quoted or name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _parts(path: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """An object's members one by one, and everything else whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield from _parts(f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                yield from _parts(f"{path}[{index}]", before, after)
    else:
        yield path, *_shortened(_text(old), _text(new))


def _text(value: Any) -> str:
    if value is None:
        return NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.replace(UNKNOWN, LATER).split())


def _shortened(old: str, new: str) -> tuple[str, str]:
    """Both texts, cut where they are alike so that the difference is seen."""
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    begin = max(0, same - LONGEST // 4)
    return _cut(old, begin), _cut(new, begin)


def _cut(text: str, begin: int) -> str:
    if len(text) <= LONGEST:
        return text
    end = begin + LONGEST
    return ("… " if begin else "") + text[begin:end] + (" …" if end < len(text) else "")
