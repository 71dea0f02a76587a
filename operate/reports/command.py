"""Who sends in our name, and does it pass? `./run mail reports --stack NAME` reads the reports that receivers send.

They lie in the mailboxes to which DMARC's rua and tlsReports lead. Nothing there is changed, unless --delete asks.
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from model.values import EmailAddress, Fqdn
from operate import command_line
from operate.errors import MailboxError, OperateError
from operate.reports import table
from operate.reports.boxes import known_password, mailbox, readable
from operate.reports.collected import collect, delete_read
from operate.reports.summary import DAYS, summarized
from operate.stacks.questions import argument
from operate.verify.mailbox import Mailbox
from operate.verify.stack import Stack, read_stack


def main(given: Sequence[str]) -> int:
    """Run the command; the exit status."""
    parser = _options()
    chosen = parser.parse_args(given)
    if not chosen.mailbox and (chosen.imap_host or chosen.password_stdin):
        parser.error("--imap-host and --password-stdin are about the mailbox that --mailbox names")
    try:
        return asyncio.run(_reports(chosen))
    except OperateError as error:
        return command_line.refused(error)


def _options() -> argparse.ArgumentParser:
    parser = command_line.parser("reports", __doc__ or "")
    parser.add_argument(
        "--since", type=_days, default=DAYS, metavar="DAYS", help=f"what came in that many days ({DAYS})"
    )
    parser.add_argument(
        "--mailbox",
        action="append",
        default=[],
        type=argument(EmailAddress),
        metavar="ADDRESS",
        help="read this mailbox, instead of those of the settings; may be repeated",
    )
    parser.add_argument(
        "--imap-host", type=argument(Fqdn), metavar="HOST", help="its server, where that is another one"
    )
    parser.add_argument(
        "--password-stdin", action="store_true", help="its password is a line of standard input; else a person is asked"
    )
    parser.add_argument(
        "--folder", action="append", default=[], metavar="NAME", help="look in this folder (INBOX); may be repeated"
    )
    parser.add_argument("--delete", action="store_true", help="delete the messages whose reports were read and shown")
    return parser


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError("expected a number of days, for example 35")
    return int(text)


async def _reports(chosen: argparse.Namespace) -> int:
    stack = await read_stack(chosen.stack)
    now = datetime.now(UTC)
    since = (now - timedelta(days=chosen.since)).date()
    named = [_named(stack, address, chosen) for address in dict.fromkeys(chosen.mailbox)]
    boxes, others = (named, []) if named else readable(stack)
    found = await asyncio.to_thread(collect, boxes, list(dict.fromkeys(chosen.folder)) or ["INBOX"], since, now)
    found.unread += others
    summary = await summarized(stack, found, since)
    if not chosen.json:
        print("\n".join(table.lines(summary)))
    domains = [domain.name for domain in summary.domains]
    deleted = await asyncio.to_thread(delete_read, found, domains) if chosen.delete else 0
    if chosen.json:
        command_line.show_json(stack=stack.name, **table.as_json(summary), deleted=deleted)
    elif chosen.delete:
        print(f"Messages that were read and are now deleted: {deleted}")
    return command_line.DONE


def _named(stack: Stack, address: str, chosen: argparse.Namespace) -> Mailbox:
    """A mailbox that was asked for, with its password. Raises MailboxError."""
    password = "" if chosen.imap_host else known_password(stack.settings, address)
    if chosen.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not password and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {address} (not shown): ")
    if not password:
        raise MailboxError(f"The password of {address} is no setting. Pipe it in: --password-stdin")
    return mailbox(stack, address, password, chosen.imap_host or "")
