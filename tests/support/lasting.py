"""Mail that must outlive what is done to its server, and must still go after it."""

import time
from email.message import EmailMessage

from tests.support.stack import Stack

SECONDS = 120
"""Until a server that was restarted just now has its mail where it belongs."""


def leave_a_mail(stack: Stack, subject: str) -> None:
    """Send the administrator a mail, and see it arrive without taking it out of the inbox."""
    mailbox = stack.mailbox()
    message = EmailMessage()
    message["From"] = message["To"] = mailbox.address
    message["Subject"] = subject
    message.set_content("Still here?")
    deadline = time.monotonic() + SECONDS
    mailbox.send_patiently(message, SECONDS)
    while not stack.on_server(f"grep -rl '{subject}' /mnt/poste/data/domains || true"):
        assert time.monotonic() < deadline, "the mail never arrived"
        time.sleep(0.5)


def assert_the_mail_is_there(stack: Stack, subject: str) -> None:
    mailbox = stack.mailbox()
    assert mailbox.wait_for(subject, SECONDS)["To"] == mailbox.address


def assert_mail_goes_each_way(stack: Stack) -> None:
    """Mail goes out with SPF, DKIM and DMARC passing, and comes in, at the latest within three minutes."""
    stack.python("operate", "verify", "--stack", stack.name, "--only", "mail", "--watch", "180")
