"""A mailbox of the sandbox, as verify uses it, for tests that have no event loop."""

import asyncio
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypeVar

from offline.sandbox import world
from operate.verify.conversation import unverified
from operate.verify.mailbox import Mailbox, MailboxError, Server

T = TypeVar("T")

POLL_INTERVAL = 0.5
"""Seconds between two looks into an inbox."""


def letter(sender: str, subject: str, to: str = world.OTHER_MAILBOX) -> EmailMessage:
    """A short message, to the other provider unless told otherwise."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content("Does this arrive?\n")
    return message


class SandboxMailbox:
    """One address with its password, at a server of the sandbox. Its methods raise MailboxError."""

    def __init__(self, address: str, password: str, server: Server) -> None:
        self.address = address
        # Certificates there are signed by nobody known.
        self._box = Mailbox(address, password, server, server, unverified())

    def send(self, message: EmailMessage) -> None:
        """Hand a message to the server."""
        asyncio.run(self._box.send(message, 587))

    def take(self, subject: str) -> EmailMessage | None:
        """The message with this subject, if it is in the inbox, from where it is deleted."""
        return asyncio.run(self._take(subject))

    def send_patiently(self, message: EmailMessage, seconds: float) -> None:
        """As `send`, where the server may have just been restarted."""
        self._patiently(lambda: self.send(message), seconds)

    def take_patiently(self, subject: str, seconds: float = 60) -> EmailMessage | None:
        """As `take`, where the server may have just been restarted."""
        return self._patiently(lambda: self.take(subject), seconds)

    def _patiently(self, act: Callable[[], T], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return act()
            except MailboxError:
                # Each of Poste's ports comes back in its own time.
                if time.monotonic() > deadline:
                    raise
            time.sleep(POLL_INTERVAL)

    def wait_for(self, subject: str, seconds: float) -> EmailMessage:
        """The message once it is there, even if the server is away meanwhile."""
        deadline = time.monotonic() + seconds
        problem = MailboxError(f"{subject} is not in {self.address}'s inbox")
        while time.monotonic() < deadline:
            try:
                message = self.take(subject)
            except MailboxError as error:
                problem = error
            else:
                if message:
                    return message
            time.sleep(POLL_INTERVAL)
        raise problem

    async def _take(self, subject: str) -> EmailMessage | None:
        found = await self._box.look_for(subject)
        if found is None:
            return None
        await self._box.remove(subject)
        return message_from_bytes(found, policy=policy.default)


PROVIDER = SandboxMailbox(world.OTHER_MAILBOX, world.OTHER_PASSWORD, Server(world.OTHER_HOST, world.PROVIDER.ipv4))
"""The mailbox at the other provider."""
