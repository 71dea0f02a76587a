"""The console, ``poste COMMAND …``: mail administration without the web.

Command names are Poste's. The arguments of ``domain:dkim`` are not public; here the domain alone shows the key,
``--create`` and ``--remove`` change it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from . import dkim
from .layout import MAIL_UID, Layout
from .operations import InvalidError, Operations
from .store import DuplicateError, MissingError

Command = Callable[[Operations, argparse.Namespace], None]


def domain_create(operations: Operations, arguments: argparse.Namespace) -> None:
    """Create a virtual domain"""
    operations.create_domain(arguments.domain.lower())
    _print(arguments, {"name": arguments.domain.lower()}, f"Domain {arguments.domain.lower()} created")


def domain_dkim(operations: Operations, arguments: argparse.Namespace) -> None:
    """Show/create/remove DKIM keys&selector"""
    name = operations.store.domain(arguments.domain.lower())["name"]
    if arguments.remove:
        dkim.delete_key(operations.layout, name)
        _print(arguments, {"name": name}, f"DKIM key of {name} removed")
        return
    create = dkim.create_key if arguments.create else dkim.read_key
    key = create(operations.layout, name)
    if key is None:
        raise MissingError(f"DKIM key of {name}")
    shown = {"name": name, "selector": key.selector, "public": key.public}
    _print(arguments, shown, f'{key.selector}._domainkey.{name}. IN TXT "{key.record}"')


def domain_list(operations: Operations, arguments: argparse.Namespace) -> None:
    """List virtual domains"""
    names = [row["name"] for row in operations.store.domains()]
    _print(arguments, names, "\n".join(names))


def domain_remove(operations: Operations, arguments: argparse.Namespace) -> None:
    """Remove a virtual domain with its mailboxes and mail"""
    operations.delete_domain(arguments.domain.lower())


def domain_warm_up(operations: Operations, arguments: argparse.Namespace) -> None:  # noqa: ARG001
    """(Internal command!) Force recreate delivery domain configs"""
    for row in operations.store.domains():
        dkim.link(operations.layout, row["name"])


def email_admin(operations: Operations, arguments: argparse.Namespace) -> None:
    """Set/Unset email super admin rights"""
    operations.store.update_box(arguments.email.lower(), {"superAdmin": not arguments.unset})


def email_create(operations: Operations, arguments: argparse.Namespace) -> None:
    """Create a mailbox"""
    name = {"name": arguments.name} if arguments.name else {}
    operations.create_box(arguments.email.lower(), arguments.password, name)


def email_list(operations: Operations, arguments: argparse.Namespace) -> None:
    """List mailboxes"""
    addresses = [row["address"] for row in operations.store.boxes()]
    _print(arguments, addresses, "\n".join(addresses))


def email_passwd(operations: Operations, arguments: argparse.Namespace) -> None:
    """Change a mailbox's password"""
    operations.set_password(arguments.email.lower(), arguments.password)


def email_quota(operations: Operations, arguments: argparse.Namespace) -> None:
    """Set a mailbox's limits: number of messages and size in MB, 0 for none"""
    limits = {"countLimit": arguments.count, "storageLimit": arguments.size}
    operations.store.update_box(arguments.email.lower(), limits)


def email_remove(operations: Operations, arguments: argparse.Namespace) -> None:
    """Remove a mailbox and its mail"""
    operations.delete_box(arguments.email.lower())


def email_disable(operations: Operations, arguments: argparse.Namespace) -> None:
    """Switch a mailbox off"""
    operations.store.update_box(arguments.email.lower(), {"disabled": True})


def email_enable(operations: Operations, arguments: argparse.Namespace) -> None:
    """Switch a mailbox on"""
    operations.store.update_box(arguments.email.lower(), {"disabled": False})


COMMANDS: dict[str, tuple[Command, tuple[str, ...]]] = {
    "domain:create": (domain_create, ("--json", "domain")),
    "domain:dkim": (domain_dkim, ("--json", "--create", "--remove", "domain")),
    "domain:list": (domain_list, ("--json",)),
    "domain:remove": (domain_remove, ("domain",)),
    "domain:warm-up": (domain_warm_up, ()),
    "email:admin": (email_admin, ("--unset", "email")),
    "email:create": (email_create, ("email", "password", "name?")),
    "email:disable": (email_disable, ("email",)),
    "email:enable": (email_enable, ("email",)),
    "email:list": (email_list, ("--json",)),
    "email:passwd": (email_passwd, ("email", "password")),
    "email:quota": (email_quota, ("email", "count#", "size#")),
    "email:remove": (email_remove, ("email",)),
}


def run(layout: Layout, words: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0, 1 when the data does not allow it, 2 for bad usage."""
    if list(words[:1]) == ["help"] and len(words) > 1:
        words = [words[1], "--help"]
    elif list(words[:1]) in ([], ["help"], ["list"]):
        print("Mailserver commandline API version 1.0\n")
        for name, (command, _) in COMMANDS.items():
            print(f"  {name:<16} {command.__doc__}")
        return 0
    if words[0] not in COMMANDS:
        print(f'Command "{words[0]}" is not defined.', file=sys.stderr)
        return 1
    command, arguments = COMMANDS[words[0]]
    try:
        command(Operations(layout), _parser(words[0], arguments).parse_args(words[1:]))
    except (InvalidError, DuplicateError, MissingError) as failure:
        kind = {InvalidError: "Invalid", DuplicateError: "Exists already", MissingError: "Not found"}[type(failure)]
        print(f"{kind}: {failure}", file=sys.stderr)
        return 1
    return 0


def _parser(name: str, arguments: tuple[str, ...]) -> argparse.ArgumentParser:
    """Make the parser of one command; ``#`` marks a number, ``?`` an argument that may be left out."""
    parser = argparse.ArgumentParser(prog=f"poste {name}", description=COMMANDS[name][0].__doc__)
    for argument in arguments:
        if argument.startswith("--"):
            parser.add_argument(argument, action="store_true")
        elif argument.endswith("#"):
            parser.add_argument(argument[:-1], type=int)
        else:
            parser.add_argument(argument.rstrip("?"), nargs="?" if argument.endswith("?") else None)
    return parser


def _print(arguments: argparse.Namespace, as_json: object, as_text: str) -> None:
    print(json.dumps(as_json) if arguments.json else as_text)


def main() -> int:
    """Run the command of the process's own command line."""
    if os.geteuid() != MAIL_UID:
        message = f"This command should be running as user UID {MAIL_UID}, you run this script as {os.geteuid()}"
        print(message, file=sys.stderr)
        return 1
    return run(Layout(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
