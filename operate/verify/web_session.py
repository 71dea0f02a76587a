"""A browser without a window: one web site's pages over TLS, with cookies (RFC 6265) and redirects."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from operate.verify.mailbox import Server

TIMEOUT = 20.0
LIMIT = 2_000_000
"""Bytes of a page that are read."""
REDIRECTS = 5


class WebSessionError(Exception):
    """The site does not answer as a browser needs it; the text says how."""


@dataclass(frozen=True)
class Page:
    """What the site answers in the end, after redirects."""

    status: int
    text: str

    @property
    def fields(self) -> dict[str, str]:
        """What a browser would send of the page's forms if nobody filled anything in."""
        parser = _Fields()
        parser.feed(self.text)
        return parser.fields


@dataclass
class WebSession:
    """A visit to the site at `url`; the server is dialled by address, its certificate checked for the site's name."""

    server: Server
    url: str
    tls: ssl.SSLContext = field(repr=False)
    _cookies: dict[str, str] = field(default_factory=dict, repr=False)

    def get(self, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Page:
        """Fetch the page for a query; raises WebSessionError."""
        return self._follow(f"{self.url}?{urlencode(query)}", None, headers or {})

    def post(self, query: Mapping[str, str], form: Mapping[str, str]) -> Page:
        """Send a form in, and fetch the page that it leads to; raises WebSessionError."""
        return self._follow(f"{self.url}?{urlencode(query)}", urlencode(form), {})

    def _follow(self, url: str, form: str | None, headers: Mapping[str, str]) -> Page:
        for _ in range(REDIRECTS):
            page, location = self._ask(url, form, headers)
            if not location:
                return page
            url, form = urljoin(url, location), None
            if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
                raise WebSessionError(f"{self.url} leads away to {urlsplit(url).hostname}")
        raise WebSessionError(f"{self.url} leads in circles")

    def _ask(self, url: str, form: str | None, headers: Mapping[str, str]) -> tuple[Page, str]:
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(self.server.host, timeout=TIMEOUT)
        try:
            plain = socket.create_connection((self.server.dial, parts.port or 443), TIMEOUT)
            connection.sock = self.tls.wrap_socket(plain, server_hostname=self.server.host)
            sent = {"Host": parts.netloc, "User-Agent": "verify", **headers}
            if self._cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            if form is not None:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
            path = parts._replace(scheme="", netloc="").geturl()
            connection.request("GET" if form is None else "POST", path, form, sent)
            answer = connection.getresponse()
            self._keep(answer.headers.get_all("Set-Cookie", []))
            location = answer.getheader("Location", "") if answer.status in (301, 302, 303) else ""
            return Page(answer.status, answer.read(LIMIT).decode(errors="replace")), location
        except ssl.SSLCertVerificationError as error:
            raise WebSessionError(f"the certificate is not trusted ({error.verify_message})") from error
        except (OSError, http.client.HTTPException) as error:
            raise WebSessionError(f"{self.url}: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()

    def _keep(self, headers: list[str]) -> None:
        for header in headers:
            # As browsers do it (RFC 6265, section 5.2); the library drops a cookie for an attribute that is new to it.
            (name, value), *attributes = [
                (key.strip(), told.strip()) for key, _, told in (part.partition("=") for part in header.split(";"))
            ]
            if any(key.lower() == "max-age" and (told == "0" or told.startswith("-")) for key, told in attributes):
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = value


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in self.fields or "selected" in given):
            self.fields[self._select] = given.get("value", "")
        elif tag == "input" and name and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            self.fields[name] = given.get("value", "")
