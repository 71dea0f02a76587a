"""Delivers to the recipients' own servers: port 25, encrypted where that is offered, and again until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import smtplib
import ssl
from collections import defaultdict
from collections.abc import Iterator

import dns.exception
import dns.resolver

from offline.sandbox.relay.books import Books
from offline.sandbox.world import RELAY_DOMAIN, RELAY_HOST, RESOLVER

PORT = 25
PATIENCE = 10.0
"""Seconds that a server may take to answer."""
PAUSE = 3.0
"""Seconds between two tries; the sandbox looks at the outcome within seconds."""
TRIES = 100
NOTHING = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)


class Delivery:
    """Messages on their way, in memory."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, recipients: tuple[str, ...], text: bytes) -> None:
        """Deliver a message, meanwhile."""
        by_domain = defaultdict(list)
        for recipient in recipients:
            by_domain[recipient.rpartition("@")[2].lower()].append(recipient)
        for domain, its in by_domain.items():
            task = asyncio.create_task(self._deliver(domain, its, text))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, domain: str, recipients: list[str], text: bytes) -> None:
        self._books.waiting += 1
        reason = ""
        for _ in range(TRIES):
            try:
                await asyncio.to_thread(send, domain, recipients, text)
            except Refused as refusal:
                reason = str(refusal)
                break
            except (OSError, smtplib.SMTPException, dns.exception.DNSException) as problem:
                reason = str(problem)
                print(f"{domain}: {problem!r}, trying again", flush=True)
                await asyncio.sleep(PAUSE)
            else:
                reason = ""
                self._books.delivered += 1
                break
        if reason:
            self._books.failed.append(f"{', '.join(recipients)}: {reason}")
        self._books.waiting -= 1


class Refused(Exception):  # noqa: N818 - no error of ours
    """The recipients' server does not want the message, and never will."""


def send(domain: str, recipients: list[str], text: bytes) -> None:
    """Hand a message to one of a domain's servers, under an envelope sender of the relay's own.

    Raises Refused, or what says that it may work later: OSError, SMTPException, DNSException.
    """
    sender = f"{secrets.token_hex(8)}@bounces.{RELAY_DOMAIN}"
    with connected(domain) as client:
        try:
            refused = client.sendmail(sender, recipients, text)
        except smtplib.SMTPRecipientsRefused as all_of_them:
            refused = all_of_them.recipients
        except smtplib.SMTPResponseException as answer:
            said = answer.smtp_error
            refused = {domain: (answer.smtp_code, said.encode() if isinstance(said, str) else said)}
    for code, said in refused.values():
        words = f"{code} {said.decode(errors='replace')}"
        raise Refused(words) if code >= 500 else smtplib.SMTPException(words)


@contextlib.contextmanager
def connected(domain: str) -> Iterator[smtplib.SMTP]:
    """A connection to the first of a domain's servers that answers, by its IPv6 address if it has one."""
    problem: OSError = ConnectionError(f"no server of {domain} has an address")
    for address in addresses(domain):
        try:
            client = smtplib.SMTP(address, PORT, local_hostname=RELAY_HOST, timeout=PATIENCE)
        except OSError as failure:
            problem = failure
            continue
        with client:
            client.ehlo()
            if client.has_extn("starttls"):
                # Whom it speaks to it does not ask, as most do not (RFC 7435).
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                client.starttls(context=context)
                client.ehlo()
            yield client
            return
    raise problem


def addresses(domain: str) -> Iterator[str]:
    """The addresses of a domain's mail servers, the most wanted first (RFC 5321, section 5.1)."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [RESOLVER.ipv4]
    try:
        found = sorted(resolver.resolve(domain, "MX"), key=lambda item: int(item.preference))
        hosts = [str(item.exchange) for item in found]
    except NOTHING:
        hosts = [domain]
    for host in hosts:
        for kind in ("AAAA", "A"):
            with contextlib.suppress(*NOTHING):
                yield from (item.to_text() for item in resolver.resolve(host, kind))
