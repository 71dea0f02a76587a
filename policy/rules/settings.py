"""The stack's settings themselves: what cannot be read cannot be judged."""

from collections.abc import Iterator

from policy.model import STACK, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack, Unreadable


def readable(_resource: Resource, stack: Stack | Unreadable, _settings: Settings) -> Iterator[str]:
    """The program's own reader takes the settings. The pack holds all other rules back where it does not."""
    if isinstance(stack, Unreadable):
        yield f"No rule can judge this stack. {stack.reason}"


READABLE = ResourceRule(
    name="settings-readable",
    why="The settings are such that the program itself takes them, because the rules hold the stack against them.",
    remedy="Set them right with: pulumi config set",
    types=(STACK,),
    check=readable,
)

RULES = (READABLE,)
