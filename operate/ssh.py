"""Signs in to the server: `./run mail ssh --stack NAME [COMMAND …]`, a shell there, or one command of it."""

import argparse
import asyncio
from collections.abc import Sequence

from operate import command_line
from operate.errors import OperateError
from operate.ssh_client import session
from operate.verify.stack import read_stack


def main(arguments: Sequence[str]) -> int:
    """Sign in; the exit status is the command's, or that of the shell."""
    parser = command_line.parser(
        "ssh",
        __doc__ or "",
        epilog="The server proves itself by the host key of the stack's settings. The words of the command are joined "
        "for its shell, as ssh does: './run mail ssh --stack prod docker ps', and quotes around a line with | or *.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run instead of a shell")
    options = parser.parse_args(arguments)
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.json and not words:
        parser.error("--json wants a command: a shell prints no JSON")
    try:
        stack = asyncio.run(read_stack(options.stack))
        done = session(stack, " ".join(words), captured=options.json)
    except OperateError as error:
        return command_line.refused(error)
    if options.json:
        command_line.show_json(stack=options.stack, exit=done.returncode, output=done.stdout)
    return done.returncode
