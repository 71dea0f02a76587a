"""Shows what a service has logged on the server: `./run mail logs --stack NAME [SERVICE] [--follow] [--lines N]`."""

import argparse
import asyncio
from collections.abc import Callable, Sequence

from model.poste_container import CONTAINER
from model.server_folders import DATA
from operate import command_line
from operate.errors import OperateError
from operate.ssh_client import session
from operate.verify.stack import read_stack

LINES = 100
"""Shown unless told otherwise."""
SERVICES_OF_POSTE = f"{DATA}/log/s6"
"""Where each service of Poste has a folder with its log, `current`."""


def files(*names: str) -> Callable[[int, bool], str]:
    """Prints the ends of files, whose names may be a shell's patterns, and goes on under the same name after they were
    changed for new ones.
    """
    return lambda lines, follow: f"tail --lines={lines}{' -F' * follow} {' '.join(names)}"


def unit(name: str) -> Callable[[int, bool], str]:
    """Prints the journal of a unit of systemd's."""
    return lambda lines, follow: f"journalctl --no-pager --unit={name} --lines={lines}{' --follow' * follow}"


def container(lines: int, follow: bool) -> str:
    """Prints what the container has printed, in one stream."""
    return f"docker logs --timestamps --tail={lines}{' --follow' * follow} {CONTAINER} 2>&1"


SERVICES: dict[str, tuple[Callable[[int, bool], str], str]] = {
    "mail": (
        files(f"{DATA}/log/mail*.log", f"{SERVICES_OF_POSTE}/haraka-*/current"),
        "what became of each message, and who signed in (unless you name another)",
    ),
    "smtp": (files(f"{SERVICES_OF_POSTE}/haraka-smtp/current"), "mail from other servers"),
    "submission": (files(f"{SERVICES_OF_POSTE}/haraka-submission/current"), "mail from mail programs, and out"),
    "dovecot": (files(f"{SERVICES_OF_POSTE}/dovecot/current"), "IMAP, POP3 and filters"),
    "rspamd": (files(f"{SERVICES_OF_POSTE}/rspamd/current"), "the spam filter"),
    "clamd": (files(f"{SERVICES_OF_POSTE}/clamd/current"), "the virus scanner"),
    "web": (files(f"{SERVICES_OF_POSTE}/nginx/current", f"{SERVICES_OF_POSTE}/php-fpm/current"), "web pages"),
    "container": (container, "what Poste's container prints itself"),
    "watch": (unit("poste-watch.service"), "the rounds of the watch"),
    "backup": (unit("poste-backup.service"), "the nightly backup"),
    "certificate": (unit("poste-certificate.service"), "renewals of the certificate"),
    "cloud-init": (files("/var/log/cloud-init-output.log"), "the server's first boot"),
}
"""By service: the line of the server's shell that prints its log, and what it tells."""


def main(arguments: Sequence[str]) -> int:
    """Show a log; the exit status."""
    listed = "\n".join(f"  {name:11}  {meaning}" for name, (_line, meaning) in SERVICES.items())
    parser = command_line.parser(
        "logs",
        __doc__ or "",
        epilog=f"services:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "service", nargs="?", choices=SERVICES, default="mail", metavar="SERVICE", help="one of those below"
    )
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--lines", type=int, default=LINES, metavar="N", help=f"lines of each file; {LINES} unless set")
    options = parser.parse_args(arguments)
    if options.lines < 0:
        parser.error("--lines: a number from 0 on")
    if options.json and options.follow:
        parser.error("--json and --follow: one JSON object has an end, what is followed has none")
    line, _meaning = SERVICES[options.service]
    try:
        stack = asyncio.run(read_stack(options.stack))
        done = session(stack, line(options.lines, options.follow), captured=options.json)
    except OperateError as error:
        return command_line.refused(error)
    if options.json:
        command_line.show_json(stack=options.stack, service=options.service, lines=done.stdout.splitlines())
    return command_line.FAILED if done.returncode else command_line.DONE
