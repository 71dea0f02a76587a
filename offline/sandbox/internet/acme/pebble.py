"""One Pebble, an ACME server that validates for real and whose certificates only tests trust: its process.

All it knows, accounts and keys included, goes with the process.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import aiohttp

from offline.sandbox.internet.acme.tls import Tls
from offline.sandbox.world import AUTHORITATIVE

START_LIMIT = 90.0  # seconds until it must answer; it makes RSA keys first
LOOK = 0.1  # seconds between looks whether it does
RETRY_AFTER = 1  # seconds, told to clients that wait for a validation or a certificate
ENVIRONMENT = {
    "PEBBLE_VA_NOSLEEP": "1",  # validate at once
    "PEBBLE_AUTHZREUSE": "0",  # and anew for each order, where it would flip a coin
}


class Pebble:
    """Serves ACME at `url`, on loopback; `lifetime` of its certificates in seconds."""

    def __init__(self, name: str, port: int, lifetime: int, folder: Path, tls: Tls) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self._roots = f"https://127.0.0.1:{port + 1}/roots/0"
        self._lifetime = lifetime
        self._file = folder / f"{name}.json"
        self._settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{port + 1}",
            "certificate": str(tls.certificate),
            "privateKey": str(tls.key),
            "httpPort": 80,
            "tlsPort": 443,
            "retryAfter": {"authz": RETRY_AFTER, "order": RETRY_AFTER},
        }
        self._process: asyncio.subprocess.Process | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Start it, and return when it answers; raises TimeoutError."""
        settings = {"pebble": {**self._settings, "certificateValidityPeriod": self._lifetime}}
        self._file.write_text(json.dumps(settings))
        self._process = await asyncio.create_subprocess_exec(
            # The authoritative server: as real authorities do, it asks past what resolvers remember.
            *("pebble", "-config", str(self._file), "-dnsserver", f"{AUTHORITATIVE.ipv4}:53"),
            env={**os.environ, **ENVIRONMENT},
        )
        async with asyncio.timeout(START_LIMIT):
            while True:
                try:
                    await self.root()
                except OSError:
                    await asyncio.sleep(LOOK)
                else:
                    return

    async def set_lifetime(self, seconds: int) -> None:
        """Start it anew, with another lifetime and another root; raises TimeoutError."""
        async with self._changing:
            self._lifetime = seconds
            await self.stop()
            await self.start()

    async def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def ended(self) -> int:
        """Return its exit code once it ends by itself."""
        while True:
            process = self._process
            if process is None:
                raise RuntimeError("not started")
            code = await process.wait()
            async with self._changing:
                if process is self._process:
                    return code

    async def root(self) -> str:
        """The root of what it issues, in PEM; raises OSError."""
        try:
            # Nobody else is on loopback; so its certificate is of no interest, here and at `url`.
            async with aiohttp.request("GET", self._roots, ssl=False) as answer:
                answer.raise_for_status()
                return await answer.text()
        except aiohttp.ClientError as error:
            raise OSError(f"no Pebble at {self._roots}: {error}") from error
