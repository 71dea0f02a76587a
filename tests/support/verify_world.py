"""A small world for verification's tests: records in memory, servers on loopback, certificates made to order."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from model.ports import Port
from operate.verify.names import Answer, LookupFailedError
from operate.verify.stack import Domain, OwnSettings, Stack
from tests.support.examples import settings

IPV4, IPV6 = "198.51.100.130", "2001:db8:100:100::1"
HOST, DOMAIN = "mail.example.com", "example.com"
LOOPBACK = "127.0.0.1"


class Records:
    """Names in memory: what the zone's own servers say, and what a resolver says where that differs.

    Names that are `bogus` are refused by a resolver that validates.
    """

    def __init__(self, records: Mapping[tuple[str, str], Sequence[str]], *, signed: bool = False) -> None:
        self.records = dict(records)
        self.seen: dict[tuple[str, str], Sequence[str]] = {}
        self.broken: set[str] = set()
        self.bogus: set[tuple[str, str]] = set()
        self.signed = signed

    async def authoritative(self, name: str, kind: str) -> Answer:
        return self._answer(self.records, name, kind)

    async def public(self, name: str, kind: str) -> Answer:
        if (name, kind) in self.bogus:
            raise LookupFailedError(f"{name} {kind}: SERVFAIL")
        return await self.unvalidated(name, kind)

    async def unvalidated(self, name: str, kind: str) -> Answer:
        return self._answer(self.records | self.seen, name, kind)

    def _answer(self, records: Mapping[tuple[str, str], Sequence[str]], name: str, kind: str) -> Answer:
        if name in self.broken:
            raise LookupFailedError(f"{name} {kind}: SERVFAIL")
        return Answer(tuple(sorted(records.get((name, kind), ()))), authenticated=self.signed)


def stack(**changes: object) -> Stack:
    """A deployed stack whose key is not a real one."""
    return Stack(
        name="test",
        settings=settings(**changes),
        own=OwnSettings(),
        ipv4=IPV4,
        ipv6=IPV6,
        domains=(Domain(DOMAIN, f"s20260101123._domainkey.{DOMAIN}", "v=DKIM1; k=rsa; p=AAAA"),),
        client_settings={},
    )


def make_certificate(folder: Path, names: Sequence[str], days: float = 90, lifetime: float = 100) -> ssl.SSLContext:
    """A server's TLS context with a self-signed certificate for these names, with so many of its days left.

    Negative days make it an expired one.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    end = datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=lifetime))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / f"{names[0]}{days}.pem"
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


Reply = Callable[[str], str | None]
"""What a server says to a line; None closes the connection."""


@contextlib.asynccontextmanager
async def server(
    greeting: str, reply: Reply, tls: ssl.SSLContext | None = None, *, direct: bool = False
) -> AsyncIterator[int]:
    """A server of lines on loopback; yields its port. TLS comes after STARTTLS, or with `direct` from the start."""

    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        writers.append(writer)
        try:
            writer.write(greeting.encode())
            while line := (await reader.readline()).decode().strip():
                answer = reply(line)
                if answer is None:
                    break
                writer.write(answer.encode())
                await writer.drain()
                if line.startswith("QUIT"):
                    break
                if tls and line.split()[-1] in ("STARTTLS", "STLS"):
                    await writer.start_tls(tls)
        except OSError:
            pass  # the client has left
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    running = await asyncio.start_server(serve, LOOPBACK, 0, ssl=tls if direct else None)
    async with running:
        yield running.sockets[0].getsockname()[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Who was cancelled as he took leave has not closed his connection.
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


@contextlib.contextmanager
def shut_port() -> Iterator[int]:
    """A port on loopback on which nobody listens, and nobody else can meanwhile."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield int(taken.getsockname()[1])


def port(number: int, service: str, security: str) -> Port:
    """A row of the port table for a server on loopback."""
    return Port(number, service, "test", security)  # type: ignore[arg-type]


def smtp_replies(
    takes: Callable[[str], bool], *, name: str = HOST, starttls: bool = True, auth: bool = False, size: int = 50_000_000
) -> Reply:
    """An SMTP server that takes the recipients for which `takes` is true."""

    def reply(line: str) -> str | None:
        verb = line.split(maxsplit=1)[0].upper()
        if verb == "EHLO":
            features = [f"SIZE {size}", *["STARTTLS"] * starttls, *["AUTH PLAIN LOGIN"] * auth, "8BITMIME"]
            lines = [name, *features]
            return "".join(f"250-{part}\r\n" for part in lines[:-1]) + f"250 {lines[-1]}\r\n"
        if verb == "RCPT":
            return "250 ok\r\n" if takes(line.partition(":")[2].strip("<> ")) else "550 5.1.1 no such mailbox\r\n"
        if verb == "STARTTLS":
            return "220 go on\r\n" if starttls else "502 5.5.1 not here\r\n"
        return "221 bye\r\n" if verb == "QUIT" else "250 ok\r\n"

    return reply
