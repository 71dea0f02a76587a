"""Real messages: sent as a mail program sends them, and looked for where they arrive."""

import base64
import re
import secrets
import ssl
from collections.abc import Iterable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial

import dkim  # type: ignore[import-untyped]

from components.ports import POP3S, SIEVE
from verify.context import Context
from verify.conversation import ConversationError, encrypted, unverified
from verify.mailbox import Mailbox, MailboxError
from verify.names import LookupFailedError, Names
from verify.result import Check, Finding, fail, ok, unknown
from verify.runner import Job
from verify.stack import Stack

LOGS = "Look at /data/log on the server. If the password was changed in Poste, set the same one as adminPassword."
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
OUT = Check(
    "mail.out",
    "mail to another provider",
    "The proof of SPF, DKIM and DMARC is what another provider makes of a real message (RFC 8601).",
    "Compare the other checks of DNS, DKIM and reverse DNS; what the provider found stands here.",
    deadline=120,
)
BACK = Check(
    "mail.back",
    "mail from another provider",
    "Mail from others is what a mail server is for (RFC 5321).",
    "Look at the MX record and port 25, then at /data/log on the server.",
    deadline=120,
)
CHECKS = (SUBMISSION, IMAP, POP3, FOLDERS, SIEVE_LOGIN, OUT, BACK)

DELIVERY = 40.0
"""Seconds until a message has to be there."""
METHODS = ("spf", "dkim", "dmarc")


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the administrator's mailbox, and of the exchange with another provider if one is set."""
    stack = context.stack
    tls = unverified() if stack.own.allow_self_signed else ssl.create_default_context()
    password = stack.settings.admin_password.get_secret_value()
    box = Mailbox(stack.settings.admin_address, password, stack.mail_host, stack.ipv4, tls)
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
    if stack.own.other_mailbox:
        yield Job(OUT, f"to {stack.own.other_mailbox}", partial(out, context.names, stack, box, tls))
        yield Job(BACK, f"from {stack.own.other_mailbox}", partial(back, context.names, stack, box, tls))


def letter(sender: str, recipient: str) -> EmailMessage:
    """A test message; its subject tells it from all others."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = f"verify-{secrets.token_hex(8)}"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content("A test message of the mail server's verification; it is deleted once it has been seen.\n")
    return message


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
    secret = base64.b64encode(f"\0{box.address}\0{box.password}".encode()).decode()
    try:
        async with encrypted(box.dial, SIEVE.number, "sieve", "STARTTLS", box.host, box.tls) as talk:
            await talk.until("OK")
            await talk.ask(f'AUTHENTICATE "PLAIN" "{secret}"', "OK")
            await talk.say("LOGOUT")
    except (ConversationError, OSError) as error:
        return fail(str(error), "login")
    return ok("login", "login")


async def out(names: Names, stack: Stack, box: Mailbox, tls: ssl.SSLContext) -> Finding:
    """A message to the other provider passes its SPF, DKIM and DMARC, and its signature holds."""
    expected = "spf, dkim and dmarc pass; signature valid"
    other = await other_mailbox(names, stack, tls)
    message = letter(box.address, other.address)
    try:
        await box.send(message)
        arrived = await other.find(message["Subject"], DELIVERY * 2)
        await other.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), expected)
    results = authentication_results(arrived.get_all("Authentication-Results", []))
    found = [f"{method} {results.get(method, 'not checked')}" for method in METHODS]
    signed = await signature(names, arrived)
    shown = f"{', '.join(found)}; signature {signed}"
    good = signed == "valid" and all(results.get(method, "pass") == "pass" for method in METHODS)
    return ok(shown, expected) if good else fail(shown, expected)


async def back(names: Names, stack: Stack, box: Mailbox, tls: ssl.SSLContext) -> Finding:
    """A message from the other provider arrives."""
    other = await other_mailbox(names, stack, tls)
    message = letter(other.address, box.address)
    try:
        await other.send(message, 587)
        await box.find(message["Subject"], DELIVERY * 2)
        await box.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), "in the inbox")
    return ok("in the inbox", "in the inbox")


async def other_mailbox(names: Names, stack: Stack, tls: ssl.SSLContext) -> Mailbox:
    """The mailbox at another provider; raises LookupFailedError."""
    own = stack.own
    if not own.other_mailbox or not own.other_host or not own.other_password:
        raise LookupFailedError("verify:otherHost and verify:otherPassword are not set in the stack's configuration")
    addresses = (await names.public(own.other_host, "A")).values
    if not addresses:
        raise LookupFailedError(f"{own.other_host} has no address")
    return Mailbox(own.other_mailbox, own.other_password.get_secret_value(), own.other_host, addresses[0], tls)


def authentication_results(fields: list[str]) -> dict[str, str]:
    """The result of each method in the topmost header field, which the receiving provider wrote (RFC 8601)."""
    for field in fields[:1]:
        text = re.sub(r"\([^()]*\)", " ", " ".join(str(field).split()))
        return {method: result.lower() for method, result in re.findall(r";\s*(spf|dkim|dmarc)\s*=\s*(\w+)", text)}
    return {}


async def signature(names: Names, message: EmailMessage) -> str:
    """Whether the DKIM signature holds for the key in DNS: valid, invalid or missing (checked by dkimpy)."""
    field = message["DKIM-Signature"]
    if not field:
        return "missing"
    tags = dict(part.strip().split("=", 1) for part in "".join(str(field).split()).split(";") if "=" in part)
    record = (await names.public(f"{tags.get('s', '')}._domainkey.{tags.get('d', '')}", "TXT")).values
    text = record[0].encode() if record else b""
    try:
        return "valid" if dkim.verify(message.as_bytes(), dnsfunc=lambda *_, **__: text) else "invalid"
    except dkim.DKIMException as error:
        return f"invalid ({error})"
