"""A page by HTTPS, from a server whose certificate is trusted and is for its name."""

import asyncio
import http.client
import socket
import ssl
from urllib.parse import urlsplit

from operate.verify.names import Names

TIMEOUT = 10.0
LIMIT = 64 * 1024
"""Bytes of a page that are read."""


class PageUnreadableError(Exception):
    """There is no such page to be had; the text says why."""


async def page(names: Names, url: str, tls: ssl.SSLContext) -> str:
    """The page at an https address; a redirect is none. Raises PageUnreadableError, and LookupFailedError."""
    host = urlsplit(url).hostname or ""
    addresses = [*(await names.public(host, "A")).values, *(await names.public(host, "AAAA")).values]
    if not addresses:
        raise PageUnreadableError(f"{host} has no address")
    return await asyncio.to_thread(_page, url, addresses[0], tls)


def _page(url: str, address: str, tls: ssl.SSLContext) -> str:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT)
    try:
        plain = socket.create_connection((address, port), TIMEOUT)
        connection.sock = tls.wrap_socket(plain, server_hostname=host)
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        connection.request("GET", path, headers={"User-Agent": "verify"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise PageUnreadableError(f"{url} answers {answer.status}")
        return answer.read(LIMIT).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise PageUnreadableError(f"{url}: {error}") from error
    finally:
        connection.close()
