"""One customer's connection: SMTP for those who sign in (RFC 6409), by TLS from the start or STARTTLS (RFC 3207)."""

from __future__ import annotations

import base64
import binascii
import ssl
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass

from offline.sandbox.relay.books import Books
from offline.sandbox.world import RELAY_HOST, RELAY_PASSWORD, RELAY_USER

LARGEST = 50_000_000
"""Bytes of a message."""
GREETING = f"220 {RELAY_HOST} ESMTP"


@dataclass(frozen=True)
class Envelope:
    """A message as it was handed over: the recipients, where it came from, and the text with its line ends."""

    recipients: tuple[str, ...]
    origin: str
    text: bytes


Take = Callable[[Envelope], None]


class Session:
    """The dialogue of one connection. `take` gets each message that is taken."""

    def __init__(
        self, reader: StreamReader, writer: StreamWriter, context: ssl.SSLContext, books: Books, take: Take
    ) -> None:
        self._reader, self._writer, self._context, self._books, self._take = reader, writer, context, books, take
        self._signed_in = False
        self._greeted = "nobody"
        self._reset()

    async def talk(self) -> None:
        """Answer until the customer leaves."""
        commands = {
            "EHLO": self._ehlo,
            "HELO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
        }
        try:
            await self._say(GREETING)
            while line := (await self._reader.readline()).decode("utf-8", "replace"):
                verb, _, rest = line.strip().partition(" ")
                if verb.upper() == "QUIT":
                    await self._say("221 2.0.0 Bye")
                    break
                if verb.upper() in ("RSET", "NOOP"):
                    self._reset()
                    await self._say("250 2.0.0 Ok")
                elif command := commands.get(verb.upper()):
                    await command(rest.strip())
                else:
                    await self._say("502 5.5.1 Not here")
        except (OSError, IncompleteReadError, ValueError):
            pass  # the customer has left, or speaks something else
        finally:
            self._writer.close()

    @property
    def _encrypted(self) -> bool:
        return self._writer.get_extra_info("sslcontext") is not None

    def _reset(self) -> None:
        self._begun = False
        self._recipients: list[str] = []

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()

    async def _ehlo(self, name: str) -> None:
        self._reset()
        self._greeted = name
        offered = "AUTH PLAIN LOGIN" if self._encrypted else "STARTTLS"
        await self._say(f"250-{RELAY_HOST}", "250-PIPELINING", "250-8BITMIME", f"250-SIZE {LARGEST}", f"250 {offered}")

    async def _starttls(self, _: str) -> None:
        if self._encrypted:
            await self._say("503 5.5.1 It is encrypted already")
            return
        await self._say("220 2.0.0 Go on")
        await self._writer.start_tls(self._context)

    async def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if not self._encrypted:
            await self._say("538 5.7.11 Encryption required (STARTTLS)")
            return
        try:
            if mechanism.upper() == "PLAIN":
                given = (initial and _decoded(initial)) or await self._ask("")
                user, password = given.split("\0")[1:]
            elif mechanism.upper() == "LOGIN":
                user = (initial and _decoded(initial)) or await self._ask("Username:")
                password = await self._ask("Password:")
            else:
                await self._say("504 5.5.4 PLAIN and LOGIN only")
                return
        except (binascii.Error, ValueError):
            await self._say("501 5.5.2 That cannot be decoded")
            return
        self._signed_in = self._books.signs_in((user, password) == (RELAY_USER, RELAY_PASSWORD))
        await self._say("235 2.7.0 Welcome" if self._signed_in else "535 5.7.8 Authentication credentials invalid")

    async def _ask(self, question: str) -> str:
        await self._say(f"334 {base64.b64encode(question.encode()).decode()}")
        return _decoded((await self._reader.readline()).decode().strip())

    async def _mail(self, _: str) -> None:
        self._reset()
        self._begun = self._signed_in
        await self._say("250 2.1.0 Ok" if self._signed_in else "530 5.7.0 Authentication required")

    async def _rcpt(self, rest: str) -> None:
        address = rest.partition("<")[2].partition(">")[0]
        if not self._begun:
            await self._say("503 5.5.1 MAIL comes first")
        elif "@" not in address:
            await self._say("501 5.1.3 RCPT TO:<somebody@somewhere>")
        else:
            self._recipients.append(address)
            await self._say("250 2.1.5 Ok")

    async def _data(self, _: str) -> None:
        if not self._recipients:
            await self._say("503 5.5.1 RCPT comes first")
            return
        await self._say("354 Go on")
        lines = []
        while (line := await self._reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        peer = self._writer.get_extra_info("peername")[0]
        # Encrypted and signed in (RFC 3848): nobody comes this far otherwise.
        origin = f"from {self._greeted} ([{peer}]) by {RELAY_HOST} with ESMTPSA"
        objection = self._books.objection()
        if objection is None:
            self._take(Envelope(tuple(self._recipients), origin, b"".join(lines)))
        self._reset()
        await self._say(objection or "250 2.0.0 Ok: queued")


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()
