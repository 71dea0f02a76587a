"""What all commands have in common: options of the same name and meaning, and exit statuses."""

import argparse
import contextlib
import json
import sys
from contextlib import AbstractContextManager
from typing import Any

from operate.errors import MailboxError, OperateError, ServerError

DONE, FAILED, UNUSABLE, TO_DO = 0, 1, 2, 3
"""Exit statuses: all is well; something failed or does not hold; the command line or the stack cannot be used, as
argparse has it; something is to be done that was not asked for."""


def parser(command: str, description: str, **more: Any) -> argparse.ArgumentParser:
    """A command's options, with those that all commands have."""
    made = argparse.ArgumentParser(prog=f"./run mail {command}", description=description.splitlines()[0], **more)
    made.add_argument("--stack", required=True, metavar="NAME", help="the Pulumi stack, for example prod")
    made.add_argument("--json", action="store_true", help="print the result as one JSON object, all else as errors are")
    return made


def standard_output_for_json(options: argparse.Namespace) -> AbstractContextManager[Any]:
    """Where the result is one JSON object, what is said meanwhile goes to standard error."""
    return contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext()


def refused(error: OperateError) -> int:
    """Tell why a command could not do what it was asked to; its exit status."""
    print(error, file=sys.stderr)
    return FAILED if isinstance(error, MailboxError | ServerError) else UNUSABLE


def show_json(**result: Any) -> None:
    """Print a result for programs."""
    print(json.dumps(result, indent=2))
