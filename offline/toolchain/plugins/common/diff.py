"""Compare a recorded state with new inputs, as Terraform plans: property by property, with the rules of the type."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from offline.toolchain.plugins.common.check import DEFAULTS
from offline.toolchain.plugins.common.resource import ResourceType, Values
from offline.toolchain.plugins.common.values import UNKNOWN, Unknown, contains_unknown

PLAIN_NAME = re.compile(r"[A-Za-z_$][\w$]*")
"""What a path can hold as it is; other names stand in brackets and quotes."""


@dataclass(frozen=True)
class Change:
    """One differing value: `path` as the engine shows it (`rules[0].port`), `rule` as the tables name it."""

    path: str
    rule: str
    old: Any
    new: Any


def planned(kind: ResourceType, state: Values, inputs: Values) -> Values:
    """The state as it will be once `inputs` are applied, with `UNKNOWN` for what only the provider can tell."""
    result: Values = {}
    for name in kind.schema.outputs:
        if name in inputs:
            result[name] = _digest(kind, name, inputs[name])
        elif name in kind.plan_defaults:
            result[name] = kind.plan_defaults[name]
        elif kind.empty_is_absent and name in state and not state[name]:
            result[name] = state[name]
        elif name in kind.computed or name not in kind.schema.inputs:
            result[name] = state.get(name) if state else UNKNOWN
    if not state:
        _open_nested(kind, result)
    return kind.plan(state, result)


def _open_nested(kind: ResourceType, plan: Values) -> None:
    """Of objects that are to be made, what only the provider can tell is unknown."""
    for rule in kind.computed:
        name, _, nested = rule.partition(".")
        if nested and isinstance(plan.get(name), list):
            plan[name] = [{nested: UNKNOWN, **item} if isinstance(item, Mapping) else item for item in plan[name]]


def changes(kind: ResourceType, state: Values, inputs: Values) -> list[Change]:
    """The differences that applying `inputs` would make."""
    plan = planned(kind, state, inputs)
    found: list[Change] = []
    for name in kind.schema.inputs:
        found += _compare(kind, name, name, state.get(name), plan.get(name))
    return found


def diff(kind: ResourceType, state: Values, inputs: Values, ignored: list[str]) -> DiffResponse:
    """What the engine asks before every update: whether and how the resource changes.

    What stays as it is (`stables`) is not told: the engine makes nothing of it.
    """
    found = [c for c in changes(kind, state, inputs) if not _ignored(c.path, ignored)]
    replacing = {c.path for c in found if _top(c.path) in kind.replace_on and not re.match(kind.in_place, c.path)}
    differing = {_top(c.path) for c in found}
    if found and not kind.names_changes:
        differing |= opened(kind, state, inputs)
    detailed = {c.path: PropertyDiff(_diff_kind(c, c.path in replacing), input_diff=False) for c in found}
    return DiffResponse(
        changes=bool(found),
        replaces=sorted({_top(path) for path in replacing}),
        delete_before_replace=bool(replacing) and _delete_first(kind, inputs),
        diffs=sorted(differing),
        detailed_diff=detailed if kind.names_changes else {},
    )


def opened(kind: ResourceType, state: Values, inputs: Values) -> frozenset[str]:
    """The outputs that an update leaves unknown until it is done."""
    plan = planned(kind, state, inputs)
    return kind.unknown_on_update | {name for name in kind.computed_outputs() if isinstance(plan.get(name), Unknown)}


def same(kind: ResourceType, rule: str, old: Any, new: Any) -> bool:
    """Whether two values are equal in the eyes of the type's rules."""
    return not list(_compare(kind, rule, rule, old, new))


def _compare(kind: ResourceType, path: str, rule: str, old: Any, new: Any) -> Iterator[Change]:
    old, new = _canonical(kind, rule, old), _canonical(kind, rule, new)
    if isinstance(new, Unknown):
        # The SDK v2 keeps a list that the provider may fill in, until the program's is known.
        if not (isinstance(old, list) and rule in kind.computed and kind.empty_is_absent):
            yield Change(path, rule, old, new)
    elif kind.empty_is_absent and _is_open(path, new):
        yield Change(path, rule, old, new)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted((old.keys() | new.keys()) - {DEFAULTS}):
            nested = f"{rule}.{key}"
            if key in new or nested not in kind.computed:
                yield from _compare(kind, _inside(path, key), nested, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and old:
        if rule in kind.sets:
            yield from _compare_sets(kind, path, rule, old, new)
            return
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _compare(kind, f"{path}[{index}]", rule, before, after)
    elif old != new and (old or new or not kind.empty_is_absent):
        yield Change(path, rule, old, new)


def _is_open(path: str, value: Any) -> bool:
    """Whether a list or map has an unknown item, and so is taken as a whole (the SDK v2's way); not so an object."""
    if isinstance(value, list):
        return any(isinstance(item, Unknown) for item in value)
    is_map = isinstance(value, Mapping) and not path.endswith("]")
    return is_map and any(isinstance(item, Unknown) for item in value.values())


def _compare_sets(kind: ResourceType, path: str, rule: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    """Elements without an equal on the other side: those of the old set go, those of the new one come."""
    gone = dict(enumerate(old))
    come = {}
    for index, element in enumerate(new):
        pair = next((i for i, other in gone.items() if not list(_compare(kind, path, rule, other, element))), None)
        if pair is None:
            come[index] = element
        else:
            del gone[pair]
    if any(contains_unknown(element) for index, element in come.items() if index not in gone):
        yield Change(path, rule, old, new)
        return
    for index in sorted(gone.keys() | come.keys()):
        yield from _compare(kind, f"{path}[{index}]", rule, gone.get(index), come.get(index))


def _canonical(kind: ResourceType, rule: str, value: Any) -> Any:
    if rule not in kind.canonical or value is None or isinstance(value, Unknown):
        return value
    return kind.canonical[rule](value)


def _digest(kind: ResourceType, name: str, value: Any) -> Any:
    return value if name not in kind.hashed or isinstance(value, Unknown) else kind.hashed[name](value)


def _delete_first(kind: ResourceType, inputs: Values) -> bool:
    if kind.delete_first == "if named":
        return kind.autoname not in (inputs.get(DEFAULTS) or [])
    return kind.delete_first == "yes"


def _diff_kind(change: Change, replaces: bool) -> PropertyDiffKind:
    verb = "ADD" if change.old in (None, []) else "DELETE" if change.new is None else "UPDATE"
    return PropertyDiffKind[f"{verb}_REPLACE" if replaces else verb]


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if PLAIN_NAME.fullmatch(key) else f'{path}["{key}"]'


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _ignored(path: str, ignored: list[str]) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in ignored)
