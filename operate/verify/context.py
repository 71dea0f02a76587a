"""What every check is given."""

from dataclasses import dataclass

from operate.verify.names import Names
from operate.verify.runner import Shared
from operate.verify.stack import Domain, Stack


@dataclass(frozen=True)
class Context:
    """The stack under test, a way to look names up, and work shared between checks."""

    stack: Stack
    names: Names
    shared: Shared
    selected: tuple[Domain, ...]
    """The domains to look at: all of the stack, unless some were asked for."""
