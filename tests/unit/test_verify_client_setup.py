"""How mail programs find their settings, and a domain's logo: each check goes red on its fault, green without it."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model.autoconfig import autoconfig
from model.autodiscover import autodiscover
from model.bimi import Bimi
from model.client_account import Account, account
from model.client_settings import client_settings
from model.mobileconfig import mobileconfig
from model.service_records import services
from operate.verify import client_setup
from operate.verify.bimi import bimi
from operate.verify.certificates import Look, Presented
from operate.verify.client_answers import APPLE_TYPE, apple, apples, outlook, outlooks, thunderbird, thunderbirds
from operate.verify.context import Context
from operate.verify.conversation import ConversationError
from operate.verify.https_page import Page, PageUnreadableError, page
from operate.verify.result import Finding, Status
from operate.verify.runner import Shared, carry_out
from operate.verify.trust import trusting
from tests.support.examples import settings
from tests.support.verify_world import DOMAIN, HOST, IPV4, IPV6, LOOPBACK, Records, make_certificate, stack

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
ADDRESS = f"ann@{DOMAIN}"
WANTED = {
    "imaps": f"0 1 993 {HOST}",
    "submissions": f"0 1 465 {HOST}",
    "submission": f"10 1 587 {HOST}",
    "imap": "0 0 0 .",
    "pop3s": "0 0 0 .",
    "pop3": "0 0 0 .",
}
"""The records of a stack whose optional ports are closed."""


def mailbox(host: str = HOST) -> Account:
    """A mailbox of a stack with all ports."""
    return account(ADDRESS, client_settings(host, settings().ports))


def looks(error: Exception | None = None) -> dict[str, Look]:
    """Ports that answer, or of which one does not."""

    async def answers() -> Presented:
        return None  # type: ignore[return-value]  # what is presented are other checks' to judge

    async def fails() -> Presented:
        assert error
        raise error

    return {"imaps": fails if error else answers, "submissions": answers}


def srv(records: Mapping[str, str] | None = None, *, error: Exception | None = None) -> Finding:
    """The check of SRV records, some of which are others."""
    found = {(f"_{name}._tcp.{DOMAIN}", "SRV"): [text] for name, text in (WANTED | dict(records or {})).items() if text}
    names = Records(found | {(HOST, "A"): [IPV4], (HOST, "AAAA"): [IPV6]})
    return asyncio.run(client_setup.srv(names, DOMAIN, WANTED, HOST, [IPV4, IPV6], looks(error)))


def test_srv_records_are_those_of_the_stack_and_lead_to_ports_that_answer() -> None:
    assert srv().status is OK
    assert srv().found == "imaps, submissions, submission"


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("imaps", ""),  # deleted
        ("imaps", "0 1 993 mx.other.example"),
        ("submission", f"0 1 587 {HOST}"),  # before the better way
        ("pop3", f"30 1 110 {HOST}"),  # closed
        ("imap", ""),  # that it is not offered has to be said
        ("sieve", "0 1 4190 mx.old.example"),
    ],
)
def test_srv_record_that_is_another_is_red(service: str, text: str) -> None:
    finding = srv({service: text})
    assert (finding.status, f"_{service}._tcp.{DOMAIN} is {text or 'nothing'}" in finding.found) == (FAIL, True)


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), ssl.SSLError("no TLS"), ConversationError("no")])
def test_srv_record_that_leads_to_a_port_without_tls_is_red(error: Exception) -> None:
    finding = srv(error=error)
    assert (finding.status, finding.found) == (FAIL, f"imaps: {error}")


def test_srv_target_that_is_another_server_is_red() -> None:
    names = Records({(f"_{name}._tcp.{DOMAIN}", "SRV"): [text] for name, text in WANTED.items()})
    finding = asyncio.run(client_setup.srv(names, DOMAIN, WANTED, HOST, [IPV4], looks()))
    assert (finding.status, "nowhere" in finding.found) == (FAIL, True)


def test_what_is_expected_follows_from_the_ports_and_each_is_dialled_once() -> None:
    few = stack(optionalPorts=[])
    shared = Shared()
    (job,) = [
        job for job in client_setup.jobs(Context(few, Records({}), shared, few.domains)) if job.check.name == "dns.srv"
    ]
    _, _, wanted, _, _, ports = job.run.args  # type: ignore[attr-defined]
    assert wanted == WANTED
    assert {name: look.args[0] for name, look in ports.items()} == {
        service.name: ("certificate", service.port) for service in services(HOST, few.settings.ports) if service.port
    }


def jobs_of(**changes: object) -> list[str]:
    """What the set-up is looked at for."""
    changed = stack(**changes)
    changed.client_settings.update(client_settings(HOST, changed.settings.ports))  # type: ignore[arg-type]
    jobs = client_setup.jobs(Context(changed, Records({}), Shared(), changed.domains))
    return [job.subject for job in jobs if job.check.name == "clients.autoconfig"]


def test_each_program_is_asked_for_where_the_stack_serves_them() -> None:
    assert jobs_of(clientSetup=True) == [f"{DOMAIN} Thunderbird", f"{DOMAIN} Outlook", f"{DOMAIN} Apple Mail"]
    assert jobs_of() == [DOMAIN]
    assert jobs_of(clientSetup=True, domains=[{"name": DOMAIN, "forwardTo": "example.net"}]) == []


def test_set_up_by_hand_is_noted_with_what_it_takes_to_have_it_otherwise() -> None:
    (job,) = [
        job
        for job in client_setup.jobs(Context(stack(), Records({}), Shared(), stack().domains))
        if job.check.name == "clients.autoconfig"
    ]
    finding = asyncio.run(carry_out(job)).finding
    assert (finding.status, "clientSetup true" in finding.remedy, "Workers" in finding.remedy) == (WARN, True, True)


POX = f"https://autodiscover.{DOMAIN}/autodiscover/autodiscover.xml"
JSON = f"https://autodiscover.{DOMAIN}/autodiscover/autodiscover.json/v1.0/{ADDRESS}?Protocol=AutodiscoverV1"
THUNDERBIRD = f"https://autoconfig.{DOMAIN}/mail/config-v1.1.xml?emailaddress={ADDRESS}"
APPLE = f"https://autoconfig.{DOMAIN}/apple.mobileconfig?address={ADDRESS}"


def pages(told: Account) -> dict[str, Page]:
    """What is served for a mailbox."""
    return {
        THUNDERBIRD: Page("text/xml", autoconfig(told).encode()),
        JSON: Page("application/json", json.dumps({"Protocol": "AutodiscoverV1", "Url": POX}).encode()),
        POX: Page("text/xml", autodiscover(told).encode()),
        APPLE: Page(APPLE_TYPE, mobileconfig(told)),
    }


PROGRAMS = {"thunderbird": (thunderbird, thunderbirds), "outlook": (outlook, outlooks), "apple": (apple, apples)}


def found(program: str, served: Mapping[str, Page]) -> list[str]:
    """What a mail program finds."""

    async def ask(url: str, posted: str) -> Page:
        if (url == POX) != bool(posted) or url not in served:
            raise PageUnreadableError(f"{url} answers 404")
        if posted:
            assert f"<EMailAddress>{ADDRESS}</EMailAddress>" in posted
        return served[url]

    return list(asyncio.run(PROGRAMS[program][0](ask, mailbox())))


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_finds_the_stacks_own_settings_where_they_are_served(program: str) -> None:
    expected = list(PROGRAMS[program][1](mailbox()))
    assert found(program, pages(mailbox())) == expected
    assert expected[0] == f"imap {HOST} 993 TLS as {ADDRESS}"
    assert found(program, pages(mailbox("mx.old.example"))) != expected


def changed(url: str, old: str, new: str) -> dict[str, Page]:
    """What is served, with one text changed."""
    served = pages(mailbox())
    text = served[url].text
    assert old in text
    return served | {url: Page(served[url].type, text.replace(old, new).encode())}


@pytest.mark.parametrize(
    ("program", "url", "old", "new"),
    [
        ("thunderbird", THUNDERBIRD, "<socketType>SSL<", "<socketType>plain<"),
        ("thunderbird", THUNDERBIRD, "%EMAILADDRESS%", "%EMAILLOCALPART%"),
        ("thunderbird", THUNDERBIRD, ">993<", ">994<"),
        ("outlook", POX, "<Encryption>SSL<", "<Encryption>None<"),
        ("outlook", POX, f">{ADDRESS}<", ">ann<"),
        ("apple", APPLE, "<integer>465<", "<integer>25<"),
        ("apple", APPLE, "UseSSL</key>\n\t\t\t<true/>", "UseSSL</key><false/>"),
    ],
)
def test_answer_that_says_something_else_is_not_taken_for_ours(program: str, url: str, old: str, new: str) -> None:
    assert found(program, changed(url, old, new)) != list(PROGRAMS[program][1](mailbox()))


@pytest.mark.parametrize(
    ("program", "url", "served", "shown"),
    [
        ("thunderbird", THUNDERBIRD, Page("text/html", b"<html><br></html>"), "is no XML"),
        ("thunderbird", THUNDERBIRD, None, "answers 404"),
        ("outlook", JSON, Page("application/json", b"{}"), "tells no Url"),
        ("outlook", JSON, Page("text/html", b"<html>"), "tells no Url"),
        ("outlook", POX, None, "answers 404"),
        ("apple", APPLE, Page("text/plain", mobileconfig(mailbox())), "is served as text/plain"),
        ("apple", APPLE, Page(APPLE_TYPE, b"<plist><br></plist>"), "is no profile"),
        ("apple", APPLE, Page(APPLE_TYPE, b"x"), "is no profile"),
    ],
)
def test_answer_that_a_program_cannot_use_is_told_with_its_reason(
    program: str, url: str, served: Page | None, shown: str
) -> None:
    all_ = pages(mailbox())
    rest = {place: answer for place, answer in all_.items() if place != url} | ({url: served} if served else {})
    with pytest.raises(PageUnreadableError, match=shown):
        found(program, rest)


@pytest.mark.parametrize(("says", "status"), [(["imap", "smtp"], OK), (["smtp", "imap"], FAIL), ([], FAIL)])
def test_what_a_program_finds_is_well_where_it_is_the_stacks_in_its_order(says: list[str], status: Status) -> None:
    async def program(_: object, __: object) -> list[str]:
        return says

    names = Records({})
    found = asyncio.run(client_setup.told(names, trusting(None), program, mailbox(), ["imap", "smtp"]))
    assert found.status is status


def test_program_that_finds_no_host_is_red_with_the_reason() -> None:
    names = Records({})
    finding = asyncio.run(client_setup.told(names, trusting(None), thunderbird, mailbox(), ["imap"]))
    assert (finding.status, f"autoconfig.{DOMAIN} has no address" in finding.found) == (FAIL, True)


Answer = Callable[[BaseHTTPRequestHandler], tuple[str, bytes]]


@contextmanager
def https(folder: Path, name: str, answer: Answer) -> Iterator[int]:
    """An HTTPS server on loopback with a certificate for a name; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = answer(self)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    httpd = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    httpd.socket = make_certificate(folder, [name]).wrap_socket(httpd.socket, server_side=True)
    with httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield httpd.server_port
        finally:
            httpd.shutdown()
            thread.join()


def test_page_is_asked_for_by_get_and_a_text_is_posted_as_xml(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> tuple[str, bytes]:
        posted = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        said = f"{request.command} {request.headers.get('Content-Type', '')} {posted.decode()}"
        return "Text/XML; charset=utf-8", said.encode()

    name = f"autodiscover.{DOMAIN}"
    names = Records({(name, "A"): [LOOPBACK]})
    with https(tmp_path, name, answer) as number:
        url, tls = f"https://{name}:{number}/x", trusting(tmp_path / f"{name}90.pem")
        assert asyncio.run(page(names, url, tls)) == Page("text/xml", b"GET  ")
        assert asyncio.run(page(names, url, tls, "<a/>")).text == "POST text/xml; charset=utf-8 <a/>"
        with pytest.raises(PageUnreadableError, match="certificate verify failed"):
            asyncio.run(page(names, url, trusting(None)))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><title>x</title></svg>'
STRICT = "v=DMARC1; p=reject"


def logo(
    folder: Path,
    *,
    content: bytes = SVG,
    kind: str = "image/svg+xml",
    policy: str = STRICT,
    texts: list[str] | None = None,
    certificate: bytes = b"",
) -> Finding:
    """The check of a logo that is served so."""

    def answer(request: BaseHTTPRequestHandler) -> tuple[str, bytes]:
        is_logo = urlsplit(request.path).path.endswith(".svg")
        return (kind, content) if is_logo else ("application/x-pem-file", certificate)

    name = f"logo.{DOMAIN}"
    with https(folder, name, answer) as number:
        base = f"https://{name}:{number}"
        wanted = Bimi(logo=f"{base}/x.svg", certificate=f"{base}/x.pem" if certificate else None)
        records = {
            (name, "A"): [LOOPBACK],
            (f"_dmarc.{DOMAIN}", "TXT"): [policy],
            (f"default._bimi.{DOMAIN}", "TXT"): [wanted.record] if texts is None else texts,
        }
        return asyncio.run(bimi(Records(records), DOMAIN, wanted, trusting(folder / f"{name}90.pem")))


def test_logo_in_its_form_under_a_strict_policy_is_well(tmp_path: Path) -> None:
    assert logo(tmp_path).status is OK


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"content": SVG + b" " * 32 * 1024}, "more than 32 KB"),
        ({"content": b"\x89PNG"}, "no SVG"),
        ({"content": SVG.replace(b"tiny-ps", b"full")}, "baseProfile"),
        ({"kind": "text/html"}, "text/html"),
        ({"policy": "v=DMARC1; p=none"}, "not strict"),
        ({"policy": "v=DMARC1; p=reject; sp=none"}, "not strict"),
        ({"policy": "v=DMARC1; p=quarantine; pct=50"}, "not strict"),
        ({"policy": "v=DMARC1; p=reject; t=y"}, "not strict"),
        ({"policy": "a text"}, "not strict"),
        ({"certificate": b"<html>"}, "no PEM file"),
    ],
)
def test_logo_that_no_receiver_shows_is_noted(tmp_path: Path, change: dict[str, str], shown: str) -> None:
    finding = logo(tmp_path, **change)  # type: ignore[arg-type]
    assert (finding.status, shown in finding.found) == (WARN, True), finding.found


def test_logos_certificate_has_to_be_valid(tmp_path: Path) -> None:
    for days, status in ((10, OK), (-10, WARN)):
        make_certificate(tmp_path, ["vmc.example"], days)
        folder = tmp_path / str(days)
        folder.mkdir()
        assert logo(folder, certificate=(tmp_path / f"vmc.example{days}.pem").read_bytes()).status is status


@pytest.mark.parametrize("texts", [[], ["v=BIMI1; l=https://old.example/x.svg; a="]])
def test_logo_that_is_not_announced_as_set_is_red(tmp_path: Path, texts: list[str]) -> None:
    assert logo(tmp_path, texts=texts).status is FAIL
