"""Messages to and from a mailbox at another provider: the proof of what others make of our mail."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from functools import partial

from operate.verify.authentication import METHODS, authentication_results, organisation, written_by
from operate.verify.context import Context
from operate.verify.letter import letter
from operate.verify.mailbox import Mailbox, MailboxError, Server, own_mailbox, tls_for
from operate.verify.mx import mail_servers
from operate.verify.names import LookupFailedError, Names
from operate.verify.remedies import UP
from operate.verify.result import Check, Finding, fail, ok, unknown
from operate.verify.runner import Job
from operate.verify.signature import signature, signatures
from operate.verify.stack import Stack

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
EXPECTED = "spf, dkim and dmarc pass; signature valid"
THROUGH = "handed on by the relay; dkim and dmarc pass; an aligned signature valid"
RELAYED = ("dkim", "dmarc")
ALIGN = (
    "Put the records that the relay wants for its DKIM key into relay.records, so that it signs as your domain, and "
    f"turn tracking of links and opens off there; then {UP}. See docs/relay.md."
)
UNSETTLED = ("temperror", "not said")
"""What is neither a pass nor a failure: the provider could not look, or does not write what it found."""
ASK_ANOTHER = (
    "The provider's own Authentication-Results do not say it. Look again later, or use a mailbox at a provider that "
    "writes all three, as Gmail, Fastmail, iCloud and Outlook do."
)


def jobs(context: Context) -> Iterable[Job]:
    """The checks of both directions; none where no other mailbox is set."""
    stack = context.stack
    if stack.own.other_mailbox:
        yield Job(OUT, f"to {stack.own.other_mailbox}", partial(out, context.names, stack))
        if stack.receives(stack.settings.admin_address.rpartition("@")[2]):
            yield Job(BACK, f"from {stack.own.other_mailbox}", partial(back, context.names, stack))


async def out(names: Names, stack: Stack) -> Finding:
    """A message to the other provider passes its SPF, DKIM and DMARC, and its signature holds."""
    box, other = own_mailbox(stack), await other_mailbox(names, stack)
    message = letter(box.address, other.address)
    try:
        await box.send(message)
        arrived = await other.find(message["Subject"], DELIVERY, box)
        await other.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), EXPECTED)
    domain, ours = other.address.rpartition("@")[2], box.address.rpartition("@")[2]
    receiving = [domain, other.reading.host, other.sending.host, *await mail_servers(names, domain)]
    if relay := stack.settings.relay:
        if came_directly(arrived, (stack.mail_host, stack.ipv4, stack.ipv6), receiving):
            return fail(f"it came directly, not through the relay {relay.host}", THROUGH)
        selectors = [found.dkim_name.partition("._domainkey.")[0] for found in stack.domains if found.name == ours]
        return through_relay(arrived, await signatures(names, arrived, ours), selectors, senders(stack), receiving)
    return judged(arrived, await signature(names, arrived, ours), senders(stack), receiving)


def came_directly(arrived: bytes, own: Collection[str], receiving: Iterable[str]) -> bool:
    """Whether a receiving server took a message from one of our own names or addresses.

    A relay is known by not being us: many of its hosts are called otherwise than the one that takes the mail.
    """
    known = {organisation(host) for host in receiving}
    for field in message_from_bytes(arrived, policy=policy.SMTP).get_all("Received", []):
        text = " ".join(str(field).split())
        if any(organisation(host) in known for host in written_by(text)):
            giver = text.partition(" by ")[0].lower()
            if any(re.search(rf"(?<![\w.:-]){re.escape(name)}(?![\w:-])", giver) for name in own):
                return True
    return False


def through_relay(
    arrived: bytes, signed: Mapping[str, str], own: Collection[str], sending: Iterable[str], receiving: Iterable[str]
) -> Finding:
    """What the receiving side says of a message that a relay has handed on.

    `signed` tells of each signature of the author's domain whether it holds, `own` are the selectors of Poste's. Mail
    keeps its good name by one signature that holds and is aligned (RFC 9989), be it ours or the relay's; the envelope,
    which SPF is about, is the relay's own.
    """
    holding = [selector for selector, result in signed.items() if result == "valid"]
    changed = any("body hash" in signed.get(selector, "") for selector in own)
    rewritten = ", the relay rewrites bodies, so that ours does not hold" if changed else ""
    kept = holding[0] if holding else ""
    shown = f"valid of {kept}{rewritten}" if kept else f"{'; '.join(signed.values()) or 'missing'}{rewritten}"
    finding = judged(arrived, "valid" if kept else shown, sending, receiving, RELAYED)
    described = replace(finding, found=finding.found.replace("signature valid", f"signature {shown}"), expected=THROUGH)
    return described if kept else replace(described, remedy=ALIGN)


def judged(
    arrived: bytes, signed: str, sending: Iterable[str], receiving: Iterable[str], needed: Sequence[str] = METHODS
) -> Finding:
    """What the receiving side says of a message as it arrived, and whether its signature holds."""
    message = message_from_bytes(arrived, policy=policy.SMTP)
    results = authentication_results(message, list(sending), list(receiving))
    found = {method: results.get(method, "not said") for method in needed}
    shown = f"{', '.join(f'{method} {result}' for method, result in found.items())}; signature {signed}"
    if signed != "valid" or any(result not in ("pass", *UNSETTLED) for result in found.values()):
        return fail(shown, EXPECTED)
    if any(result in UNSETTLED for result in found.values()):
        return unknown(shown, EXPECTED, ASK_ANOTHER)
    return ok(shown, EXPECTED)


def senders(stack: Stack) -> list[str]:
    """Hosts, or domains with all their hosts, that write into our mail before another provider has it."""
    # A relay hands on through many hosts of its own.
    return [stack.mail_host, *([organisation(stack.settings.relay.host)] if stack.settings.relay else [])]


async def back(names: Names, stack: Stack) -> Finding:
    """A message from the other provider arrives."""
    box, other = own_mailbox(stack), await other_mailbox(names, stack)
    message = letter(other.address, box.address)
    try:
        await other.send(message, stack.own.other_submission_port)
        await box.find(message["Subject"], DELIVERY, other)
        await box.remove(message["Subject"])
    except MailboxError as error:
        return fail(str(error), "in the inbox")
    return ok("in the inbox", "in the inbox")


async def other_mailbox(names: Names, stack: Stack) -> Mailbox:
    """The mailbox at another provider; raises LookupFailedError."""
    own = stack.own
    reading, sending = own.other_imap_host or own.other_host, own.other_submission_host or own.other_host
    if not own.other_mailbox or not own.other_password or not reading or not sending:
        raise LookupFailedError(
            "the stack's configuration has verify:otherMailbox, but not all of verify:otherPassword and "
            "verify:otherHost, or verify:otherImapHost with verify:otherSubmissionHost"
        )
    password = own.other_password.get_secret_value()
    return Mailbox(
        own.other_mailbox, password, await _server(names, reading), await _server(names, sending), tls_for(stack)
    )


async def _server(names: Names, host: str) -> Server:
    addresses = (await names.public(host, "A")).values
    if not addresses:
        raise LookupFailedError(f"{host} has no address")
    return Server(host, addresses[0])
