"""Real messages to oneself: sent as a mail program sends them, and looked for as one fetches them."""

import base64
import secrets
from collections.abc import Iterable
from functools import partial

from model.ports import POP3S, SIEVE
from operate.verify.context import Context
from operate.verify.conversation import ConversationError, encrypted
from operate.verify.letter import letter
from operate.verify.mailbox import Mailbox, MailboxError, own_mailbox
from operate.verify.result import Check, Finding, fail, ok, unknown
from operate.verify.runner import Job

LOGS = (
    "Look at /data/log on the server. If the password was changed in Poste, set the same one: pulumi config set "
    "--secret adminPassword."
)
SUBMISSION = Check(
    "mail.submission",
    "sending from a client",
    "Mail programs hand their mail over here (RFC 6409; RFC 8314 for 465).",
    LOGS,
    deadline=45,
)
IMAP = Check(
    "mail.imap",
    "arrival, by IMAP",
    "What was sent has to be in the inbox (RFC 9051).",
    LOGS,
    deadline=90,
)
POP3 = Check(
    "mail.pop3",
    "arrival, by POP3",
    "Mail programs that fetch mail by POP3 have to find it too (RFC 1939).",
    LOGS,
    deadline=120,
)
FOLDERS = Check(
    "mail.folders",
    "folder round trip",
    "Mail programs make folders and put mail in: sent mail, drafts (RFC 9051, sections 6.3.4 and 6.3.12).",
    LOGS,
    deadline=45,
)
SIEVE_LOGIN = Check(
    "mail.sieve",
    "filters can be edited",
    "Mail programs edit filters over ManageSieve (RFC 5804).",
    LOGS,
    deadline=45,
)
CHECKS = (SUBMISSION, IMAP, POP3, FOLDERS, SIEVE_LOGIN)

DELIVERY = 40.0
"""Seconds until a message has to be there."""


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the administrator's mailbox."""
    stack = context.stack
    box = own_mailbox(stack)
    trial = Trial(context, box)
    yield Job(SUBMISSION, "465 submissions", partial(trial.submission, 465))
    yield Job(SUBMISSION, "587 submission", partial(trial.submission, 587))
    yield Job(IMAP, box.address, trial.arrival)
    open_ports = {port.number for port in stack.settings.ports}
    if POP3S.number in open_ports:
        yield Job(POP3, box.address, trial.pop3)
    yield Job(FOLDERS, box.address, partial(folders, box))
    if SIEVE.number in open_ports:
        yield Job(SIEVE_LOGIN, box.address, partial(sieve, box))


class Trial:
    """Messages from the administrator's mailbox to itself: one by each submission port, looked for by IMAP and POP3."""

    def __init__(self, context: Context, box: Mailbox) -> None:
        self._once = context.shared.once
        self._box = box
        self._letters = {port: letter(box.address, box.address) for port in (465, 587)}
        self._pop3 = any(port.number == POP3S.number for port in context.stack.settings.ports)

    async def _sent(self, port: int) -> str:
        """Send by a port; the problem, or nothing."""

        async def send() -> str:
            try:
                await self._box.send(self._letters[port], port)
            except MailboxError as error:
                return str(error)
            return ""

        return await self._once(("sent", port), send)

    async def submission(self, port: int) -> Finding:
        """The port takes a message after login."""
        problem = await self._sent(port)
        return fail(problem, "message taken") if problem else ok("message taken", "message taken")

    async def _arrived(self) -> list[tuple[str, str]]:
        """Subject and problem of each message that was sent."""

        async def wait() -> list[tuple[str, str]]:
            found = []
            for port, message in self._letters.items():
                if await self._sent(port):
                    continue
                try:
                    await self._box.find(message["Subject"], DELIVERY)
                    found.append((message["Subject"], ""))
                except MailboxError as error:
                    found.append((message["Subject"], str(error)))
            return found

        return await self._once("arrived", wait)

    async def arrival(self) -> Finding:
        """Every message that was sent is in the inbox."""
        arrived = await self._arrived()
        if not arrived:
            return unknown("nothing could be sent", "both messages in the inbox")
        problems = sorted({problem for _, problem in arrived if problem})
        if not self._pop3:
            await self._clean_up()
        if problems:
            return fail("; ".join(problems), "in the inbox")
        return ok(f"{len(arrived)} in the inbox", "in the inbox")

    async def pop3(self) -> Finding:
        """POP3 shows a message that IMAP has shown."""
        subjects = [subject for subject, problem in await self._arrived() if not problem]
        if not subjects:
            return unknown("nothing has arrived", "in the inbox")
        try:
            found = await self._box.pop3_has(subjects[0])
        except MailboxError as error:
            return fail(str(error), "in the inbox")
        finally:
            await self._clean_up()
        return ok("in the inbox", "in the inbox") if found else fail("not in the inbox", "in the inbox")

    async def _clean_up(self) -> None:
        for message in self._letters.values():
            await self._box.remove(message["Subject"])


async def folders(box: Mailbox) -> Finding:
    """A folder can be made, filled, read and deleted."""
    expected = "made, filled, read, deleted"
    try:
        await box.try_folder(f"verify-{secrets.token_hex(4)}", letter(box.address, box.address).as_bytes())
    except MailboxError as error:
        return fail(str(error), expected)
    return ok(expected, expected)


async def sieve(box: Mailbox) -> Finding:
    """Login to ManageSieve, over TLS (RFC 5804, section 2.1)."""
    secret = base64.b64encode(box.plain).decode()
    server = box.reading
    try:
        async with encrypted(server.dial, SIEVE.number, "sieve", "STARTTLS", server.host, box.tls) as talk:
            await talk.until("OK")
            await talk.ask(f'AUTHENTICATE "PLAIN" "{secret}"', "OK")
            await talk.say("LOGOUT")
    except (ConversationError, OSError) as error:
        return fail(str(error), "login")
    return ok("login", "login")
