"""The sandbox's relay: whom it lets in, what it takes, what it makes of a message, and its side for tests."""

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
import requests

from offline.sandbox import world
from offline.sandbox.host.parts import SOURCE
from offline.sandbox.relay.books import Books
from offline.sandbox.relay.certificate import Certificate
from offline.sandbox.relay.control import build
from offline.sandbox.relay.message import FOOTER, author_domain, passed_on
from offline.sandbox.relay.session import Envelope, Session
from operate.verify.conversation import unverified
from tests.support.serving import running
from tests.support.verify_world import make_certificate

KEY = (SOURCE / "relay" / "dkim_key").read_bytes()
RECORD = (SOURCE / "internet" / "zones" / f"{world.RELAY_DOMAIN}.zone").read_text().partition("domainkey TXT ")[2]
PUBLIC = "".join(RECORD.strip().strip('"').split('" "'))


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@club.example>", world.OTHER_MAILBOX, "hello"
    message.set_content(".a line that begins with a dot\n")
    return message


@dataclass
class Relay:
    """A relay on loopback that delivers nothing."""

    port: int
    books: Books = field(default_factory=Books)
    taken: list[Envelope] = field(default_factory=list)

    def client(self) -> smtplib.SMTP:
        """A connection that is encrypted."""
        client = smtplib.SMTP("127.0.0.1", self.port, "mail.club.example", timeout=60)
        client.starttls(context=unverified())
        return client

    def signed_in(self) -> smtplib.SMTP:
        client = self.client()
        client.login(world.RELAY_USER, world.RELAY_PASSWORD)
        return client


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return make_certificate(tmp_path_factory.mktemp("tls"), [world.RELAY_HOST])


@pytest.fixture
def relay(tls: ssl.SSLContext) -> Iterator[Relay]:
    loop, made = asyncio.new_event_loop(), Relay(0)
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())  # type: ignore[arg-type]
        await Session(reader, writer, tls, made.books, made.taken.append).talk()

    async def end() -> None:
        server.close()
        await asyncio.gather(*talks)

    server = loop.run_until_complete(asyncio.start_server(talk, "127.0.0.1", 0))
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(end(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_message_of_who_signs_in_is_taken_as_it_is_with_a_note_where_it_came_from(relay: Relay) -> None:
    with relay.signed_in() as client:
        client.send_message(letter())
    (envelope,) = relay.taken
    assert envelope.recipients == (world.OTHER_MAILBOX,)
    assert envelope.text.endswith(b"\r\n\r\n.a line that begins with a dot\r\n")
    assert envelope.origin == f"from mail.club.example ([127.0.0.1]) by {world.RELAY_HOST} with ESMTPSA"


@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
@pytest.mark.parametrize(("password", "code"), [(world.RELAY_PASSWORD, 235), ("wrong", 535)])
def test_who_signs_in_says_the_password_in_one_of_two_ways(relay: Relay, method: str, password: str, code: int) -> None:
    with relay.client() as client:
        client.ehlo()
        client.user, client.password = world.RELAY_USER, password
        try:
            said = client.auth(method.partition("_")[2], getattr(client, method))[0]
        except smtplib.SMTPAuthenticationError as error:
            said = error.smtp_code
        assert said == code
    assert (relay.books.sign_ins, relay.books.refused) == ((1, 0) if code == 235 else (0, 1))


def test_without_encryption_nobody_is_asked_for_a_password_and_without_that_nothing_is_taken(relay: Relay) -> None:
    with smtplib.SMTP("127.0.0.1", relay.port, timeout=60) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 538
    with relay.client() as client, pytest.raises(smtplib.SMTPSenderRefused, match="530"):
        client.send_message(letter())
    assert relay.taken == []


def test_on_request_it_refuses_rejects_and_puts_off(relay: Relay) -> None:
    relay.books.refuse = True
    with relay.client() as client, pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
        client.login(world.RELAY_USER, world.RELAY_PASSWORD)
    relay.books.refuse, relay.books.reject = False, True
    with relay.signed_in() as client, pytest.raises(smtplib.SMTPDataError, match="554"):
        client.send_message(letter())
    relay.books.reject, relay.books.throttle = False, 1
    with relay.signed_in() as client:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            client.send_message(letter())
        client.send_message(letter())
    assert (len(relay.taken), relay.books.taken) == (1, 1)


def envelope() -> Envelope:
    return Envelope((world.OTHER_MAILBOX,), "from here by there", letter().as_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("rewrite", [False, True])
def test_it_signs_what_it_sends_as_the_authors_domain_with_the_key_that_its_zone_publishes(rewrite: bool) -> None:
    sent = passed_on(envelope(), KEY, rewrite=rewrite)
    asked: list[bytes] = []

    def answer(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return PUBLIC.encode()

    assert sent.startswith(b"Received: from here by there; ")
    assert dkim.verify(sent, dnsfunc=answer)
    assert asked == [b"relay1._domainkey.club.example."]
    assert sent.endswith(FOOTER) is rewrite


def test_a_message_without_an_author_is_not_signed() -> None:
    assert author_domain(b"Subject: x\r\n\r\n") == ""
    assert b"DKIM-Signature" not in passed_on(Envelope((), "", b"Subject: x\r\n\r\n"), KEY, rewrite=False)


def test_tests_set_its_switches_and_see_what_it_did_once_it_has_a_certificate() -> None:
    books, certificate = Books(taken=3), Certificate()
    with running(build(books, certificate)) as url:
        assert requests.get(f"{url}/_sandbox/health", timeout=60).status_code == 503
        certificate.known = b"a certificate"
        assert requests.get(f"{url}/_sandbox/health", timeout=60).status_code == 200
        answer = requests.post(f"{url}/_sandbox/relay", json={"throttle": 2, "rewrite": True}, timeout=60).json()
        assert (answer["throttle"], answer["rewrite"], answer["taken"]) == (2, True, 3)
        mistakes: list[Any] = [{"slow": True}, {"refuse": 1}, {"throttle": True}, {}, []]
        for wrong in mistakes:
            assert requests.post(f"{url}/_sandbox/relay", json=wrong, timeout=60).status_code == 400
    assert (books.throttle, books.rewrite, books.refuse) == (2, True, False)
