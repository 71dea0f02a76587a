"""Check a resource's inputs as the bridged providers do: unknown names, missing ones, types, then defaults.

The messages follow the Terraform bridge's, so that what users find on the web fits. Values keep the engine's own form
(`PropertyValue`), because the secret marks of the inputs must come back from a check as they went in.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue, PropertyValueType
from pulumi.provider.experimental.provider import CheckFailure

from offline.toolchain.plugins.common.resource import ResourceType
from offline.toolchain.plugins.common.schema import Property
from offline.toolchain.plugins.common.values import UNKNOWN, from_value, plain, plain_map

DEFAULTS = "__defaults"
"""Where the bridge records which inputs of an object the program did not set itself."""

TYPE_NAMES = {
    PropertyValueType.BOOL: "bool",
    PropertyValueType.NUMBER: "number",
    PropertyValueType.STRING: "string",
    PropertyValueType.ARRAY: "[]",
    PropertyValueType.MAP: "object",
}
EXPECTED = {"bool": "boolean", "list": "array", "map": "object"}

Inputs = dict[str, PropertyValue]


def check_resource(
    kind: ResourceType, name: str, old: Mapping[str, PropertyValue], new: Mapping[str, PropertyValue], seed: bytes
) -> tuple[Inputs, list[CheckFailure]]:
    """The inputs with coerced types and defaults, and the failures. `name` is the resource's, for the messages."""
    given = {key: value for key, value in new.items() if value.value is not None and not key.startswith("__")}
    failures: list[CheckFailure] = []
    inputs = _object(given, kind.schema.inputs, f"{name}.", failures)
    if kind.autoname and kind.autoname not in inputs:
        inputs[kind.autoname] = _autoname(kind.autoname, name, old, seed)
    _fill(inputs, kind.input_defaults)
    failures += [_missing(f"{name}.", key) for key in sorted(kind.required - inputs.keys())]
    if not failures:
        values, before = plain_map(inputs), plain_map(old)
        problems = [
            (key, "not supported by this offline stand-in for the plugin")
            for key in sorted(kind.refused & values.keys())
            if values[key] and values[key] != before.get(key)
        ]
        for path, message in [*problems, *kind.check(values)]:
            where = f"{name}.{path}" if path else name
            failures.append(CheckFailure("", f"{message}. Examine values at '{where}'."))
    return (_recorded(given, inputs, kind.schema.inputs) if kind.records_defaults else inputs), failures


def check_values(
    values: Mapping[str, PropertyValue], schema: Mapping[str, Property], where: str
) -> tuple[Inputs, list[CheckFailure]]:
    """Coerce and check a flat set of values (a provider's settings, a function's arguments)."""
    failures: list[CheckFailure] = []
    given = {key: value for key, value in values.items() if value.value is not None and not key.startswith("__")}
    return _object(given, schema, where, failures), failures


def _missing(where: str, key: str) -> CheckFailure:
    reason = f'Missing required argument. The argument "{key}" is required, but no definition was found'
    return CheckFailure("", f"{reason}. Examine values at '{where}{key}'.")


def _object(
    values: Mapping[str, PropertyValue], schema: Mapping[str, Property], where: str, failures: list[CheckFailure]
) -> Inputs:
    result = {}
    for key, value in values.items():
        if key.startswith("__"):
            continue
        if key not in schema:
            failures.append(CheckFailure("", f"Invalid or unknown key. Examine values at '{where}{key}'."))
            continue
        result[key] = _value(value, schema[key], f"{where}{key}", failures)
    failures += [_missing(where, key) for key, prop in schema.items() if prop.required and key not in values]
    return result


def _value(value: PropertyValue, prop: Property, where: str, failures: list[CheckFailure]) -> PropertyValue:
    """The value with the type its property has; numbers, booleans and their texts are taken for each other."""
    inner = value.value
    if inner is None or plain(value) is UNKNOWN or prop.kind in ("any", "asset"):
        return value
    if prop.kind == "object" and isinstance(inner, Mapping):
        nested = _object({k: v for k, v in inner.items() if v.value is not None}, prop.fields, f"{where}.", failures)
        return value.with_value(nested)
    if prop.kind == "map" and isinstance(inner, Mapping) and prop.element:
        items = {k: v for k, v in inner.items() if not k.startswith("__")}
        return value.with_value({k: _value(v, prop.element, f"{where}.{k}", failures) for k, v in items.items()})
    if prop.kind == "list" and isinstance(inner, Sequence) and not isinstance(inner, str) and prop.element:
        element = prop.element
        return value.with_value([_value(v, element, f"{where}[{i}]", failures) for i, v in enumerate(inner)])
    coerced = _coerce(inner, prop.kind)
    if coerced is None:
        shown = "secret(<redacted>)" if value.contains_secret() else repr(plain(value)).replace("'", '"')
        shown = shown if len(shown) <= 30 else shown[:27] + "..."
        expected = EXPECTED.get(prop.kind, prop.kind)
        reason = f"expected {expected} type, got {shown} of type {TYPE_NAMES.get(value.type, value.type.value)}"
        failures.append(CheckFailure("", f"{reason}. Examine values at '{where}'."))
        return value
    return value.with_value(coerced)


def _coerce(inner: Any, kind: str) -> str | float | bool | None:
    """The value as the kind wants it, or None."""
    result: str | float | bool | None = None
    if kind == "string" and isinstance(inner, str | float | bool):
        result = inner if isinstance(inner, str) else json.dumps(plain(PropertyValue(inner)))
    elif kind == "bool" and inner in (True, False, "true", "false"):
        result = inner in (True, "true")
    elif kind == "number" and isinstance(inner, str | float) and not isinstance(inner, bool):
        with contextlib.suppress(ValueError):
            result = float(inner)
    return result


def _fill(inputs: Inputs, defaults: Mapping[str, Any]) -> None:
    """Write defaults into absent inputs; those with a dotted name into every object of that list or object."""
    nested: dict[str, dict[str, Any]] = {}
    for path, default in defaults.items():
        head, _, rest = path.partition(".")
        if rest:
            nested.setdefault(head, {})[rest] = default
        elif head not in inputs:
            inputs[head] = from_value(default)
    for head, inner in nested.items():
        if head in inputs:
            inputs[head] = _fill_nested(inputs[head], inner)


def _fill_nested(value: PropertyValue, defaults: Mapping[str, Any]) -> PropertyValue:
    inner = value.value
    if isinstance(inner, Mapping):
        filled = dict(inner)
        _fill(filled, defaults)
        return value.with_value(filled)
    if isinstance(inner, tuple):
        return value.with_value([_fill_nested(item, defaults) for item in inner])
    return value


def _recorded(given: Mapping[str, PropertyValue], inputs: Inputs, schema: Mapping[str, Property]) -> Inputs:
    """The inputs with, in every object, the names of those that were not given."""
    marked = {key: _recorded_value(given.get(key), value, schema.get(key)) for key, value in inputs.items()}
    return {**marked, DEFAULTS: from_value(sorted(inputs.keys() - given.keys()))}


def _recorded_value(given: PropertyValue | None, value: PropertyValue, prop: Property | None) -> PropertyValue:
    before, inner = given.value if given else None, value.value
    if prop and prop.kind == "object" and isinstance(before, Mapping) and isinstance(inner, Mapping):
        return value.with_value(_recorded(before, dict(inner), prop.fields))
    if prop and prop.kind == "list" and isinstance(before, tuple) and isinstance(inner, tuple):
        pairs = zip(before, inner, strict=True)
        return value.with_value([_recorded_value(item, checked, prop.element) for item, checked in pairs])
    return value


def _autoname(key: str, name: str, old: Mapping[str, PropertyValue], seed: bytes) -> PropertyValue:
    """The resource's name and seven hexadecimal digits; kept once it was given."""
    if key in old:
        return old[key]
    return PropertyValue(f"{name}-{hashlib.sha256(seed or os.urandom(16)).hexdigest()[:7]}")


def without_records(values: Any) -> Any:
    """Inputs without the record, in every object, of which ones are defaults."""
    if isinstance(values, dict):
        return {name: without_records(value) for name, value in values.items() if name != DEFAULTS}
    if isinstance(values, list):
        return [without_records(value) for value in values]
    return values
