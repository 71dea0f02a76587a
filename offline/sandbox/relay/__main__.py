"""The container's entry point: takes mail on ports 587, 2525 and 465, and serves the side for tests."""

import asyncio
import ssl
from pathlib import Path

from aiohttp import web

from offline.sandbox.relay.books import Books
from offline.sandbox.relay.certificate import Certificate
from offline.sandbox.relay.control import build
from offline.sandbox.relay.delivery import Delivery
from offline.sandbox.relay.message import passed_on
from offline.sandbox.relay.session import Envelope, Session

STARTTLS_PORTS, TLS_PORT = (587, 2525), 465
CONTROL_PORT = 8080
KEY = Path(__file__).with_name("dkim_key")


async def serve() -> None:
    """Run everything, for ever."""
    books, certificate = Books(), Certificate()
    delivery, key = Delivery(books), KEY.read_bytes()

    def take(envelope: Envelope) -> None:
        delivery.begin(envelope.recipients, passed_on(envelope, key, rewrite=books.rewrite))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(reader, writer, certificate.context, books, take).talk()

    async def listen(port: int, tls: ssl.SSLContext | None = None) -> None:
        # Without a host it listens on all addresses of both families.
        async with await asyncio.start_server(talk, port=port, ssl=tls) as server:
            await server.serve_forever()

    runner = web.AppRunner(build(books, certificate))
    await runner.setup()
    await web.TCPSite(runner, port=CONTROL_PORT).start()
    await asyncio.gather(certificate.keep(), *map(listen, STARTTLS_PORTS), listen(TLS_PORT, certificate.context))


if __name__ == "__main__":
    asyncio.run(serve())
