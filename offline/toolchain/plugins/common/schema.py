"""Which properties a resource or function has, read from the installed Pulumi SDK package itself.

The SDK's classes are generated from the real provider's schema, so taking names, types and required inputs from them
keeps a stand-in's surface equal to the real one's for the pinned version.
"""

import inspect
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

import pulumi
from pulumi._types import (
    input_type_py_to_pulumi_names,
    input_type_types,
    is_input_type,
    is_output_type,
    output_type_types,
    resource_types,
)

KINDS = {str: "string", bool: "bool", int: "number", float: "number"}


@dataclass(frozen=True)
class Property:
    """One property. `kind` is string, number, bool, list, map, object, asset or any.

    `element` is the type of a list's or map's items; `fields` are an object's properties.
    """

    kind: str
    required: bool = False
    integer: bool = False
    element: "Property | None" = None
    fields: Mapping[str, "Property"] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """Inputs and outputs by their Pulumi (camelCase) names. A resource's outputs include its inputs."""

    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]


def resource_schema(args: type, resource: type) -> Schema:
    """The schema of a resource, from its `…Args` class and its resource class."""
    outputs = {name: _property(hint, required=False) for name, hint in resource_types(resource).items()}
    return Schema(inputs=arguments(args), outputs=outputs)


def function_schema(function: Callable[..., Any], result: type) -> Schema:
    """The schema of a function, from its Python function (plain snake_case parameters) and its result class."""
    hints = get_type_hints(function)
    inputs = {
        _camel_case(name): _optional(_property(hints[name], required=False))
        for name in inspect.signature(function).parameters
        if name != "opts"
    }
    outputs = {name: _property(hint, required=False) for name, hint in output_type_types(result).items()}
    return Schema(inputs=inputs, outputs=outputs)


def arguments(args: type) -> dict[str, Property]:
    """The properties of an SDK input class; those without a default in its constructor are required."""
    names = input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args).parameters.values()
    required = {names[p.name] for p in parameters if p.default is inspect.Parameter.empty}
    hints = input_type_types(args)
    return {name: _property(hint, required=name in required) for name, hint in hints.items()}


def _property(hint: Any, *, required: bool) -> Property:
    hint = _strip(hint)
    origin, parameters = get_origin(hint), get_args(hint)
    kind, element, fields = "any", None, {}
    if hint in KINDS:
        kind = KINDS[hint]
    elif origin in (Sequence, list):
        kind, element = "list", _property(parameters[0], required=True)
    elif origin in (Mapping, dict):
        kind, element = "map", _property(parameters[1], required=True)
    elif isinstance(hint, type) and is_input_type(hint):
        kind, fields = "object", arguments(hint)
    elif isinstance(hint, type) and is_output_type(hint):
        inner = output_type_types(hint).items()
        kind, fields = "object", {name: _property(field, required=False) for name, field in inner}
    elif isinstance(hint, type) and issubclass(hint, pulumi.Asset | pulumi.Archive):
        kind = "asset"
    return Property(kind, required, integer=hint is int, element=element, fields=fields)


def _strip(hint: Any) -> Any:
    """The type inside `Input[Optional[…]]`: what is left of a union without None, awaitables and outputs."""
    while get_origin(hint) in (Union, types.UnionType):
        members = [m for m in get_args(hint) if get_origin(m) not in (Awaitable, pulumi.Output)]
        members = [m for m in members if m not in (types.NoneType, pulumi.Output)]
        classes = [m for m in members if isinstance(m, type) and (is_input_type(m) or issubclass(m, pulumi.Asset))]
        if len(members) > 1 and not classes:
            return Any
        hint = (classes or members)[0]
    return hint


def _optional(prop: Property) -> Property:
    """The property with nothing required inside: the SDK's classes for filters require what the API fills in."""
    fields = {name: _optional(inner) for name, inner in prop.fields.items()}
    return replace(prop, required=False, element=prop.element and _optional(prop.element), fields=fields)


def _camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
