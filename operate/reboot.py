"""Boots the server anew, for what has been mended in its kernel: `./run mail reboot --stack NAME`."""

import asyncio
import sys
import time
from collections.abc import Sequence

from operate import command_line
from operate.errors import OperateError, ServerError
from operate.server_scripts import run_script
from operate.verify import command as verify
from operate.verify.server_shell import connected
from operate.verify.stack import Stack, read_stack

PROOF = "server,container,mail,tls"
BACK = 600
"""Seconds until the server has to answer again."""
PAUSE = 3
BOOT = "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1"
"""What is another after each boot: the kernel's own mark and, where a kernel serves several systems, when the first
process began."""


def main(arguments: Sequence[str]) -> int:
    """Reboot; the exit status."""
    parser = command_line.parser("reboot", __doc__ or "")
    options = parser.parse_args(arguments)
    try:
        with command_line.standard_output_for_json(options):
            stack = asyncio.run(read_stack(options.stack))
            seconds = asyncio.run(_reboot(stack))
    except OperateError as error:
        return command_line.refused(error)
    if options.json:
        command_line.show_json(stack=options.stack, away=seconds)
    print(f"The server is back after {seconds:.0f} s. Asking whether it works", file=sys.stderr)
    with command_line.standard_output_for_json(options):
        return verify.main(["--stack", options.stack, "--only", PROOF, "--watch", "300"])


async def _reboot(stack: Stack) -> float:
    """Let running deliveries end, reboot, and wait until the server is back; the seconds that took."""
    before = await _boot(stack)
    print("Letting connections of mail end; new ones wait at their senders", file=sys.stderr)
    await run_script(stack, "drain.py")
    began = time.monotonic()
    async with connected(stack) as connection:
        # It goes away under the command.
        await connection.create_process("systemctl reboot")
        await asyncio.sleep(1)
    print(f"Rebooting; it should be back within {BACK} s", file=sys.stderr)
    while True:
        try:
            if await _boot(stack) != before:
                return time.monotonic() - began
        except ServerError:
            pass
        if time.monotonic() - began > BACK:
            raise ServerError(f"The server does not answer {BACK} s after its reboot. Look at its console at Hetzner")
        await asyncio.sleep(PAUSE)


async def _boot(stack: Stack) -> str:
    async with connected(stack) as connection:
        return str((await connection.run(BOOT)).stdout)
