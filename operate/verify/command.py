"""Does the mail server work? `./run mail verify --stack NAME` asks it from outside, as a stranger would.

With `--fix`, what can be mended without risk is (see fix.py), and what that concerns is looked at again.

Exit status 0 says that all required checks hold, 1 that some do not, 2 that the stack cannot be read or has
nothing of what was to be looked at.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from rich.console import Console

from operate import command_line
from operate.errors import OperateError, StackError
from operate.verify.checks import CHECKS, is_selected, jobs
from operate.verify.context import Context
from operate.verify.fix import Mended, fixed
from operate.verify.names import Dns
from operate.verify.remedies import filled
from operate.verify.result import Result
from operate.verify.runner import Shared, run_all
from operate.verify.stack import Stack, read_stack, resolver_address
from operate.verify.table import as_json, show

WATCH = 900
"""Seconds that --watch goes on, unless told otherwise."""
PAUSE = 10.0
"""Seconds between two rounds of --watch."""
THREADS = 32
"""For what is not asynchronous: SPF evaluation, IMAP, HTTP. They wait for the network, so more than processors."""


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser("verify", __doc__ or "")
    parser.add_argument("--config-file", default="", help="the stack's configuration file, as in pulumi --config-file")
    parser.add_argument("--only", default="", help="checks or groups, separated by commas, for example dns,tls.trust")
    parser.add_argument("--domain", action="append", default=[], help="look at this domain only; may be repeated")
    parser.add_argument(
        "--resolver", type=_resolver, help="address of the resolver to ask; verify:resolver or the system's"
    )
    parser.add_argument("--ipv4", action="store_true", help="leave IPv6 out: this machine has none")
    parser.add_argument(
        "--allow-self-signed", action="store_true", help="take a certificate that nobody known has signed"
    )
    parser.add_argument(
        "--watch", nargs="?", type=int, const=WATCH, default=0, metavar="SECONDS", help="repeat until all is well"
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="mend what can be without risk: a container or a service in it that is down, links of DKIM keys, the host "
        "firewall, timers",
    )
    return parser


def _resolver(text: str) -> str:
    try:
        return resolver_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(given: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = arguments()
    chosen = parser.parse_args(given)
    only = [choice.strip() for choice in chosen.only.split(",") if choice.strip()]
    strange = [choice for choice in only if not any(is_selected(check.name, choice) for check in CHECKS)]
    if strange:
        parser.error(f"no check is called {strange[0]}. There are: {', '.join(check.name for check in CHECKS)}")
    try:
        return asyncio.run(_verify(chosen, only))
    except OperateError as error:
        print(error, file=sys.stderr)
        return command_line.UNUSABLE


async def _verify(chosen: argparse.Namespace, only: Sequence[str]) -> int:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    stack = adjusted(await read_stack(chosen.stack, chosen.config_file), chosen)
    missing = set(chosen.domain) - {domain.name for domain in stack.domains}
    if missing:
        raise StackError(f"Stack {stack.name} has no domain {', '.join(sorted(missing))}.")
    progress = Console(stderr=True)
    begun = time.monotonic()
    results, seconds = await look(stack, chosen.domain, only, progress)
    if not results:
        raise StackError(f"Stack {stack.name} has nothing for {', '.join(only)} to look at, by its settings.")
    mended: Sequence[Mended] = ()
    if chosen.fix:

        async def again(concerned: Collection[str]) -> Sequence[Result]:
            found, _seconds = await look(stack, chosen.domain, only, progress, concerned)
            return found

        results, mended = await fixed(
            stack, results, again, partial(progress.print, highlight=False, markup=False, soft_wrap=True)
        )
    while not (good := all(result.holds for result in results)):
        left = begun + chosen.watch - time.monotonic()
        if left <= 0:
            break
        waiting = sorted({result.check.name for result in results if not result.holds})
        progress.print(f"not yet: {', '.join(waiting)}; trying for {left:.0f} s more", highlight=False)
        await asyncio.sleep(min(PAUSE, left))
        results, seconds = await look(stack, chosen.domain, only, progress)
    if chosen.json:
        shown = {"mended": [each.json() for each in mended]} if chosen.fix else {}
        command_line.show_json(stack=stack.name, ok=good, results=as_json(results), **shown)
    else:
        show(Console(), results, seconds)
    return command_line.DONE if good else command_line.FAILED


def adjusted(stack: Stack, chosen: argparse.Namespace) -> Stack:
    """The stack with what the command line says otherwise."""
    own = stack.own.model_copy(
        update={
            "resolver": chosen.resolver or stack.own.resolver,
            "allow_self_signed": chosen.allow_self_signed or stack.own.allow_self_signed,
        }
    )
    return replace(stack, own=own, ipv4_only=chosen.ipv4)


async def look(
    stack: Stack, domains: Sequence[str], only: Sequence[str], progress: Console, concerned: Collection[str] = ()
) -> tuple[Sequence[Result], float]:
    """All checks once, or those only that are `concerned`; the results and how long they took."""
    shared = Shared()
    names = Dns(shared, [stack.own.resolver] if stack.own.resolver else [])
    selected = tuple(domain for domain in stack.domains if not domains or domain.name in domains)
    work = [
        job
        for job in jobs(Context(stack, names, shared, selected), only)
        if not concerned or any(is_selected(job.check.name, each) for each in concerned)
    ]
    done = 0
    begun = time.monotonic()
    try:
        with progress.status(f"0 of {len(work)} checks") as status:

            def report(result: Result) -> None:
                nonlocal done
                done += 1
                status.update(
                    f"{done} of {len(work)} checks: {result.check.name} {result.subject}"[: progress.width - 4]
                )

            results = [filled(result, stack) for result in await run_all(work, report)]
    finally:
        shared.close()
    return results, time.monotonic() - begun
