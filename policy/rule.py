"""What a rule is: a plain function that yields what is wrong, with the reason for it and the way out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policy.model import EVERYTHING, Resource, Resources
from policy.stack import Stack

Level = Literal["mandatory", "advisory", "remediate"]
"""At `remediate`, which stops like `mandatory`, the engine also tells which values are encrypted."""
Settings = Mapping[str, Any]

ResourceCheck = Callable[[Resource, Stack, Settings], Iterator[str]]
"""Yields a sentence for each thing that is wrong with a resource."""

StackCheck = Callable[[Resources, Stack, Settings], Iterator[tuple[Resource | None, str]]]
"""Yields a sentence for each thing that is wrong with the stack, and the resource to blame if it is one."""


@dataclass(frozen=True)
class Setting:
    """What a user may set for a rule in the policy pack's configuration."""

    name: str
    meaning: str
    schema: Mapping[str, Any]
    """The value's JSON schema."""
    default: Any


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What all rules have."""

    name: str
    why: str
    """One sentence that states the rule and its reason."""
    remedy: str
    """One sentence on what to do about a violation."""
    level: Level = "mandatory"
    settings: Sequence[Setting] = ()

    def with_defaults(self, configured: Settings) -> Settings:
        """The rule's settings, with defaults where nothing is configured."""
        return {setting.name: setting.default for setting in self.settings} | dict(configured)

    def message(self, finding: str) -> str:
        """What the person reads below the rule's sentence."""
        return f"{finding} {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule for single resources, judged on their inputs before anything is created or changed."""

    types: Sequence[str]
    """The resource types it looks at; one that ends in a colon stands for all that begin so, EVERYTHING for all."""
    check: ResourceCheck

    def applies_to(self, resource_type: str) -> bool:
        """Whether the rule looks at resources of this type."""
        return any(
            known in (resource_type, EVERYTHING) or (known.endswith(":") and resource_type.startswith(known))
            for known in self.types
        )


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule for how the stack's resources fit together, judged on their outputs at the end of a preview or update."""

    check: StackCheck
