"""Runs checks side by side; each has its own deadline, so none makes another wait or lie."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from operate.terminal import printable
from operate.verify.result import Check, Finding, Result, unknown

T = TypeVar("T")

Reporter = Callable[[Result], None]


@dataclass(frozen=True)
class Job:
    """One check of one subject."""

    check: Check
    subject: str
    run: Callable[[], Awaitable[Finding]]


class Shared:
    """Work that several checks need, done once: a question to a name server, a conversation with a mail port."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def once(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `work`, which is started by whoever asks first. Its error is everybody's error."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.ensure_future(_finish(work))
        # A check that runs out of time gives up waiting; the others still get the answer.
        result: T = await asyncio.shield(self._tasks[key])
        return result

    def close(self) -> None:
        """Stop what is still under way."""
        for task in self._tasks.values():
            task.cancel()


async def _finish(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


async def run_all(jobs: Iterable[Job], report: Reporter = lambda _: None) -> Sequence[Result]:
    """Run all jobs side by side; the results come in the jobs' order, `report` hears each as it comes."""

    async def tell(job: Job) -> Result:
        result = await carry_out(job)
        report(result)
        return result

    return await asyncio.gather(*(tell(job) for job in jobs))


async def carry_out(job: Job) -> Result:
    """Run one job. Whatever goes wrong in it is a result too."""
    try:
        async with asyncio.timeout(job.check.deadline):
            finding = await job.run()
    except TimeoutError as error:
        finding = unknown(str(error) or f"no answer within {job.check.deadline:.0f} s")
    except Exception as error:  # one check's surprise must not take the others' answers away
        finding = unknown(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    # Some of it is what other servers said, and it goes to terminals, pages and issues.
    return Result(job.check, job.subject, replace(finding, found=printable(finding.found)))
