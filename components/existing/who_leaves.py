"""Accounts that a deploy takes away, told before it does."""

from collections.abc import Sequence

import pulumi

from model.accounts_wanted import leaving, too_early
from model.settings import Settings
from model.stack_state import Held


def tell_who_leaves(held: Sequence[Held], settings: Settings) -> None:
    """Warn of each mailbox, alias and domain that goes. Raises pulumi.RunError where mail would be refused for good."""
    reasons = list(too_early(held, settings))
    if reasons:
        raise pulumi.RunError("\n".join(reasons))
    for sentence in leaving(held, settings, pulumi.get_stack()):
        pulumi.log.warn(sentence)
