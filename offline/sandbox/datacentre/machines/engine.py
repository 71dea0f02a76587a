"""The data centre's own Docker engine, started with the container and ended with it."""

import asyncio
import os
from pathlib import Path

from offline.sandbox.datacentre.machines import cgroups
from offline.sandbox.datacentre.machines.shell import attempt, run

LOG = Path("/var/log/dockerd.log")
START_SECONDS = 180


async def start() -> None:
    """Start dockerd, and clear away servers that an earlier data centre left in the image store's volume."""
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    await asyncio.create_subprocess_exec(
        *("dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--log-level=warn"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    async with asyncio.timeout(START_SECONDS):
        while not await attempt("docker", "version"):  # noqa: ASYNC110 - another program's state can only be polled
            await asyncio.sleep(0.1)
    leftovers = (await run("docker", "ps", "--all", "--quiet")).split()
    if leftovers:
        await run("docker", "rm", "--force", "--volumes", *leftovers)
    cgroups.remove()
