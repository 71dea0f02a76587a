"""The deploy's scripts on the server, run through SSH, with what they say meanwhile shown as it comes."""

import asyncio
import json
import sys
from typing import Any

from operate.errors import ServerError
from operate.verify.server_shell import connected
from operate.verify.stack import Stack

FOLDER = "/opt/poste-mail"
"""Where the deploy has put them."""
NOT_THERE = 2
"""What Python ends with where it cannot open the script; what a script ends with by itself is 1."""


async def run_script(stack: Stack, script: str, request: dict[str, Any] | None = None, *arguments: str) -> Any:
    """What a script prints, which is JSON. Raises ServerError with the script's own words, or why it was not run.

    Its lines on standard error go to the person while it runs; the last of them is what it ended with, if it failed.
    """
    line = " ".join(("python3", f"{FOLDER}/{script}", *arguments))
    async with (
        connected(stack) as connection,
        connection.create_process(line, input=json.dumps(request or {})) as process,
    ):
        answer, last = await asyncio.gather(process.stdout.read(), _shown_but_the_last(process.stderr))
        done = await process.wait()
    if done.exit_status == NOT_THERE:
        raise ServerError(
            f"{script} is not on the server, whose last deploy was by an older version of this program. "
            f"Deploy this one: pulumi up --stack {stack.name}"
        )
    if done.exit_status != 0:
        raise ServerError(last or f"{script} ended with {done.exit_status}, and said nothing")
    if last:
        print(last, file=sys.stderr)
    return json.loads(str(answer)) if str(answer).strip() else {}


async def _shown_but_the_last(stream: Any) -> str:
    last = ""
    async for line in stream:
        if not str(line).strip():
            continue
        if last:
            print(last, file=sys.stderr, flush=True)
        last = str(line).rstrip()
    return last
