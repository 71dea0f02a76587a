"""Watches a stack from outside while it is changed: what the name servers answer, and whether mail still arrives."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import dns.exception

from offline.sandbox import world
from operate.verify.mailbox import MailboxError
from tests.support import clouds
from tests.support.mailbox import PROVIDER, SandboxMailbox

Question = tuple[str, str]
"""Name and type."""

ASKED_EVERY = 0.5
SENT_EVERY = 5.0
QUEUE_DEADLINE = 180.0
"""Seconds for the sender's queue to be tried again: the other provider tries after 15 to 60."""


class Watch:
    """Asks both name servers twice a second, and has the other provider send a mail every five.

    Mail goes in at the provider's queue, which tries again as any sender's does: so a server that is away for a minute
    loses nothing, and one that refuses for good does.
    """

    def __init__(self, expected: dict[Question, set[str]], recipient: str) -> None:
        self._expected = {question: [answer] for question, answer in expected.items()}
        self._recipient = recipient
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.wrong: list[str] = []
        self.asked = 0
        self.sent: list[str] = []

    @contextmanager
    def running(self) -> Iterator["Watch"]:
        """Watch until the end of the block."""
        threads = [threading.Thread(target=self._ask), threading.Thread(target=self._send)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def allow(self, question: Question, answer: set[str]) -> None:
        """From now on this is right, too."""
        with self._lock:
            self._expected.setdefault(question, []).append(answer)

    def forget(self, *names: str) -> None:
        """From now on nothing is expected of these names."""
        with self._lock:
            self._expected = {asked: right for asked, right in self._expected.items() if asked[0] not in names}

    def _ask(self) -> None:
        while not self._stop.wait(ASKED_EVERY):
            with self._lock:
                questions = list(self._expected)
            for question in questions:
                for server in clouds.AUTHORITATIVE:
                    self._look(question, server)

    def _look(self, question: Question, server: str) -> None:
        answer: object
        try:
            answer = clouds.ask(*question, server)
        except dns.exception.DNSException as error:
            answer = error
        self.asked += 1
        with self._lock:
            # What is right now, not what was when the server was asked.
            right = self._expected.get(question, [answer])
        if answer not in right:
            name, kind = question
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {server}: {name} {kind} is {answer}")

    def _send(self) -> None:
        while not self._stop.wait(SENT_EVERY):
            message = EmailMessage()
            message["From"], message["To"] = PROVIDER.address, self._recipient
            message["Subject"] = f"watch-{len(self.sent)}-{time.time_ns()}"
            message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=world.OTHER_DOMAIN)
            message.set_content("Does this arrive?")
            # A sender whose own provider does not answer in time has sent nothing.
            with suppress(MailboxError):
                PROVIDER.send(message)
                self.sent.append(str(message["Subject"]))


def missing(recipient: Callable[[], SandboxMailbox], subjects: list[str]) -> list[str]:
    """Those of the mails that do not arrive, each with the bounce's reason if there is one."""
    deadline = time.monotonic() + QUEUE_DEADLINE
    waiting = list(subjects)
    while waiting and time.monotonic() < deadline:
        mailbox = recipient()
        for subject in list(waiting):
            try:
                if mailbox.take(subject) is not None:
                    waiting.remove(subject)
            except MailboxError:
                break
        time.sleep(1)
    return waiting
