"""What a person needs on a new machine, kept in the backup beside the mail: the stack's files and its state."""

from pathlib import Path

import asyncssh

from model.server_folders import STACK
from operate.pulumi_cli import pulumi
from operate.verify.server_shell import connected
from operate.verify.stack import Stack

STATE = "state.json"


async def keep(stack: Stack) -> list[str]:
    """Put the stack's configuration, its accounts and its state on the server's volume; the names of the files.

    All secrets in them are encrypted with what encrypts the stack's, which is not among them. Raises ShellError.
    """
    name = stack.name.rpartition("/")[2]
    found = [file for file in (Path(f"Pulumi.{name}.yaml"), Path("accounts") / f"{name}.yaml") if file.exists()]
    contents = {file.name if file.parent == Path() else f"accounts-{file.name}": file.read_text() for file in found}
    contents[STATE] = pulumi("stack", "export", "--stack", stack.name, secret_output=True)
    async with connected(stack) as connection, connection.start_sftp_client() as files:
        await files.makedirs(STACK, asyncssh.SFTPAttrs(permissions=0o700), exist_ok=True)
        for target, text in contents.items():
            async with files.open(f"{STACK}/.{target}.new", "w") as new:
                await new.write(text)
            await files.posix_rename(f"{STACK}/.{target}.new", f"{STACK}/{target}")
    return sorted(contents)
