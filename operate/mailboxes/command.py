"""Mailboxes and aliases: `./run mail mailbox VERB …` changes the settings, and a deploy carries that out."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from model.values import EmailAddress
from operate import command_line
from operate.errors import MailboxError, OperateError, StackError
from operate.mailboxes import listing, passwords
from operate.mailboxes.book import add, changing, settings_of
from operate.mailboxes.server import set_password, there
from operate.stacks.questions import argument
from operate.stacks.stack import Stack

Told = dict[str, Any]
"""What a verb has done: `said` in words, and all else for programs."""


def main(arguments: Sequence[str]) -> int:
    """Carry a verb out; the exit status."""
    if not arguments or arguments[0] not in VERBS:
        return _help(arguments)
    add_options, carry_out, meaning = VERBS[arguments[0]]
    parser = command_line.parser(f"mailbox {arguments[0]}", f"{meaning[0].upper()}{meaning[1:]}.")
    add_options(parser)
    options = parser.parse_args(arguments[1:])
    stack = Stack(options.stack, yaml.safe_load(Path("Pulumi.yaml").read_text())["name"])
    try:
        with command_line.standard_output_for_json(options):
            told = carry_out(stack, options)
    except OperateError as error:
        return command_line.refused(error)
    said = told.pop("said")
    if options.json:
        command_line.show_json(stack=stack.name, **told)
    else:
        if told.get("password"):
            said = [*said, *_shown(stack, told["address"], told["password"])]
        print("\n".join(said))
    return command_line.DONE


def _add(stack: Stack, options: argparse.Namespace) -> Told:
    address = options.address
    settings = settings_of(stack)
    if any(address in domain.addresses for domain in settings.domains):
        raise MailboxError(f"{address} is in the settings already. Nothing was changed.")
    fields = {
        "address": address,
        "name": options.name,
        "quotaMb": options.quota_mb,
        "quotaMessages": options.quota_messages,
        "administrator": options.administrator or None,
        "internalOnly": options.internal_only or None,
    }
    box = {key: value for key, value in fields.items() if value is not None}
    if options.adopt or address == settings.admin_address:
        if options.password_stdin:
            raise MailboxError(f"{address} keeps the password that it has. Leave --password-stdin out.")
        written = add(stack, box, None)
        return _changed(stack, address, written, f"{address} is in {written[0]}. It keeps the password that it has.")
    choice = passwords.chosen(address, piped=options.password_stdin)
    written = add(stack, box, choice.password)
    told = _changed(stack, address, written, f"{address} is in {written[0]}, and its password in {stack.file}.")
    return told | ({"password": choice.password} if choice.made else {})


def _passwd(stack: Stack, options: argparse.Namespace) -> Told:
    address = options.address
    settings = settings_of(stack)
    known = {box.address for box in settings.mailboxes} | {settings.admin_address}
    if address not in known:
        raise MailboxError(
            f"{address} is no mailbox of the settings. If Poste has it, take it over: ./run mail mailbox add "
            f"{address} --adopt --stack {stack.name}"
        )
    choice = passwords.chosen(address, piped=options.password_stdin)
    if address == settings.admin_address:
        # The scripts on the server sign in with it, so it is changed there by the step that knows the old one.
        stack.set_secret("adminPassword", choice.password)
        said = f"{address} is the administrator: adminPassword is set in {stack.file}, and a deploy carries it out."
        told = _changed(stack, address, [stack.file.name], said)
    else:
        with changing(stack):
            passwords.keep(stack, address, choice.password)
            said = _set_there(stack, address, choice.password)
        told = {"address": address, "changed": [stack.file.name], "said": [said]}
    return told | ({"password": choice.password} if choice.made else {})


def _set_there(stack: Stack, address: str, password: str) -> str:
    """Set a password on the server, if it has the mailbox; what came of it."""
    try:
        done = set_password(stack.name, address, password)
    except StackError:
        done = False  # nothing is deployed yet
    if done:
        return f"{address} has a new password, on the server and in {stack.file}."
    return f"The password is in {stack.file}. {address} gets it when a deploy makes the mailbox."


def _disable(stack: Stack, options: argparse.Namespace) -> Told:
    return _set_disabled(stack, options.address, disabled=True)


def _enable(stack: Stack, options: argparse.Namespace) -> Told:
    return _set_disabled(stack, options.address, disabled=False)


def _set_disabled(stack: Stack, address: str, *, disabled: bool) -> Told:
    settings_of(stack)
    with changing(stack) as book:
        book.change(address, disabled=disabled)
        written = book.save()
    said = (
        f"{address} is disabled in the settings: nobody can sign in, and mail to it is refused. Its mail is kept."
        if disabled
        else f"{address} is enabled in the settings."
    )
    return _changed(stack, address, written, said)


def _remove(stack: Stack, options: argparse.Namespace) -> Told:
    address = options.address
    settings = settings_of(stack)
    if address == settings.admin_address:
        raise MailboxError(f"{address} is adminAddress, without which nothing works. Set that to another one first.")
    place = len(settings.delete_mailboxes)
    with changing(stack) as book:
        book.remove(address)
        written = book.save()
        passwords.forget(stack, address)
    said = (
        f"{address} is taken off the settings. The next deploy disables the mailbox and keeps its mail. To delete it "
        f"with all its mail, before or after that: pulumi config set --path 'deleteMailboxes[{place}]' {address} "
        f"--stack {stack.name}"
    )
    leading = [alias for domain in settings.domains for alias, targets in domain.aliases.items() if address in targets]
    if leading:
        said += f"\n{', '.join(leading)} still leads to {address}. Have it lead elsewhere: ./run mail mailbox alias …"
    return _changed(stack, address, written, said)


def _alias(stack: Stack, options: argparse.Namespace) -> Told:
    alias, targets = options.address, options.target
    if options.remove is bool(targets):
        raise MailboxError("Expected where the alias leads, or --remove.")
    settings_of(stack)
    with changing(stack) as book:
        if options.remove:
            book.remove_alias(alias)
        else:
            book.lead(alias, targets)
        written = book.save()
    said = f"{alias} is no alias any more." if options.remove else f"{alias} leads to {', '.join(targets)}."
    return _changed(stack, alias, written, said)


def _list(stack: Stack, options: argparse.Namespace) -> Told:
    settings = settings_of(stack)
    found = listing.listed(settings, None if options.settings_only else there(stack.name))
    return {**found, "said": listing.lines(found)}


def _changed(stack: Stack, address: str, written: Sequence[str], said: str) -> Told:
    if not written:
        return {"address": address, "changed": [], "said": [f"{said} It was so already."]}
    deploy = f"Deploy it: pulumi up --stack {stack.name}"
    return {"address": address, "changed": list(written), "said": [said, deploy]}


def _shown(stack: Stack, address: str, password: str) -> list[str]:
    """A password that was made, once, to a person; a log gets the way to read it."""
    if sys.stdout.isatty():
        return [f"Its password, shown this once: {password}"]
    return [f"Its password was made. Read it with: {passwords.reading(stack, address)}"]


def _help(arguments: Sequence[str]) -> int:
    width = max(map(len, VERBS))
    listed = "\n".join(f"  {verb:{width}}  {meaning}" for verb, (_options, _carry_out, meaning) in VERBS.items())
    parser = command_line.parser(
        "mailbox",
        __doc__ or "",
        epilog=f"verbs:\n{listed}\n\n./run mail mailbox VERB --help tells a verb's options. See docs/accounts.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help="first of all, one of those below")
    parser.parse_args(arguments)
    parser.error("the verb comes first")


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", type=argument(EmailAddress), help="for example ann@example.com")


def _password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="the password is the first line of standard input; else a person is asked, or one is made",
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    _address(parser)
    parser.add_argument("--name", help="what mail programs show beside the address")
    parser.add_argument("--quota-mb", type=int, metavar="N", help="megabytes of mail that it may hold")
    parser.add_argument("--quota-messages", type=int, metavar="N", help="messages that it may hold")
    parser.add_argument("--administrator", action="store_true", help="it may do everything in Poste")
    parser.add_argument("--internal-only", action="store_true", help="it takes no mail from outside")
    _password(parser)
    parser.add_argument("--adopt", action="store_true", help="Poste has it already, and it keeps its password")


def _passwd_options(parser: argparse.ArgumentParser) -> None:
    _address(parser)
    _password(parser)


def _alias_options(parser: argparse.ArgumentParser) -> None:
    _address(parser)
    parser.add_argument("target", metavar="TARGET", nargs="*", help="an address, or *@DOMAIN for all its mailboxes")
    parser.add_argument("--remove", action="store_true", help="take the alias off")


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings-only", action="store_true", help="do not ask the server")


VERBS: dict[
    str,
    tuple[
        Callable[[argparse.ArgumentParser], None],
        Callable[[Stack, argparse.Namespace], Told],
        str,
    ],
] = {
    "add": (_add_options, _add, "make a mailbox"),
    "list": (_list_options, _list, "show mailboxes and aliases of the settings, and what Poste has beside them"),
    "passwd": (_passwd_options, _passwd, "give a mailbox another password, at once"),
    "disable": (_address, _disable, "keep a mailbox and its mail, but let nobody in and no mail reach it"),
    "enable": (_address, _enable, "undo that"),
    "remove": (_address, _remove, "take a mailbox off the settings; a deploy disables it and keeps its mail"),
    "alias": (_alias_options, _alias, "add an alias, have it lead elsewhere, or take it off"),
}
"""By verb: its options, what it does, and what that means."""
