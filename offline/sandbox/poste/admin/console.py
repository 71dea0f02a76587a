"""The console, ``poste COMMAND …``: the two of Poste's commands that this project uses or advises, and no other.

Their names are Poste's. The arguments of ``domain:dkim`` are not public; here the domain alone shows the key,
``--create`` and ``--remove`` change it. A password that is left out is asked for.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence

from . import dkim
from .layout import MAIL_UID, Layout
from .operations import InvalidError, Operations
from .store import MissingError


def domain_dkim(operations: Operations, arguments: argparse.Namespace) -> None:
    """Show/create/remove DKIM keys&selector"""
    name = operations.store.domain(arguments.domain.lower())["name"]
    if arguments.remove:
        dkim.delete_key(operations.layout, name)
        print(f"DKIM key of {name} removed")
        return
    create = dkim.create_key if arguments.create else dkim.read_key
    key = create(operations.layout, name)
    if key is None:
        raise MissingError(f"DKIM key of {name}")
    print(f'{key.selector}._domainkey.{name}. IN TXT "{key.record}"')


def email_passwd(operations: Operations, arguments: argparse.Namespace) -> None:
    """Change a mailbox's password"""
    operations.set_password(arguments.email.lower(), arguments.password or getpass.getpass())


def run(layout: Layout, words: Sequence[str]) -> int:
    """Run one command; returns 0, or 1 when the data does not allow it. Bad usage, as of a command that Poste has and
    the stand-in has not, ends the process with status 2 and names the word that it does not know."""
    arguments = _parser().parse_args(words)
    try:
        arguments.command(Operations(layout), arguments)
    except (InvalidError, MissingError) as failure:
        kind = "Invalid" if isinstance(failure, InvalidError) else "Not found"
        print(f"{kind}: {failure}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="poste")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("domain:dkim", help=domain_dkim.__doc__)
    command.set_defaults(command=domain_dkim)
    command.add_argument("domain")
    command.add_argument("--create", action="store_true")
    command.add_argument("--remove", action="store_true")
    command = commands.add_parser("email:passwd", help=email_passwd.__doc__)
    command.set_defaults(command=email_passwd)
    command.add_argument("email")
    command.add_argument("password", nargs="?")
    return parser


def main() -> int:
    """Run the command of the process's own command line."""
    if os.geteuid() != MAIL_UID:
        message = f"This command should be running as user UID {MAIL_UID}, you run this script as {os.geteuid()}"
        print(message, file=sys.stderr)
        return 1
    return run(Layout(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
