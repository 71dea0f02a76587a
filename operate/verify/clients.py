"""How mail programs are set up, to read and as files they take: `./run mail clients --stack NAME`."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from operate import command_line
from operate.errors import OperateError, StackError
from operate.verify.autoconfig import autoconfig
from operate.verify.client_accounts import Account, account
from operate.verify.client_guides import guide
from operate.verify.mobileconfig import mobileconfig
from operate.verify.stack import read_stack


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = command_line.parser("clients", __doc__ or "")
    parser.add_argument("--config-file", default="", help="the stack's configuration file, as in pulumi --config-file")
    parser.add_argument(
        "--mailbox", action="append", default=[], help="a mailbox; may be repeated; the administrator's unless given"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write autoconfig XML and .mobileconfig files here"
    )
    chosen = parser.parse_args(arguments)
    try:
        stack = asyncio.run(read_stack(chosen.stack, chosen.config_file))
        addresses = chosen.mailbox or [stack.settings.admin_address]
        known = {domain.name for domain in stack.domains}
        strange = [address for address in addresses if address.rpartition("@")[2] not in known]
        if strange:
            raise StackError(f"{strange[0]} is in none of the stack's domains: {', '.join(sorted(known))}.")
    except OperateError as error:
        print(error, file=sys.stderr)
        return command_line.UNUSABLE
    accounts = [account(address, stack.client_settings) for address in addresses]
    files = [file for mailbox in accounts for file in write(mailbox, chosen.write)] if chosen.write else []
    if chosen.json:
        told = [asdict(mailbox) for mailbox in accounts]
        command_line.show_json(stack=stack.name, mailboxes=told, written=[str(file) for file in files])
    else:
        for mailbox in accounts:
            print("\n".join(guide(mailbox)))
        for file in files:
            print(f"written: {file}")
    return command_line.DONE


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
