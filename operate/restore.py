"""Brings mail back: `./run mail restore --stack NAME` the whole server's, or one mailbox, or files into a folder."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from model.poste_container import CONTAINER, loopback_url
from model.server_folders import BACKED_UP, DATA, RELAY
from model.values import EmailAddress
from operate import command_line
from operate.backup import backup_of
from operate.errors import OperateError, StackError
from operate.quantities import moment
from operate.server_scripts import run_script
from operate.stacks.questions import argument
from operate.verify import command as verify
from operate.verify.stack import Stack, read_stack

PROOF = "container,accounts,dns.dkim,mail"
"""The checks that tell whether what was brought back works; all others do not depend on it."""


def main(arguments: Sequence[str]) -> int:
    """Restore; the exit status."""
    parser = command_line.parser(
        "restore",
        __doc__ or "",
        epilog="A stack whose volume is lost is only deployed: the newest backup comes back before Poste starts. See "
        "docs/recovery.md",
    )
    parser.add_argument("--snapshot", default="latest", metavar="ID", help="as ./run mail backup list shows it")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--mailbox",
        metavar="ADDRESS",
        type=argument(EmailAddress),
        help="this one, into a folder of it, beside its mail",
    )
    what.add_argument("--to", metavar="FOLDER", help="all files, into an empty folder on the server")
    parser.add_argument("--replace", metavar="NAME", help="the stack's name once more: what Poste has now may go aside")
    options = parser.parse_args(arguments)
    try:
        with command_line.standard_output_for_json(options):
            stack = asyncio.run(read_stack(options.stack))
            told = _restore(stack, options)
    except OperateError as error:
        return command_line.refused(error)
    if options.json:
        command_line.show_json(stack=options.stack, restored=told)
    else:
        print("\n".join(_said(told, options)))
    if options.mailbox or options.to:
        return command_line.DONE
    print("Asking whether it works", file=sys.stderr)
    with command_line.standard_output_for_json(options):
        return verify.main(["--stack", options.stack, "--only", PROOF, "--watch", "120"])


def _restore(stack: Stack, options: argparse.Namespace) -> dict[str, Any]:
    backup_of(stack)
    whole = not (options.mailbox or options.to)
    request = {
        "data": DATA,
        "container": CONTAINER,
        "url": loopback_url(stack.settings),
        "snapshot": options.snapshot,
        "mailbox": options.mailbox,
        "to": options.to,
        "sure": whole and _is_sure(stack, options.replace),
        "folders": BACKED_UP,
        "relay": RELAY,
    }
    found: dict[str, Any] = asyncio.run(run_script(stack, "restore.py", request))
    return found


def _is_sure(stack: Stack, given: str | None) -> bool:
    """Whether the person has said the stack's name once more. Raises StackError where it was another."""
    if given is None and sys.stdin.isatty():
        question = (
            f"Poste on {stack.mail_host} gets the mail of the backup; what it has now is put aside.\nStack's name: "
        )
        given = input(question).strip()
    if given is not None and given != stack.name:
        raise StackError(f"{given} is not {stack.name}. Nothing was changed.")
    return given is not None


def _said(told: dict[str, Any], options: argparse.Namespace) -> list[str]:
    snapshot = f"{told['snapshot']} of {moment(told['of'])}"
    said = [f"Restored from snapshot {snapshot}: {told['files']} files, {told['messages']} messages."]
    if options.mailbox:
        said.append(f"They are in a folder of {options.mailbox} that is called Restored, with the date.")
    if told.get("kept"):
        said.append(f"What Poste had before is in {told['kept']} on the server. Delete it when nothing is missing.")
    return said
