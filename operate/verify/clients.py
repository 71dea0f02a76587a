"""How mail programs are set up, to read and as files they take: `./run mail clients --stack NAME`."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from model.autoconfig import autoconfig
from model.client_account import Account, account
from model.mobileconfig import mobileconfig
from operate import command_line
from operate.errors import OperateError, StackError
from operate.verify.client_guides import guide
from operate.verify.stack import Stack, read_stack


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = command_line.parser("clients", __doc__ or "")
    parser.add_argument("--config-file", default="", help="the stack's configuration file, as in pulumi --config-file")
    parser.add_argument(
        "--mailbox", action="append", default=[], help="a mailbox; may be repeated; all of the stack's unless given"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write autoconfig XML and .mobileconfig files here"
    )
    chosen = parser.parse_args(arguments)
    try:
        stack = asyncio.run(read_stack(chosen.stack, chosen.config_file))
        known = {domain.name for domain in stack.domains}
        addresses = chosen.mailbox or [address for address in mailboxes(stack) if address.rpartition("@")[2] in known]
        strange = [address for address in addresses if address.rpartition("@")[2] not in known]
        if strange:
            raise StackError(f"{strange[0]} is in none of the stack's domains: {', '.join(sorted(known))}.")
    except OperateError as error:
        print(error, file=sys.stderr)
        return command_line.UNUSABLE
    accounts = [account(address, stack.client_settings) for address in addresses]
    written = [file for mailbox in accounts for file in write(mailbox, chosen.write)] if chosen.write else []
    files = list(dict.fromkeys(written))  # a domain's mailboxes have one file in common
    if chosen.json:
        told = [asdict(mailbox) for mailbox in accounts]
        command_line.show_json(stack=stack.name, mailboxes=told, written=[str(file) for file in files])
    else:
        for mailbox in accounts:
            print("\n".join(guide(mailbox)))
        for file in files:
            print(f"written: {file}")
    return command_line.DONE


def mailboxes(stack: Stack) -> Sequence[str]:
    """The addresses of the stack's mailboxes that somebody can sign in to, the administrator's first."""
    settings = stack.settings
    return list(
        dict.fromkeys([settings.admin_address, *(box.address for box in settings.mailboxes if not box.disabled)])
    )


def write(mailbox: Account, folder: Path) -> Sequence[Path]:
    """Write the files that mail programs take; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / f"{mailbox.domain}.autoconfig.xml": autoconfig(mailbox).encode(),
        folder / f"{mailbox.address}.mobileconfig": mobileconfig(mailbox),
    }
    for file, content in files.items():
        file.write_bytes(content)
    return list(files)
