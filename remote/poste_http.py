"""Poste's web interface as seen from the server itself. Standard library only.

TLS is not verified: the certificate is Poste's own until Let's Encrypt has given one, and the address is loopback.
"""

import base64
import http.client
import http.cookiejar
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

PATIENCE = 120  # seconds for one answer: the installer tests names and ports while it works


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer here: it tells where the installer stands, and following one would drop the password."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def location(self) -> str:
        """The path that a redirect points at, or nothing."""
        return urlsplit(self.headers.get("Location", "")).path

    def json(self) -> Any:
        """What the API told. Ends the program where that is no JSON."""
        try:
            return json.loads(self.text or "null")
        except ValueError:
            sys.exit(f"Poste's API answers with something that is no JSON (status {self.status}).")


def reason(answer: Answer) -> str:
    """What Poste gives as the reason of a refusal, in brackets, or nothing where it gives none."""
    try:
        said = json.loads(answer.text)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    told = [str(said[key]) for key in ("message", "detail", "error", "errors") if said.get(key)]
    return f" ({': '.join(told)[:300]})" if told else ""


class Poste:
    """A session with Poste: cookies are kept, redirects are not followed."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            raise ValueError("Poste is reached over loopback only: its certificate is not verified")
        self._url = url.rstrip("/")
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=unverified),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            _NoRedirect,
        )

    def page(self, path: str, form: dict[str, str] | None = None) -> Answer:
        """Fetch a page, or send a form to it."""
        body = urlencode(form).encode() if form else None
        return self._send(urllib.request.Request(self._url + path, data=body))

    def api(self, method: str, path: str, body: dict[str, object] | None = None) -> Answer:
        """Call the REST API. Its path is /admin/api/v1: /api/v1 redirects there and drops the password."""
        request = urllib.request.Request(f"{self._url}/admin/api/v1{path}", method=method)
        request.add_header("Authorization", self._authorization)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            return self._send(request)
        except (OSError, http.client.HTTPException) as error:
            sys.exit(f"Poste's API does not answer {method} {path}: {error or type(error).__name__}")

    def wait(self, path: str, seconds: float) -> Answer:
        """The first answer that is no gateway error, within a deadline: Poste's web server is up before its pages."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self.page(path)
                if answer.status < 500:
                    return answer
                problem = f"status {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
            if time.monotonic() > deadline:
                sys.exit(f"Poste does not answer at {self._url}{path} within {seconds:.0f} s: {problem}")
            time.sleep(1)

    def ensure_domain(self, domain: str) -> None:
        """Let Poste have a mail domain. Ends the program where it refuses."""
        found = self.api("GET", f"/domains/{quote(domain)}")
        if found.status == 404:
            found = self.api("POST", "/domains", {"name": domain})
        if found.status not in (200, 201):
            sys.exit(f"Poste's API answers {found.status} when asked for the domain {domain}{reason(found)}.")

    def _send(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=PATIENCE) as response:
                return Answer(response.status, response.headers, response.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode(errors="replace"))
