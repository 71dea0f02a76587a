"""Between the API's JSON (snake_case) and Pulumi's properties (camelCase), led by the schema."""

import json
import re
from collections.abc import Mapping
from typing import Any

from offline.toolchain.plugins.common.resource import Values
from offline.toolchain.plugins.common.schema import Property


def snake_case(name: str) -> str:
    """`keyTag` as the API spells it: `key_tag`; digits stay where they are (`ipv4_only`)."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """An object for the API; the engine's own keys and absent values are left out."""
    return {
        snake_case(name): to_json(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if value is not None and not name.startswith("__")
    }


def from_json(fields: Mapping[str, Property], found: Mapping[str, Any]) -> Values:
    """The properties that the API told, with null for those it did not."""
    return {name: _value(prop, found.get(snake_case(name))) for name, prop in fields.items()}


def _value(prop: Property, value: Any) -> Any:
    if prop.kind == "string" and isinstance(value, dict | list):
        # Objects without a fixed form (`meta`) are texts of JSON in Pulumi.
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    if prop.kind == "object" and isinstance(value, Mapping):
        return {k: v for k, v in from_json(prop.fields, value).items() if v is not None}
    if prop.kind == "list" and isinstance(value, list) and prop.element:
        return [_value(prop.element, item) for item in value]
    return value
