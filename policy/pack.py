"""The bridge to Pulumi's policy SDK: hands resources to the rules as the model has them, and findings back."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, serialize_properties
from pulumi_policy.proxy import UnknownValueError

from policy.model import OLD_NAMES, STACK, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Rule, StackRule
from policy.rules import RULES
from policy.rules.settings import READABLE, readable
from policy.stack import Stack, Unreadable, current_stack

NAME = "poste-mail"


def serve() -> None:
    """Serve the engine until it stops this process."""
    PolicyPack(NAME, policies(RULES))


def policies(rules: Iterable[Rule]) -> list[Policy]:
    """The rules in the SDK's form."""
    return [_policy(rule) for rule in rules]


def plain(value: Any) -> Any:
    """A property as rules see it: whole numbers as int, an asset's text or path, and UNKNOWN for what is not known yet.

    The SDK's own objects raise UnknownValueError where a value is not known, and the rule that has touched it would be
    skipped with a mere advice.
    """
    if isinstance(value, pulumi.StringAsset):
        return value.text
    if isinstance(value, pulumi.FileAsset | pulumi.FileArchive):
        return str(value.path)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def _policy(rule: Rule) -> Policy:
    schema = PolicyConfigSchema(properties={setting.name: dict(setting.schema) for setting in rule.settings})
    common: dict[str, Any] = {
        "name": rule.name,
        "description": rule.why,
        "enforcement_level": EnforcementLevel(rule.level),
        "config_schema": schema if rule.settings else None,
        "remediation_steps": rule.remedy,
    }
    if isinstance(rule, ResourceRule):
        remediate = _look_for_encryption if rule.level == "remediate" else None
        return ResourceValidationPolicy(validate=_resource_validation(rule), remediate=remediate, **common)
    assert isinstance(rule, StackRule)  # noqa: S101 (there are no other kinds)
    return StackValidationPolicy(validate=_stack_validation(rule), **common)


def _resource_validation(rule: ResourceRule) -> Any:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        kind = _type(args.resource_type)
        if not rule.applies_to(kind) or not (stack := _readable_stack(report)):
            return
        resource = Resource(
            type=kind,
            name=args.name,
            props=plain(args.props),
            in_clear=_in_clear.get(args.urn, {}),
            urn=args.urn,
            protect=args.opts.protect,
            ignores=frozenset(args.opts.ignore_changes),
        )
        for finding in rule.check(resource, stack, rule.with_defaults(args.get_config())):
            report(rule.message(finding), None)

    return validate


def _type(name: str) -> str:
    return OLD_NAMES.get(name, name)


def _look_for_encryption(args: ResourceValidationArgs) -> None:
    """Changes nothing, but is told by the engine, shortly before the rule is judged, what is encrypted."""
    _in_clear[args.urn] = _without_secrets(serialize_properties(args.props))


_in_clear: dict[str, Any] = {}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return None
        return {key: _without_secrets(inner) for key, inner in value.items()}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value


def _stack_validation(rule: StackRule) -> Any:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        if not (stack := _readable_stack(report)):
            return
        resources = Resources(tuple(_stack_resource(found) for found in args.resources))
        for resource, finding in rule.check(resources, stack, rule.with_defaults(args.get_config())):
            report(rule.message(finding), resource.urn if resource else None)

    return validate


def _stack_resource(found: PolicyResource) -> Resource:
    return Resource(
        type=_type(found.resource_type),
        name=found.name,
        props=plain(found.props),
        urn=found.urn,
        protect=found.opts.protect,
        ignores=frozenset(found.opts.ignore_changes),
        after=_urns(found.dependencies),
        uses={name: _urns(sources) for name, sources in found.property_dependencies.items()},
    )


def _urns(resources: Iterable[PolicyResource]) -> frozenset[str]:
    return frozenset(found.urn for found in resources)


def _readable_stack(report: ReportViolation) -> Stack | None:
    """The stack, or None where it cannot be read.

    The first rule that asks for it then says so: `settings-readable`, or another one where that is disabled. Each rule
    would say the same, and none may pass what it could not judge.
    """
    stack = _stack()
    if isinstance(stack, Stack):
        return stack
    if not _told:
        _told.append(stack)
        for finding in readable(Resource(STACK, ""), stack, {}):
            report(READABLE.message(finding), None)
    return None


_told: list[Unreadable] = []


@cache
def _stack() -> Stack | Unreadable:
    return current_stack()
