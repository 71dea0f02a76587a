"""Shows how the server is now: `./run mail status --stack NAME`, on one screen, or with --html FOLDER as a page.

Exit status 0 says that all is well, 1 that there is an alarm, that something could not be looked at or, for the page,
that a required check does not hold.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from operate import command_line
from operate.errors import OperateError, PageError
from operate.quantities import moment
from operate.status import now
from operate.status.look import Look, look, shown_by
from operate.status.page import page
from operate.verify.command import THREADS
from operate.verify.result import Status
from operate.verify.stack import Stack, read_stack
from operate.verify.table import MARKS, STYLES, as_json

PAGE = "index.html"


def main(arguments: Sequence[str]) -> int:
    """Look, and show it; the exit status."""
    parser = command_line.parser("status", __doc__ or "")
    parser.add_argument(
        "--html", type=Path, metavar="FOLDER", help="write index.html here, with all checks and plots; takes a minute"
    )
    parser.add_argument("--ipv4", action="store_true", help="leave IPv6 out of the checks: this machine has none")
    options = parser.parse_args(arguments)
    try:
        stack = replace(asyncio.run(read_stack(options.stack)), ipv4_only=options.ipv4)
        if options.html:
            _make(options.html)
            return _write(asyncio.run(_everything(stack)), options.html, as_json_object=options.json)
        shown = asyncio.run(shown_by(stack))
    except OperateError as error:
        return command_line.refused(error)
    well = now.is_well(shown, stack.settings)
    if options.json:
        command_line.show_json(stack=stack.name, ok=well, **shown)
    else:
        for line in screen(stack, shown):
            Console().print(line, soft_wrap=True, highlight=False)
    return command_line.DONE if well else command_line.FAILED


async def _everything(stack: Stack) -> Look:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    return await look(stack)


def _make(folder: Path) -> None:
    """Have the folder before a minute is spent on what is to lie there. Raises PageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PageError(f"--html {folder}: {error.strerror}. Expected a folder, or the name of a new one") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PageError(f"--html {folder}: Permission denied. Expected a folder in which you may write")


def _write(found: Look, folder: Path, *, as_json_object: bool) -> int:
    file = folder / PAGE
    try:
        file.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise PageError(f"{file} cannot be written: {error.strerror}") from None
    if as_json_object:
        command_line.show_json(
            stack=found.stack.name,
            ok=found.well,
            written=str(file),
            status=found.shown,
            results=as_json(found.results),
            unknown=found.unknown,
        )
    else:
        print(f"written: {file}")
        print("\n".join(found.unknown), end="\n" * bool(found.unknown), file=sys.stderr)
    return command_line.DONE if found.well else command_line.FAILED


def screen(stack: Stack, shown: now.Shown) -> Iterator[Text]:
    """The lines of the screen."""
    yield Text.assemble((stack.mail_host, "bold"), f"  {stack.ipv4}  {stack.ipv6}  {moment(shown['at'])}")
    for alarm in shown["alarms"]:
        yield Text(f"{MARKS[Status.FAIL]} {now.alarm(alarm)}", style=STYLES[Status.FAIL])
    found = now.rows(shown, now.parts(stack.settings))
    width = max(len(row.name) for row in found)
    for row in found:
        style = STYLES[row.status]
        text = (row.text, "" if row.status is Status.OK else style)
        yield Text.assemble((MARKS[row.status], style), f" {row.name:{width}}  ", text)
    if shown["alarms"]:
        yield Text(f"What to do: ./run mail verify --stack {stack.name}")
    elif dark := now.unseen(shown, stack.settings):
        yield Text(f"No alarm, but not known: {', '.join(dark)}", style=STYLES[Status.UNKNOWN])
    else:
        yield Text("No alarm", style=STYLES[Status.OK])
