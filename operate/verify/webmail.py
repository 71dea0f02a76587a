"""Webmail works for whoever signs in: a message that arrived can be read there, and one be written and sent."""

import asyncio
import contextlib
from collections.abc import Iterable
from email.message import EmailMessage
from functools import partial

from model.client_settings import web_addresses
from operate.verify.context import Context
from operate.verify.letter import letter
from operate.verify.mail import DELIVERY
from operate.verify.mailbox import Mailbox, MailboxError, own_mailbox
from operate.verify.remedies import UP
from operate.verify.result import Check, Finding, fail, ok, unknown
from operate.verify.roundcube import Roundcube, RoundcubeError, SignInError
from operate.verify.runner import Job
from operate.verify.web_session import WebSession, WebSessionError

WEBMAIL = Check(
    "mail.webmail",
    "mail in the browser",
    "Webmail may answer and yet let nobody in, or show and send nothing; whoever has no mail program then has no mail.",
    "Look at /data/log on the server and at docker logs poste; or set disableRoundcube if you do not want webmail, "
    f"then {UP}.",
    deadline=120,
)
CHECKS = (WEBMAIL,)

REFUSED = (
    "If mail.imap is refused too, the password was changed in Poste: set the same one, pulumi config set --secret "
    "adminPassword. Else Roundcube does not reach its own server: look at /data/log on the server."
)
EXPECTED = "signed in, read, sent, signed out"


def jobs(context: Context) -> Iterable[Job]:
    """The check, where webmail is on and a password can be sent to it: by TLS, and with no reverse proxy before it."""
    settings = context.stack.settings
    if settings.https and not settings.disable_roundcube and not settings.reverse_proxy_cidrs:
        box = own_mailbox(context.stack)
        yield Job(WEBMAIL, box.address, partial(webmail, box, web_addresses(settings)["webmail"]))


async def webmail(box: Mailbox, url: str) -> Finding:
    """A message that was sent to the mailbox is read in its webmail, and one that is written there arrives."""
    arrived, written = letter(box.address, box.address), letter(box.address, box.address)
    try:
        try:
            await box.send(arrived)
            await box.find(arrived["Subject"], DELIVERY)
        except MailboxError as error:
            return unknown(f"there is nothing to read: {error}", EXPECTED)
        await asyncio.to_thread(visit, box, url, arrived, written)
        await box.find(written["Subject"], DELIVERY)
        return ok(EXPECTED, EXPECTED)
    except SignInError as error:
        return fail(str(error), EXPECTED, REFUSED)
    except MailboxError as error:
        return fail(f"a message that webmail has sent: {error}", EXPECTED)
    except (RoundcubeError, WebSessionError) as error:
        return fail(str(error), EXPECTED)
    finally:
        with contextlib.suppress(MailboxError):
            for message in (arrived, written):
                await box.remove(message["Subject"])


def visit(box: Mailbox, url: str, arrived: EmailMessage, written: EmailMessage) -> None:
    """Read one message and send another as the mailbox's owner; raises RoundcubeError or WebSessionError."""
    with Roundcube.signed_in(WebSession(box.reading, url, box.tls), box.address, box.password) as person:
        if arrived.get_content().strip() not in person.read(arrived["Subject"]):
            raise RoundcubeError("a message is shown without its text")
        person.send(box.address, written["Subject"], written.get_content())
