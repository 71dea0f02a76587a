"""How verify visits webmail: as browsers do, with cookies and redirects, and with passwords to nobody else."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from operate.verify import webmail
from operate.verify.context import Context
from operate.verify.conversation import unverified
from operate.verify.mailbox import Server
from operate.verify.runner import Shared
from operate.verify.web_session import Page, WebSession, WebSessionError
from tests.support.serving import serving
from tests.support.verify_world import HOST, LOOPBACK, Records, make_certificate, stack

Request = tuple[str, str, str, str]
"""Method, path with query, cookies, form."""
Answer = tuple[int, list[tuple[str, str]]]
"""Status and headers."""


@contextmanager
def site(folder: Path, answers: dict[str, Answer], tls: ssl.SSLContext) -> Iterator[tuple[WebSession, list[Request]]]:
    """A visit to a site on loopback that answers so to queries, and what the site gets."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            requests.append((self.command, self.path, self.headers.get("Cookie", ""), form))
            status, headers = answers.get(urlsplit(self.path).query, (200, []))
            self.send_response(status)
            for header in headers:
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(b"seen")

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer((LOOPBACK, 0), Handler)
    server.socket = make_certificate(folder, [HOST]).wrap_socket(server.socket, server_side=True)
    with serving(server):
        url = f"https://{HOST}:{server.server_port}/webmail/"
        yield WebSession(Server(HOST, LOOPBACK), url, tls), requests


def test_cookies_are_kept_until_they_are_taken_back(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        "in=1": (200, [("Set-Cookie", "session=abc; path=/; secure; HttpOnly"), ("Set-Cookie", "user=1; path=/")]),
        "out=1": (200, [("Set-Cookie", "session=-del-; expires=Sat, 28 Nov 2026 13:44:36 GMT; Max-Age=0; path=/")]),
    }
    with site(tmp_path, answers, unverified()) as (visit, requests):
        for query in ("in", "read", "out", "read"):
            visit.get({query: "1"})
    assert [cookies for _, _, cookies, _ in requests] == ["", "session=abc; user=1", "session=abc; user=1", "user=1"]


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ("session=abc; path=/; secure; HttpOnly; SameSite=None; Partitioned", "session=abc"),
        ("session=abc; Priority=High", "session=abc"),
        ("odd:name/1=a=b", "odd:name/1=a=b"),
        ('session="a b"', 'session="a b"'),
        ("session=abc; Max-Age=-1", ""),
    ],
)
def test_a_cookie_is_taken_as_browsers_take_it(header: str, sent: str, tmp_path: Path) -> None:
    with site(tmp_path, {"in=1": (200, [("Set-Cookie", header)])}, unverified()) as (visit, requests):
        visit.get({"in": "1"})
        visit.get({"again": "1"})
    assert requests[-1][2] == sent


def test_a_form_is_sent_once_and_its_answer_followed(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {"login=1": (302, [("Location", "./?mail=1"), ("Set-Cookie", "session=abc")])}
    with site(tmp_path, answers, unverified()) as (visit, requests):
        assert visit.post({"login": "1"}, {"_pass": "pässword &"}) == Page(200, "seen")
    assert requests == [
        ("POST", "/webmail/?login=1", "", "_pass=p%C3%A4ssword+%26"),
        ("GET", "/webmail/?mail=1", "session=abc", ""),
    ]


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("https://elsewhere.example/webmail/", "leads away to elsewhere.example"),
        (f"http://{HOST}/webmail/", "leads away to mail.example.com"),
        ("./?login=1", "leads in circles"),
    ],
)
def test_a_site_that_leads_away_or_nowhere_is_told(tmp_path: Path, location: str, problem: str) -> None:
    answers: dict[str, Answer] = {"login=1": (302, [("Location", location), ("Set-Cookie", "session=abc")])}
    with (
        site(tmp_path, answers, unverified()) as (visit, _),
        pytest.raises(WebSessionError, match=problem),
    ):
        visit.post({"login": "1"}, {"_pass": "Sandbox-Passw0rd"})


def test_nothing_is_sent_to_a_site_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    with site(tmp_path, {}, ssl.create_default_context()) as (visit, requests):
        with pytest.raises(WebSessionError, match="the certificate is not trusted"):
            visit.post({"login": "1"}, {"_pass": "Sandbox-Passw0rd"})
        assert requests == []
    assert "abc" not in repr(WebSession(visit.server, visit.url, visit.tls, {"session": "abc"}))


def test_the_fields_of_a_page_are_what_a_browser_would_send() -> None:
    page = Page(
        200,
        """<form><input type="hidden" name="_token" value="a&amp;b"><input name="_user"><input type="submit">
        <select name="_from"><option value="1">one</option><option value="2" selected>two</option></select>
        <select name="_priority"><option value="5">low</option><option value="0">normal</option></select>
        <input type="checkbox" name="_mdn" value="1"><input type="checkbox" name="_dsn" value="1" checked></form>""",
    )
    assert page.fields == {"_token": "a&b", "_user": "", "_from": "2", "_priority": "5", "_dsn": "1"}


@pytest.mark.parametrize(
    ("changes", "checked"),
    [
        ({}, 1),
        ({"disable_roundcube": True}, 0),
        ({"https": False}, 0),
        ({"reverse_proxy_cidrs": ["203.0.113.0/24"]}, 0),
    ],
)
def test_webmail_is_visited_where_it_is_and_by_tls_only(changes: dict[str, object], checked: int) -> None:
    given = stack(**changes)
    assert len(list(webmail.jobs(Context(given, Records({}), Shared(), given.domains)))) == checked
