"""What a message says that tells its sender that another could not be delivered (RFC 3464)."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage


def bounce_reason(bounce: bytes) -> str:
    """The Diagnostic-Code of a delivery status notification, in one line, or its subject."""
    message = message_from_bytes(bounce, policy=policy.default)
    codes = (str(block["Diagnostic-Code"]) for block in _status(message) if block["Diagnostic-Code"])
    return " ".join(next(codes, str(message["Subject"])).split())


def _status(message: EmailMessage) -> Iterator[EmailMessage]:
    """The blocks of fields of its part message/delivery-status."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(part, EmailMessage):
            yield from (block for block in part.iter_parts() if isinstance(block, EmailMessage))
