"""The inputs that a refresh or import finds, derived from the state that was read."""

from collections.abc import Mapping
from typing import Any

from offline.toolchain.plugins.common.check import DEFAULTS
from offline.toolchain.plugins.common.diff import same
from offline.toolchain.plugins.common.resource import ResourceType, Values
from offline.toolchain.plugins.common.schema import Property


def inputs_of_state(kind: ResourceType, old: Values, state: Values) -> Values:
    """After a refresh (with old inputs) those same inputs with their present values; else all that an import needs.

    An old input that still means the same stays as the program wrote it, and so does one of which the state holds only
    a digest.
    """
    if not old:
        found = _of_import(kind.schema.inputs, state, kind)
        return {**found, DEFAULTS: []} if kind.records_defaults else found
    result: Values = {}
    for name, value in old.items():
        if name == DEFAULTS or name in kind.hashed:
            result[name] = value
        elif state.get(name) is not None:
            result[name] = value if same(kind, name, state[name], value) else _refreshed(value, state[name])
        elif not value:
            result[name] = value
    return result


def _refreshed(old: Any, new: Any) -> Any:
    """The new value with no more properties than the old one had."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and DEFAULTS in old:
        return {key: _refreshed(old[key], new[key]) for key in old if key in new} | {DEFAULTS: old[DEFAULTS]}
    if isinstance(old, list) and isinstance(new, list):
        return [_refreshed(old[i], item) if i < len(old) else item for i, item in enumerate(new)]
    return new


def _of_import(schema: Mapping[str, Property], state: Values, kind: ResourceType, rule: str = "") -> Values:
    """The state's inputs that are required or differ from their default and from nothing."""
    result: Values = {}
    for name, prop in schema.items():
        value, path = state.get(name), f"{rule}{name}"
        default = kind.input_defaults.get(path, kind.plan_defaults.get(path))
        needed = prop.required or path in kind.required
        if not needed and (value == default or (not value and default is None)):
            continue
        if value is not None and name not in kind.hashed:
            result[name] = _imported(prop, value, kind, path)
    return result


def _imported(prop: Property, value: Any, kind: ResourceType, path: str) -> Any:
    if prop.kind == "object" and isinstance(value, Mapping):
        return _of_import(prop.fields, dict(value), kind, f"{path}.")
    if prop.kind == "list" and isinstance(value, list) and prop.element:
        return [_imported(prop.element, item, kind, path) for item in value]
    return value
