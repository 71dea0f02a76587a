"""Rows of the rules' test tables, and the stack that they are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy.model import Resource, Resources
from policy.rule import ResourceRule, StackRule
from policy.rules import RULES
from policy.stack import Stack
from tests.support.examples import PASSWORD, settings


def stack(**changes: Any) -> Stack:
    """A protected stack, with some of its settings changed."""
    return Stack(
        project="poste-mail",
        name="prod",
        settings=settings(**{"adminCidrs": ["198.51.100.0/28", "2001:db8:7::/48"]} | changes),
        config={"poste-mail:adminPassword": PASSWORD, "hcloud:token": "h" * 64},
    )


PROD = stack()

LABELS = {"managed-by": "pulumi", "project": "poste-mail", "stack": "prod"}


@dataclass(frozen=True)
class Case:
    """One row: what the rule sees, and what it finds."""

    sentence: str
    rule: str
    resources: Sequence[Resource]
    finds: str | None = None
    """Part of what the rule says; None if nothing is wrong."""
    stack: Stack = PROD
    settings: Mapping[str, Any] = field(default_factory=dict)


def findings(case: Case) -> list[str]:
    """What the rule says, resource by resource for a resource rule."""
    rule = next(rule for rule in RULES if rule.name == case.rule)
    settings = rule.with_defaults(case.settings)
    if isinstance(rule, StackRule):
        return [text for _, text in rule.check(Resources(tuple(case.resources)), case.stack, settings)]
    assert isinstance(rule, ResourceRule)
    return [
        text
        for resource in case.resources
        if rule.applies_to(resource.type)
        for text in rule.check(resource, case.stack, settings)
    ]


def sentence(case: Case) -> str:
    """The row's name in pytest's output."""
    return case.sentence


def holds(case: Case) -> None:
    """Assert that the rule finds what the row says, and nothing else."""
    found = findings(case)
    if case.finds is None:
        assert found == []
    else:
        assert len(found) == 1, found
        assert case.finds in found[0]
