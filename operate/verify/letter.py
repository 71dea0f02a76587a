"""The test message."""

import secrets
from email.message import EmailMessage
from email.utils import formatdate, make_msgid


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
