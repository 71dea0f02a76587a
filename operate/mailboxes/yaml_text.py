"""A YAML text changed where its content changes, so that comments, order and form of all else stay.

The parser tells where each part stands. Lines are put in or taken out there, and the result is read again: it has to
hold what is wanted, nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 10**6
"""Characters in a line before the writer would break it: never."""


class UnchangeableError(Exception):
    """The text is written in a form in which this cannot be changed; the text says what was to stand there."""


@dataclass(frozen=True)
class _Edit:
    """What is to stand instead of the characters from `start` to before `end`."""

    start: int
    end: int
    text: str


def rewritten(text: str, wanted: Mapping[str, Any]) -> str:
    """The text with the wanted content. Raises UnchangeableError where that would take more than a few lines' change.

    The text is valid YAML and holds a table, or nothing.
    """
    text = text if not text or text.endswith("\n") else f"{text}\n"
    held = yaml.safe_load(text)
    if not held:
        return f"{text}{_dumped(wanted)}" if wanted else text
    if not wanted:
        return "".join(line for line in text.splitlines(keepends=True) if line.lstrip().startswith("#"))
    edits = sorted(_table(text, yaml.compose(text, yaml.SafeLoader), held, wanted), key=lambda edit: edit.start)
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    try:
        as_wanted = yaml.safe_load(text) == wanted
    except yaml.YAMLError:
        as_wanted = False
    if not as_wanted:
        raise UnchangeableError(_dumped(wanted))
    return text


def _table(text: str, node: Any, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[_Edit]:
    """The edits of a table. Whoever calls this knows that both differ, or that nothing is to be done."""
    if node.flow_style:
        yield from _in_place(node, held, wanted)
        return
    for key, value in node.value:
        name = yaml.safe_load(text[key.start_mark.index : key.end_mark.index])
        if name not in wanted:
            yield _lines(text, key, value, "")
        elif held[name] != wanted[name]:
            there, new = held[name], wanted[name]
            if isinstance(value, yaml.MappingNode) and isinstance(new, dict) and new:
                yield from _table(text, value, there, new)
            elif isinstance(value, yaml.SequenceNode) and isinstance(new, list) and _is_change_of_one(there, new):
                yield from _list(text, value, there, new)
            elif isinstance(value, yaml.ScalarNode) and not isinstance(new, dict | list) and value.value:
                yield from _in_place(value, there, new)
            else:
                yield _lines(text, key, value, _indented({name: new}, key.start_mark.column))
    added = {key: value for key, value in wanted.items() if key not in held}
    if added:
        yield _behind(text, node, _indented(added, node.start_mark.column))


def _list(text: str, node: Any, held: Sequence[Any], wanted: Sequence[Any]) -> Iterator[_Edit]:
    if node.flow_style:
        yield from _in_place(node, held, wanted)
    elif len(wanted) > len(held):
        yield _behind(text, node, _indented(list(wanted[len(held) :]), node.start_mark.column))
    elif len(wanted) < len(held):
        gone = next(place for place, item in enumerate(held) if place == len(wanted) or item != wanted[place])
        yield _lines(text, node.value[gone], node.value[gone], "")
    else:
        for item, there, new in zip(node.value, held, wanted, strict=True):
            if there == new:
                continue
            if isinstance(item, yaml.MappingNode) and isinstance(new, dict):
                yield from _table(text, item, there, new)
            else:
                yield from _in_place(item, there, new)


def _is_change_of_one(held: Any, wanted: Sequence[Any]) -> bool:
    """Whether items were added at the end, or one was taken out, or some changed that are tables."""
    if not isinstance(held, list) or not wanted:
        return False
    if len(wanted) > len(held):
        return list(wanted[: len(held)]) == held
    if len(wanted) == len(held):
        return all(isinstance(item, dict) for item in [*held, *wanted])
    return any([*held[:place], *held[place + 1 :]] == wanted for place in range(len(held)))


def _in_place(node: Any, held: Any, wanted: Any) -> Iterator[_Edit]:
    """A value on its own line or lines."""
    if held != wanted:
        text = yaml.safe_dump(wanted, default_flow_style=True, sort_keys=False, allow_unicode=True, width=WIDTH)
        yield _Edit(node.start_mark.index, node.end_mark.index, text.removesuffix("\n...\n").strip())


def _lines(text: str, first: Any, last: Any, new: str) -> _Edit:
    """Other lines instead of those on which a part stands."""
    return _Edit(text.rfind("\n", 0, first.start_mark.index) + 1, _line_end(text, last), new)


def _behind(text: str, node: Any, new: str) -> _Edit:
    end = _line_end(text, node)
    return _Edit(end, end, new)


def _line_end(text: str, node: Any) -> int:
    """Where the line ends on which a part ends. The parser's own mark lies behind the comments that follow."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    end = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return int(end)
    return text.index("\n", end) + 1


def _dumped(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False))


def _indented(value: Any, column: int) -> str:
    return "".join(f"{' ' * column}{line}\n" for line in _dumped(value).splitlines())
