"""Runs the system's tools."""

import asyncio


class CommandError(Exception):
    """A tool ended with an error; the message says which and why."""


async def run(*command: str, stdin: str | None = None) -> str:
    """Run a command and return its output; raises CommandError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(None if stdin is None else stdin.encode())
    if process.returncode != 0:
        raise CommandError(f"{' '.join(command[:4])} failed: {errors.decode().strip() or process.returncode}")
    return output.decode()


async def attempt(*command: str) -> bool:
    """Run a command that may fail; whether it succeeded."""
    try:
        await run(*command)
    except CommandError:
        return False
    return True
