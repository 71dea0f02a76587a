"""`python -m operate.verify clients --stack NAME`: how mail programs are set up, to read and as files they take."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from operate.verify.autoconfig import autoconfig
from operate.verify.client_accounts import Account, account
from operate.verify.client_guides import guide
from operate.verify.mobileconfig import mobileconfig
from operate.verify.stack import StackError, read_stack


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m operate.verify clients", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--stack", required=True, help="the Pulumi stack")
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
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    for address in addresses:
        mailbox = account(address, stack.client_settings)
        print("\n".join(guide(mailbox)))
        if chosen.write:
            for file in write(mailbox, chosen.write):
                print(f"written: {file}")
    return 0


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
