"""Property values of the engine as plain Python values, and back.

Plain values are what the API clients want: str, int, float, bool, list, dict, None and, for assets, the SDK's own asset
objects. Numbers travel as doubles; whole ones become int. A value the engine does not know yet (in a preview) is
`UNKNOWN`. Secretness is not kept inside plain values: `secret_names` tells which top-level properties hold a secret,
and `from_plain` marks properties by name.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc


class Unknown:
    """The type of `UNKNOWN`; there is one instance."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def plain(value: PropertyValue) -> Any:
    """The plain Python value inside a property value."""
    inner = value.value
    if isinstance(inner, str):
        return UNKNOWN if inner == rpc.UNKNOWN else inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [plain(item) for item in inner]
    return inner


def plain_map(values: Mapping[str, PropertyValue] | None) -> dict[str, Any]:
    """`plain` for each property of a resource."""
    return {name: plain(value) for name, value in (values or {}).items()}


def from_value(value: Any, *, secret: bool = False) -> PropertyValue:
    """A property value made of a plain one."""
    if isinstance(value, Unknown):
        # The SDK's own marker for computed values cannot be sent; the wire format is this fixed string.
        value = rpc.UNKNOWN
    elif isinstance(value, Mapping):
        value = {key: from_value(item) for key, item in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        value = [from_value(item) for item in value]
    elif isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return PropertyValue(value, is_secret=secret)


def from_plain(values: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, PropertyValue]:
    """Property values of a resource; those named in `secrets` are marked as secret."""
    return {name: from_value(value, secret=name in secrets) for name, value in values.items()}


def secret_names(values: Mapping[str, PropertyValue]) -> frozenset[str]:
    """The top-level properties that are secret or hold a secret somewhere inside."""
    return frozenset(name for name, value in values.items() if value.contains_secret())


def contains_unknown(value: Any) -> bool:
    """Whether a plain value is unknown or holds an unknown value."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, Unknown)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that have a value."""
    return {name: value for name, value in values.items() if value is not None}
