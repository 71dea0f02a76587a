"""How far the DKIM keys of the domains have come in taking turns, as the last deploy left them."""

import time
from collections.abc import Sequence

import pulumi

from model.dkim_rotation import Rotation, refusals, rotations
from model.settings import Settings
from model.stack_state import Held


def dkim_rotations(settings: Settings, held: Sequence[Held]) -> dict[str, Rotation]:
    """The rotation of each domain. Raises pulumi.RunError where one that is set cannot be."""
    found = rotations(settings, held, time.time())
    refused = [f"  {sentence}." for sentence in refusals(settings, found)]
    if refused:
        raise pulumi.RunError("\n".join(["The DKIM keys cannot change so. Nothing was changed.", *refused]))
    return found
