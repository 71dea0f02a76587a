"""Providers: which account a resource belongs to."""

from collections.abc import Iterator

from policy.model import PROVIDER, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

ENGINE = f"{PROVIDER}pulumi"
"""The engine's own provider, which answers questions about the stack's state. It has no account."""


def explicit(provider: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The engine makes a provider of its own, called default, for each resource and look-up that names none."""
    if provider.type == ENGINE:
        return
    if provider.name == "default" or provider.name.startswith("default_"):
        yield f"Something uses the default provider of {provider.type.removeprefix(PROVIDER)}."


RULES = (
    ResourceRule(
        name="providers-explicit",
        why="Every resource names its provider, because a default one takes its account and address from the "
        "environment that happens to be there.",
        remedy="Pass providers= or provider= down to it, or parent= a component that has one.",
        types=(PROVIDER,),
        check=explicit,
    ),
)
