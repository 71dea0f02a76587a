"""An SMTP session as a stranger has it."""

import contextlib
from collections.abc import AsyncIterator

import aiosmtplib

from operate.verify.conversation import CONNECT_TIMEOUT, HELLO, LINE_TIMEOUT


@contextlib.asynccontextmanager
async def session(address: str, port: int) -> AsyncIterator[tuple[aiosmtplib.SMTP, str]]:
    """An SMTP session without TLS, and its greeting; raises OSError or aiosmtplib's errors."""
    client = aiosmtplib.SMTP(
        hostname=address, port=port, local_hostname=HELLO, start_tls=False, use_tls=False, timeout=LINE_TIMEOUT
    )
    greeted = await client.connect(timeout=CONNECT_TIMEOUT + LINE_TIMEOUT)
    try:
        yield client, greeted.message
    finally:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=2)
        client.close()


async def reply(client: aiosmtplib.SMTP, command: str) -> tuple[int, str]:
    """Send a command as it stands, and return code and first line of the reply."""
    response = await client.execute_command(command.encode())
    return response.code, (response.message.splitlines() or [""])[0]
