"""A page by HTTPS, from a server whose certificate is trusted and is for its name."""

import asyncio
import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from operate.verify.names import Names

TIMEOUT = 10.0
LIMIT = 64 * 1024
"""Bytes of a page that are read."""


class PageUnreadableError(Exception):
    """There is no such page to be had; the text says why."""


@dataclass(frozen=True)
class Page:
    """What is served at an address."""

    type: str
    """Its media type (RFC 9110, section 8.3), in lower case and without parameters."""
    content: bytes

    @property
    def text(self) -> str:
        """The content, as text."""
        return self.content.decode(errors="replace")


async def page(names: Names, url: str, tls: ssl.SSLContext, posted: str = "") -> Page:
    """The page at an https address, or what is answered to XML that is posted there; a redirect is none.

    Raises PageUnreadableError, and LookupFailedError.
    """
    host = urlsplit(url).hostname or ""
    addresses = [*(await names.public(host, "A")).values, *(await names.public(host, "AAAA")).values]
    if not addresses:
        raise PageUnreadableError(f"{host} has no address")
    return await asyncio.to_thread(_page, url, addresses[0], tls, posted)


def _page(url: str, address: str, tls: ssl.SSLContext, posted: str) -> Page:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT)
    try:
        plain = socket.create_connection((address, port), TIMEOUT)
        connection.sock = tls.wrap_socket(plain, server_hostname=host)
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        headers = {"User-Agent": "verify"}
        if posted:
            connection.request("POST", path, posted.encode(), {**headers, "Content-Type": "text/xml; charset=utf-8"})
        else:
            connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise PageUnreadableError(f"{url} answers {answer.status}")
        return Page(answer.getheader("Content-Type", "").partition(";")[0].strip().lower(), answer.read(LIMIT))
    except (OSError, http.client.HTTPException) as error:
        raise PageUnreadableError(f"{url}: {error}") from error
    finally:
        connection.close()
