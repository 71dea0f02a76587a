"""The web interface: webmail and administration work, and neither installer nor API is open to strangers."""

import asyncio
import http.client
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from operate.verify.context import Context
from operate.verify.conversation import unverified
from operate.verify.remedies import REFRESH, RERUN, UP
from operate.verify.result import Check, Finding, fail, ok, unknown, warn
from operate.verify.runner import Job

HTTPS = Check(
    "web.https",
    "web interface answers",
    "Webmail and administration are reached there.",
    "Look at the container: docker logs poste, on the server.",
    deadline=30,
)
REDIRECT = Check(
    "web.redirect",
    "HTTP leads to HTTPS",
    "People type names without https; passwords must not follow in clear text (RFC 9110, section 4.2.2).",
    f"Set https to true (pulumi config set https true), then {UP}.",
    required=False,
    deadline=30,
)
INSTALLER = Check(
    "web.installer",
    "installer is closed",
    "While the installer is open, whoever finds it becomes administrator (Poste's documentation, getting started).",
    f"At once: {RERUN}: it completes the installation. If Poste had been installed before, its /data is another: look "
    "at container.data.",
    deadline=30,
)
WEBMAIL = Check(
    "web.webmail",
    "webmail answers",
    "People read their mail there when they have no mail program at hand.",
    "Look at the container: docker logs poste, on the server; or set disableRoundcube if you do not want it, then "
    f"{UP}.",
    deadline=30,
)
ADMIN = Check(
    "web.admin",
    "administration answers",
    "Mailboxes and spam settings are managed there.",
    "Look at the container: docker logs poste, on the server.",
    deadline=30,
)
API = Check(
    "web.api",
    "API wants a password",
    "The API makes mailboxes and shows private keys; without a password it must show nothing.",
    "Close ports 80 and 443 in the cloud firewall at Hetzner, at once; set posteImage to one that asks for a password, "
    f"then {REFRESH}, which opens them again.",
    deadline=30,
)
CHECKS = (HTTPS, REDIRECT, INSTALLER, WEBMAIL, ADMIN, API)

TIMEOUT = 15.0
INSTALLER_FOLDER = "/admin/install"


@dataclass(frozen=True)
class Page:
    """An HTTP answer; redirects are not followed."""

    status: int
    location: str
    text: str


Fetch = Callable[[str], Awaitable[Page]]
"""Fetch a path of the web interface."""


@dataclass(frozen=True)
class Site:
    """Where the web interface is: dialled by address, asked for by name. Any certificate will do here."""

    address: str
    port: int
    host: str
    tls: bool

    async def fetch(self, path: str) -> Page:
        """Fetch a page; raises OSError or http.client.HTTPException."""
        return await asyncio.to_thread(self._fetch, path)

    def _fetch(self, path: str) -> Page:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        plain = socket.create_connection((self.address, self.port), TIMEOUT)
        connection.sock = unverified().wrap_socket(plain, server_hostname=self.host) if self.tls else plain
        try:
            connection.request("GET", path, headers={"User-Agent": "verify"})
            answer = connection.getresponse()
            return Page(answer.status, answer.getheader("Location", ""), answer.read(200_000).decode(errors="replace"))
        finally:
            connection.close()


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the web interface; none where a reverse proxy stands before it, which strangers cannot pass."""
    stack = context.stack
    settings = stack.settings
    if settings.reverse_proxy_cidrs:
        return
    port = settings.https_port if settings.https else settings.http_port
    site = Site(stack.ipv4, port, stack.mail_host, settings.https)

    def fetch(path: str) -> Awaitable[Page]:
        return context.shared.once(("page", path), partial(site.fetch, path))

    host = stack.mail_host
    yield Job(HTTPS, host, partial(answers, fetch, "/"))
    yield Job(INSTALLER, host, partial(installer, fetch))
    yield Job(ADMIN, host, partial(answers, fetch, "/admin/login"))
    yield Job(API, host, partial(api, fetch))
    if not settings.disable_roundcube:
        yield Job(WEBMAIL, host, partial(answers, fetch, "/webmail/"))
    if settings.https:
        plain = Site(stack.ipv4, settings.http_port, host, tls=False)
        yield Job(REDIRECT, host, partial(redirect, plain.fetch))


async def answers(fetch: Fetch, path: str) -> Finding:
    """The page is there, or leads to another."""
    page = await _page(fetch, path)
    if isinstance(page, Finding):
        return page
    expected = f"a page at {path}"
    if page.status < 400:
        return ok(f"{page.status}{f' to {page.location}' if page.location else ''}", expected)
    return fail(str(page.status), expected)


async def installer(fetch: Fetch) -> Finding:
    """The installer leads away from itself, which it does only once it is done."""
    expected = "leads away"
    page = await _page(fetch, f"{INSTALLER_FOLDER}/server")
    if isinstance(page, Finding):
        # Not having seen the form is no proof that it is closed.
        return unknown(page.found, expected)
    shown = f"{page.status}{f' to {page.location}' if page.location else ''}"
    path = urlsplit(page.location).path
    if page.status == 200 or path.startswith(INSTALLER_FOLDER):
        return fail("shows a page" if page.status == 200 else shown, expected)
    closed = path or page.status in (403, 404)
    return ok(shown, expected) if closed else unknown(shown, expected)


async def api(fetch: Fetch) -> Finding:
    """The API refuses whoever shows no password."""
    page = await _page(fetch, "/admin/api/v1/domains")
    if isinstance(page, Finding):
        return unknown(page.found, "401")
    if page.status in (401, 403):
        return ok(str(page.status), "401")
    return fail(str(page.status), "401") if page.status < 400 else unknown(str(page.status), "401")


async def redirect(fetch: Fetch) -> Finding:
    """The plain port sends browsers to HTTPS."""
    page = await _page(fetch, "/")
    if isinstance(page, Finding):
        return page
    shown = f"{page.status} {page.location}".strip()
    return (
        ok(shown, "a redirect to https") if page.location.startswith("https://") else warn(shown, "a redirect to https")
    )


async def _page(fetch: Fetch, path: str) -> Page | Finding:
    try:
        return await fetch(path)
    except ssl.SSLError as error:
        return fail(f"TLS: {error.reason or error}", "a page")
    except (OSError, http.client.HTTPException) as error:
        return fail(str(error) or type(error).__name__, "a page")
