"""Assets and archives as plain values that keep their hash.

The SDK's property values know assets, but drop their hash, by which a change of content is noticed, and fail on the
assets of which the engine tells nothing but the hash (all those of a recorded state). So assets travel through the SDK
as ordinary objects: on the way in their signature property gets another name, on the way out its own one again.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc

ASSET: Final = rpc._special_asset_sig
ARCHIVE: Final = rpc._special_archive_sig
SIGNATURE: Final = "asset-signature"
"""The name under which a disguised asset carries which of the two it is."""


def kind_of(value: Any) -> str | None:
    """ASSET or ARCHIVE for a disguised asset, None for any other plain value."""
    return value.get(SIGNATURE) if isinstance(value, Mapping) else None


def fingerprint(value: Any) -> str:
    """A text that is equal for equal values, and for assets with equal content."""
    return repr(by_hash(value))


def disguise(values: struct_pb2.Struct) -> None:
    """Turn all assets in a request's properties, at any depth, into ordinary objects."""
    _rename(values, rpc._special_sig_key, SIGNATURE)


def reveal(values: struct_pb2.Struct) -> None:
    """Turn the objects that `disguise` made into assets again."""
    _rename(values, SIGNATURE, rpc._special_sig_key)


def by_hash(value: Any) -> Any:
    """The value with nothing of its assets but what they are and their hash."""
    if isinstance(value, Mapping):
        kept = (SIGNATURE, "hash") if kind_of(value) else sorted(value)
        return {name: by_hash(value.get(name)) for name in kept}
    return [by_hash(item) for item in value] if isinstance(value, list) else value


def _rename(values: struct_pb2.Struct, old: str, new: str) -> None:
    for value in values.fields.values():
        _rename_inside(value, old, new)
    if old in values.fields and values.fields[old].string_value in (ASSET, ARCHIVE):
        values.fields[new].CopyFrom(values.fields.pop(old))


def _rename_inside(value: struct_pb2.Value, old: str, new: str) -> None:
    if value.HasField("struct_value"):
        _rename(value.struct_value, old, new)
    for item in value.list_value.values if value.HasField("list_value") else ():
        _rename_inside(item, old, new)
