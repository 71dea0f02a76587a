"""The command for people and for CI: `./run mail COMMAND --stack NAME`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from operate.command_line import UNUSABLE

COMMANDS = {
    "stack": ("operate.stacks.command", "make a stack, or complete one that is there"),
    "preview": ("operate.workflow.preview", "show what a deploy would do, with the policies' judgement"),
    "deploy": ("operate.workflow.deploy", "deploy, if no earlier deploy was cut off"),
    "drift": ("operate.workflow.drift", "find what was changed behind the program's back"),
    "repair": ("operate.repair.command", "bring state and clouds together after a deploy that was cut off"),
    "backup": ("operate.backup.command", "make a backup now, list, prune or drill them"),
    "restore": ("operate.restore", "bring back the whole server's mail, one mailbox, or files"),
    "upgrade": ("operate.upgrade", "run a newer Poste, or the old one again if it does not work"),
    "reboot": ("operate.reboot", "boot the server anew, without cutting mail off"),
    "verify": ("operate.verify.command", "ask from outside whether the mail server works"),
    "reports": ("operate.reports.command", "say who sends in our name, by the reports that receivers send"),
    "status": ("operate.status.command", "show how the server is now, on one screen or as one page"),
    "logs": ("operate.logs", "show what a service has logged on the server"),
    "ssh": ("operate.ssh", "sign in to the server, or run a command there"),
    "mailbox": ("operate.mailboxes.command", "make, list and change mailboxes and aliases"),
    "clients": ("operate.verify.clients", "show how mail programs are set up, and write the files they take"),
    "benchmark": ("benchmarks.command", "measure how long previews take, for whoever changes the program"),
}
"""Module and meaning of each command. Only the one that is called is loaded, as some take seconds."""


def main(arguments: Sequence[str]) -> int:
    """Run a command; its exit status."""
    if arguments and arguments[0] in COMMANDS:
        module, _meaning = COMMANDS[arguments[0]]
        try:
            return int(import_module(module).main(arguments[1:]))
        except KeyboardInterrupt:
            return 130
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {meaning}" for name, (_module, meaning) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="./run mail",
        usage="./run mail COMMAND --stack NAME [OPTION …]",
        description="Runs a mail server's stack.",
        epilog=f"commands:\n{listed}\n\n"
        "./run mail COMMAND --help tells a command's options; each has --json and, but for benchmark, --stack.\n"
        "exit status: 0 all is well, 1 something failed or does not hold, 2 wrong command line or unusable stack,\n"
        "3 something is to be done that was not asked for",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.parse_args(arguments)
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
