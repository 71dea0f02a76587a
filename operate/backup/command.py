"""Backups: `./run mail backup VERB --stack NAME` makes one now, lists them, gives old ones up, or proves the newest."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from model.poste_container import CONTAINER, loopback_url
from model.server_folders import DATA
from operate import command_line
from operate.backup import backup_of, kit, owner
from operate.backup.prune import prune
from operate.errors import OperateError, ServerError, StackError
from operate.quantities import moment, size
from operate.server_scripts import run_script
from operate.verify.stack import Stack, read_stack

Told = dict[str, Any]
"""What a verb has done: `said` in words, and all else for programs."""


def main(arguments: Sequence[str]) -> int:
    """Carry a verb out; the exit status."""
    listed = "\n".join(f"  {verb:6} {meaning}" for verb, (_carry_out, meaning) in VERBS.items())
    parser = command_line.parser(
        "backup",
        __doc__ or "",
        epilog=f"verbs:\n{listed}\n\nTo bring something back: ./run mail restore --help. See docs/recovery.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help="one of those below")
    parser.add_argument("--if-any", action="store_true", help="do nothing where the stack has no backup")
    options = parser.parse_args(arguments)
    carry_out, _meaning = VERBS[options.verb]
    try:
        with command_line.standard_output_for_json(options):
            told = asyncio.run(_with_stack(options, carry_out))
    except OperateError as error:
        return command_line.refused(error)
    said = told.pop("said")
    if options.json:
        command_line.show_json(stack=options.stack, **told)
    else:
        print("\n".join(said))
    return command_line.DONE


async def _with_stack(options: argparse.Namespace, carry_out: Callable[[Stack], Awaitable[Told]]) -> Told:
    stack = await read_stack(options.stack)
    if stack.settings.backup is None and options.if_any:
        return {"backup": None, "said": [f"Stack {stack.name} has no backup."]}
    backup_of(stack)
    return await carry_out(stack)


async def _run(stack: Stack) -> Told:
    files = await kit.keep(stack)
    print("Backing up: first while mail flows, then for some seconds without", file=sys.stderr)
    status = await run_script(stack, "backup.py", None, "run", "--tag", "asked-for")
    said = (
        f"Snapshot {status['snapshot']}: {status['files']} files, {size(status['size'])}, of which "
        f"{size(status['added'])} were new. It took {status['seconds']:.0f} s; mail was away for "
        f"{status['away']:.0f} s."
    )
    return {"backup": status, "kept": files, "said": [said, f"With it: {', '.join(files)}."]}


async def _list(stack: Stack) -> Told:
    found = await run_script(stack, "backup.py", None, "list")
    lines = [f"{moment(each['time'])}  {each['id']}  {', '.join(each['tags'])}" for each in found["snapshots"]]
    return {**found, "said": lines or ["There is no backup yet."]}


async def _drill(stack: Stack) -> Told:
    print("Restoring the newest backup beside Poste, and starting another Poste on it", file=sys.stderr)
    request = {"data": DATA, "container": CONTAINER, "url": loopback_url(stack.settings)}
    found = await run_script(stack, "drill.py", request)
    if found["result"] != "done":
        raise ServerError(f"The drill failed: {found['error']}")
    said = (
        f"Snapshot {found['snapshot']} is whole: {found['databases']} databases sound, {found['boxes']} mailboxes as "
        f"Poste has them, {found['messages']} messages read, the administrator signed in. It took "
        f"{found['seconds']:.0f} s."
    )
    return {"drill": found, "said": [said]}


async def _prune(stack: Stack) -> Told:
    files = await kit.keep(stack)
    if not stack.backup_account:
        raise StackError(f"Stack {stack.name} has no output backup. Deploy it first: pulumi up --stack {stack.name}")
    with owner.repository(stack, stack.backup_account) as repository:
        found = prune(repository)
    said = f"{found['before']} snapshots are now {found['after']}, and what is kept can be read."
    return {"snapshots": found, "kept": files, "said": [said]}


VERBS: dict[str, tuple[Callable[[Stack], Awaitable[Told]], str]] = {
    "run": (_run, "make a backup now, with the stack's own files in it"),
    "list": (_list, "show the snapshots that there are"),
    "prune": (_prune, "give up old snapshots, by age, and check what is kept; needs restic on this machine"),
    "drill": (_drill, "restore the newest one beside Poste, start another Poste on it, and throw both away"),
}
"""By verb: what it does, and what that means."""
