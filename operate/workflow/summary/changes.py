"""What a preview would do, told by the resources that would not stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Self

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that is known only in the update."""


class Verb(Enum):
    """What happens to a resource, in the order in which a reviewer should see it."""

    DESTROY = "destroyed"
    REPLACE = "replaced"
    CHANGE = "changed"
    CREATE = "created"


@dataclass(frozen=True)
class Change:
    """One resource that would not stay as it is."""

    verb: Verb
    type: str
    name: str
    old: Mapping[str, Any] = field(default_factory=dict)
    """Its inputs until now; empty if it is new."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Its inputs from then on; empty if it goes."""
    properties: Sequence[str] = ()
    """Paths of the inputs that differ, for example `rules[0]`."""
    forcing: Sequence[str] = ()
    """Names of the inputs that can only be had by a replacement."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs that tell what it is: the new ones, or the last ones of what goes."""
        return self.new or self.old

    def merged_with(self, other: Self) -> Self:
        """Both as one: the engine tells a replacement in several steps, each with a part of the facts."""
        return replace(
            self,
            verb=min(self.verb, other.verb, key=list(Verb).index),
            old=self.old or other.old,
            new=self.new or other.new,
            properties=self.properties or other.properties,
            forcing=self.forcing or other.forcing,
        )


@dataclass(frozen=True)
class Preview:
    """A whole preview: its changes, how many resources stay as they are, and what is wrong."""

    changes: Sequence[Change]
    unchanged: int = 0
    errors: Sequence[str] = ()
    violations: Sequence[str] = ()
    """Policies that are broken, advisory ones too."""

    def json(self) -> dict[str, Any]:
        """The preview for programs. What inputs hold is left out."""
        told = [
            {"verb": change.verb.value, "type": change.type, "name": change.name, "properties": list(change.properties)}
            for change in self.changes
        ]
        errors, violations = list(self.errors), list(self.violations)
        return {"changes": told, "unchanged": self.unchanged, "errors": errors, "violations": violations}
