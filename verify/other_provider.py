"""Messages to and from a mailbox at another provider: the proof of what others make of our mail."""

import re
from collections.abc import Iterable
from email.message import EmailMessage
from functools import partial

import dkim  # type: ignore[import-untyped]

from verify.context import Context
from verify.letter import letter
from verify.mailbox import Mailbox, MailboxError, own_mailbox, tls_for
from verify.names import LookupFailedError, Names
from verify.result import Check, Finding, fail, ok
from verify.runner import Job
from verify.stack import Stack

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
CHECKS = (OUT, BACK)

DELIVERY = 80.0
"""Seconds until a message has to be there; others may take their time."""
METHODS = ("spf", "dkim", "dmarc")


def jobs(context: Context) -> Iterable[Job]:
    """The checks of both directions; none where no other mailbox is set."""
    stack = context.stack
    if stack.own.other_mailbox:
        yield Job(OUT, f"to {stack.own.other_mailbox}", partial(out, context.names, stack))
        yield Job(BACK, f"from {stack.own.other_mailbox}", partial(back, context.names, stack))


async def out(names: Names, stack: Stack) -> Finding:
    """A message to the other provider passes its SPF, DKIM and DMARC, and its signature holds."""
    expected = "spf, dkim and dmarc pass; signature valid"
    box, other = own_mailbox(stack), await other_mailbox(names, stack)
    message = letter(box.address, other.address)
    try:
        await box.send(message)
        arrived = await other.find(message["Subject"], DELIVERY)
        await other.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), expected)
    results = authentication_results(arrived.get_all("Authentication-Results", []))
    found = [f"{method} {results.get(method, 'not checked')}" for method in METHODS]
    signed = await signature(names, arrived)
    shown = f"{', '.join(found)}; signature {signed}"
    good = signed == "valid" and all(results.get(method, "pass") == "pass" for method in METHODS)
    return ok(shown, expected) if good else fail(shown, expected)


async def back(names: Names, stack: Stack) -> Finding:
    """A message from the other provider arrives."""
    box, other = own_mailbox(stack), await other_mailbox(names, stack)
    message = letter(other.address, box.address)
    try:
        await other.send(message, 587)
        await box.find(message["Subject"], DELIVERY)
        await box.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), "in the inbox")
    return ok("in the inbox", "in the inbox")


async def other_mailbox(names: Names, stack: Stack) -> Mailbox:
    """The mailbox at another provider; raises LookupFailedError."""
    own = stack.own
    if not own.other_mailbox or not own.other_host or not own.other_password:
        raise LookupFailedError("verify:otherHost and verify:otherPassword are not set in the stack's configuration")
    addresses = (await names.public(own.other_host, "A")).values
    if not addresses:
        raise LookupFailedError(f"{own.other_host} has no address")
    return Mailbox(
        own.other_mailbox, own.other_password.get_secret_value(), own.other_host, addresses[0], tls_for(stack)
    )


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
