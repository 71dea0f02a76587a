"""Python on the mail server, through SSH with the stack's own key; the server proves itself by the host key we gave it.

Keys stay in memory: asyncssh takes them as they are, where the system's ssh would want files.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from operate.errors import ServerError
from operate.verify.stack import Stack

USER = "root"
CONNECT_TIMEOUT = 15
SCRIPT = Path(__file__).with_name("remote_report.py")


class ShellError(ServerError):
    """The server cannot be asked; the text says why."""


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection to the server; raises ShellError, with what happens inside the block, too."""
    settings = stack.settings
    host_key = asyncssh.import_public_key(settings.ssh_host_public_key)
    try:
        async with asyncssh.connect(
            stack.ipv4,
            username=USER,
            client_keys=[asyncssh.import_private_key(settings.ssh_private_key.get_secret_value())],
            known_hosts=([host_key], [], []),
            agent_path=None,
            config=None,
            connect_timeout=CONNECT_TIMEOUT,
            keepalive_interval=CONNECT_TIMEOUT,
        ) as connection:
            yield connection
    except (OSError, asyncssh.Error) as error:
        raise ShellError(
            f"SSH to {stack.ipv4}: {error}. Only adminCidrs may use it; are you in one of them?"
        ) from error


async def ask_server(stack: Stack, call: str, *arguments: Any) -> Any:
    """What a function of remote_report.py prints; raises ShellError."""
    script = f"{SCRIPT.read_text()}\nimport json\n{call}(*json.loads({json.dumps(json.dumps(arguments))!s}))\n"
    async with connected(stack) as connection:
        done = await connection.run("python3 -", input=script)
    if done.exit_status != 0:
        raise ShellError(f"on the server: {str(done.stderr).strip()[-200:]}")
    return json.loads(str(done.stdout))
