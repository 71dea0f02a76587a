"""A conversation with a mail port, in lines as all mail protocols have it: the greeting, and the turn to TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

LINE_TIMEOUT = 15.0
"""Seconds for one line: servers delay their greeting on purpose, to make spammers go away."""
CONNECT_TIMEOUT = 8.0
HELLO = "verify.invalid"
"""The name we introduce ourselves by; RFC 2606 keeps it out of the DNS."""


class ConversationError(Exception):
    """The other side did not say what the protocol demands; the text says what it said."""


@dataclass(frozen=True)
class Dialect:
    """How a protocol greets and turns to TLS; the prefixes are of the server's last line in each answer."""

    greeting: str
    hello: str
    """What has to be said before STARTTLS, if anything."""
    hello_done: str
    starttls: str
    starttls_done: str


SMTP = Dialect("220 ", f"EHLO {HELLO}", "250 ", "STARTTLS", "220 ")
IMAP = Dialect("* OK", "", "", "a STARTTLS", "a OK")
POP3 = Dialect("+OK", "", "", "STLS", "+OK")
SIEVE = Dialect("OK", "", "", "STARTTLS", "OK")  # RFC 5804, section 1.7: the greeting lists capabilities first

DIALECTS: Mapping[str, Dialect] = {
    "smtp": SMTP,
    "submission": SMTP,
    "submissions": SMTP,
    "imap": IMAP,
    "imaps": IMAP,
    "pop3": POP3,
    "pop3s": POP3,
    "sieve": SIEVE,
}
"""By service, as the port table names them."""


@dataclass
class Conversation:
    """An open connection, read and written in lines."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, line: str) -> None:
        """Send one line."""
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()

    async def until(self, prefix: str) -> list[str]:
        """The lines of an answer, up to the one that begins so; raises ConversationError on a refusal or an end."""
        lines: list[str] = []
        while True:
            async with asyncio.timeout(LINE_TIMEOUT):
                raw = await self.reader.readline()
            line = raw.decode(errors="replace").rstrip("\r\n")
            if line.startswith(prefix):
                return [*lines, line]
            lines.append(line)
            if not raw or _refuses(line, prefix) or len(lines) > 100:
                raise ConversationError("; ".join(filter(None, lines))[:200] or "the connection was closed")

    async def ask(self, line: str, prefix: str) -> list[str]:
        """Send a line and read its answer."""
        await self.say(line)
        return await self.until(prefix)

    async def turn_to_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Encrypt the connection from here on."""
        await self.writer.start_tls(context, server_hostname=server_name, ssl_handshake_timeout=LINE_TIMEOUT)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS session, if there is one."""
        session: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return session


def _refuses(line: str, prefix: str) -> bool:
    """Whether a line ends the answer in another way than hoped for."""
    if prefix[:3].isdigit():
        return not (line[:3].isdigit() and line[3:4] == "-")
    return line.startswith(("NO", "BYE", "BAD", "-ERR", "* BYE", "a NO", "a BAD"))


@contextlib.asynccontextmanager
async def connect(
    address: str, port: int, tls: ssl.SSLContext | None = None, server_name: str = ""
) -> AsyncIterator[Conversation]:
    """Connect, with TLS from the start if a context is given; raises OSError, and TimeoutError with a text."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(
                address, port, ssl=tls, server_hostname=server_name if tls else None
            )
    except TimeoutError:
        raise TimeoutError(f"{address} port {port} does not answer within {CONNECT_TIMEOUT:.0f} s") from None
    try:
        yield Conversation(reader, writer)
    finally:
        writer.close()
        try:
            with contextlib.suppress(OSError):  # a TimeoutError is one
                async with asyncio.timeout(1):
                    await writer.wait_closed()
        finally:
            # Some servers never take leave of a TLS session, and whoever is cancelled does not wait for it.
            writer.transport.abort()


def unverified() -> ssl.SSLContext:
    """TLS that takes any certificate, to look at what is there. Nothing secret goes over it."""
    # Not the default context: that would read the system's authorities, which takes longer than the handshake.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def encrypted(
    address: str, port: int, service: str, security: str, server_name: str, context: ssl.SSLContext
) -> AsyncIterator[Conversation]:
    """A conversation over TLS on a port of the table, begun as its security (TLS or STARTTLS) has it.

    Raises OSError, ssl.SSLError, TimeoutError, and ConversationError where STARTTLS is not to be had.
    """
    if security == "TLS":
        async with connect(address, port, context, server_name) as talk:
            yield talk
        return
    dialect = DIALECTS[service]
    async with connect(address, port) as talk:
        await talk.until(dialect.greeting)
        if dialect.hello:
            await talk.ask(dialect.hello, dialect.hello_done)
        await talk.ask(dialect.starttls, dialect.starttls_done)
        await talk.turn_to_tls(context, server_name)
        yield talk
