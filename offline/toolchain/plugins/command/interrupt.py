"""Run a coroutine for an operation in its own thread, and end it when the user interrupts the run."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from offline.toolchain.plugins.common.resource import CancelledError, Operation

T = TypeVar("T")

LOOK = 0.2
"""Seconds between two looks at whether the user has interrupted the run."""


def run(operation: Operation, work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result. Raises CancelledError after an interrupt; the coroutine's connections are closed then."""
    return asyncio.run(_watched(operation, work))


async def _watched(operation: Operation, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=LOOK)
        if operation.cancelled.is_set() and not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise CancelledError("interrupted")
    return task.result()
