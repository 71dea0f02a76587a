"""Mail that flows while something is done to its server."""

import threading
import time
from email.message import EmailMessage

from operate.verify.mailbox import MailboxError
from tests.support.stack import Stack


class Flow:
    """Somebody who sends mail all the time, and notes what was acknowledged."""

    def __init__(self, stack: Stack, to: str = "", pause: float = 0.2) -> None:
        """To himself unless told otherwise; `pause` is in seconds."""
        self._mailbox, self._stop = stack.mailbox(), threading.Event()
        self._to, self._pause = to or self._mailbox.address, pause
        self._thread = threading.Thread(target=self._send)
        self.acknowledged: list[str] = []

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._stop.wait(self._pause):
            message = EmailMessage()
            message["From"], message["To"] = self._mailbox.address, self._to
            message["Subject"] = f"flow-{time.time_ns()}"
            message.set_content("Was this kept?")
            try:
                self._mailbox.send(message)
            except (MailboxError, OSError):
                continue
            self.acknowledged.append(str(message["Subject"]))
