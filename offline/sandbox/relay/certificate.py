"""The relay's certificate, as the sandbox's own authority hands it out: with a new authority comes another one."""

import asyncio
import ssl
import sys
import urllib.request
from pathlib import Path

from offline.sandbox.world import AUTHORITY, RELAY_HOST

URL = f"http://{AUTHORITY.ipv4}/_sandbox/certificates/{RELAY_HOST}"
FILE = Path("/run/relay.pem")
PATIENCE = 3.0
"""Seconds for an answer."""
INTERVAL = 1.0
"""Seconds between two looks."""


class Certificate:
    """A server's TLS context that follows the certificate. Connections before there is one fail."""

    def __init__(self) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.known = b""

    async def keep(self) -> None:
        """Ask for ever; an authority that does not answer is waited for."""
        while True:
            try:
                told = await asyncio.to_thread(_ask)
                if told != self.known:
                    await asyncio.to_thread(FILE.write_bytes, told)
                    self.context.load_cert_chain(FILE)
                    self.known = told
                    print("the certificate is another one", flush=True)
            except OSError as failure:
                print(f"certificate: {failure}", file=sys.stderr, flush=True)
            await asyncio.sleep(INTERVAL)


def _ask() -> bytes:
    with urllib.request.urlopen(URL, timeout=PATIENCE) as answer:
        told: bytes = answer.read()
    return told
