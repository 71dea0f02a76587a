"""Questions to the clouds whose answer a mistake in the configuration can spoil."""

from collections.abc import Callable
from typing import TypeVar

import pulumi

Answer = TypeVar("Answer")


def ask(about: str, question: Callable[[], Answer]) -> Answer:
    """The answer to an invoke. What the cloud says instead is told beside the setting that it is `about`."""
    try:
        return question()
    except Exception as error:  # the SDK raises no narrower one
        reason = str(error).rpartition("returned an error: ")[2] or str(error)
        raise pulumi.RunError(f"{about}: {reason}") from None
