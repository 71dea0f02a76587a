"""Webmail, as the Poste stand-in serves it: a person reads and writes there, and verify says where that does not work.

The stand-in runs by itself here, from the image that the sandbox has built.
"""

import asyncio
import contextlib
import ssl
import subprocess
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from offline.sandbox.host.parts import IMAGES
from operate.verify.conversation import unverified
from operate.verify.letter import letter
from operate.verify.mailbox import Mailbox, Server
from operate.verify.result import Finding, Status, ok
from operate.verify.webmail import EXPECTED, webmail
from tests.support import clouds
from tests.support.browser import DESKTOP, PHONE, chromium

HOST, ADMIN, PASSWORD = "mail.club.example", "admin@club.example", "Sandbox-Passw0rd"
URL = f"https://{HOST}/webmail/"
POSTE = next(image.tag for image in IMAGES if image.name == "poste")
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
START_SECONDS = 180
T = TypeVar("T")
WAIT = 60.0
"""Seconds until a message has arrived, or a page shows what it is to show."""
expect.set_options(timeout=WAIT * 1000)


def docker(*command: str) -> str:
    return subprocess.run(["docker", *command], check=True, capture_output=True, text=True, timeout=120).stdout.strip()


@pytest.fixture(scope="module")
def standin(sandbox: None) -> Iterator[tuple[str, str]]:
    """A stand-in of its own, healthy: its container and address."""
    container = docker("run", "--detach", "--rm", "--hostname", HOST, "--health-interval", "1s", POSTE)
    try:
        end = time.monotonic() + START_SECONDS
        while docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy":
            assert time.monotonic() < end, docker("exec", container, "sh", "-c", "tail -n 5 /data/log/s6/*/current")
            time.sleep(0.5)
        yield container, docker("inspect", "--format", ADDRESS, container)
    finally:
        docker("rm", "--force", container)


@pytest.fixture(scope="module")
def box(standin: tuple[str, str]) -> Mailbox:
    """The administrator's mailbox, made by the installer."""
    with visiting(standin[1]) as browser:
        page = browser.new_page(ignore_https_errors=True)
        page.set_default_timeout(WAIT * 1000)
        page.goto(f"https://{HOST}/admin/install/server")
        page.get_by_label("Mailserver hostname").fill(HOST)
        page.get_by_label("Administrator email").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Submit").click()
        expect(page).to_have_title("Poste.io: Mail server")
    # The installer has the mail servers take the new name, by a restart.
    greets = f"exec 3<>/dev/tcp/127.0.0.1/587; read -rt 4 greeting <&3; [[ $greeting == '220 {HOST} '* ]]"
    docker("exec", standin[0], "bash", "-c", f"until ({greets}) 2>/dev/null; do sleep 0.2; done")
    server = Server(HOST, standin[1])
    return Mailbox(ADMIN, PASSWORD, server, server, unverified())


def visiting(address: str) -> AbstractContextManager[Browser]:
    """A browser that finds the stand-in by its name."""
    return chromium(f"--host-resolver-rules=MAP {HOST} {address}")


@pytest.fixture
def page(standin: tuple[str, str], window: ViewportSize) -> Iterator[Page]:
    """A window of a size; nothing that its pages do may be an error."""
    complaints: list[str] = []
    with visiting(standin[1]) as browser:
        page = browser.new_page(viewport=window, has_touch=window == PHONE, ignore_https_errors=True)
        page.set_default_timeout(WAIT * 1000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


def done(work: Coroutine[Any, Any, T]) -> T:
    """What comes of it, awaited beside the browser."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.mark.parametrize("window", [pytest.param(DESKTOP, id="desktop"), pytest.param(PHONE, id="phone")])
def test_a_person_reads_and_writes_mail_in_the_browser(box: Mailbox, page: Page, window: ViewportSize) -> None:
    arrived, written = letter(ADMIN, ADMIN), letter(ADMIN, ADMIN)["Subject"]
    done(box.send(arrived))
    done(box.find(arrived["Subject"], WAIT))

    page.goto(URL)
    page.get_by_label("Username").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    page.get_by_role("link", name=arrived["Subject"]).click()
    text = page.frame_locator("#messagecontframe").get_by_text(arrived.get_content().strip())
    expect(text).to_be_visible()
    place = text.bounding_box()
    assert place is not None
    assert 0 <= place["x"] < place["x"] + place["width"] <= window["width"], "whoever reads need not scroll sideways"

    page.goto(URL)
    expect(page.get_by_role("link", name=arrived["Subject"])).to_be_visible()  # the page is ready now
    page.locator("a.compose:visible").click()
    page.locator("#compose_to input:visible").fill(ADMIN)
    page.get_by_label("Subject").fill(written)
    page.locator("#composebody").fill("Written in the browser.")
    page.locator(".send:visible").click()
    page.wait_for_url("**/?_task=mail&_mbox=INBOX")
    assert b"Written in the browser." in done(box.find(written, WAIT))

    if window == PHONE:
        page.locator("a.task-menu-button:visible").click()
    page.locator("a.logout:visible").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(f"{URL}?_task=mail")
    expect(page.get_by_label("Password")).to_be_visible()


def verified(box: Mailbox) -> Finding:
    """What verify's check makes of the webmail."""
    return asyncio.run(webmail(box, URL))


@contextlib.contextmanager
def broken(container: str, fault: str, repair: str) -> Iterator[None]:
    """Something in the stand-in is broken as long as the block lasts; Roundcube's processes are new each time."""
    try:
        docker("exec", container, "sh", "-ec", f"{fault}; s6-svc -2 /services/php-fpm")
        yield
    finally:
        docker("exec", container, "sh", "-ec", f"{repair}; s6-svc -2 /services/php-fpm")


def edit(change: str, file: str) -> tuple[str, str]:
    """A fault that sed makes in a file, and its repair."""
    return f"cp {file} /tmp/whole; sed -i {change} {file}", f"cat /tmp/whole >{file}"


DATABASE = "sqlite3 /data/roundcube/roundcube.db"
AS_ANOTHER = "UPDATE identities SET email = 'boss@club.example'"
AS_ADMIN = "UPDATE identities SET email = 'admin@club.example'"
SETTINGS, ELASTIC = "/etc/roundcube/config.inc.php", "/usr/share/roundcube/skins/elastic/templates"


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        pytest.param(
            ("s6-svc -wd -d /services/php-fpm", "s6-svc -u /services/php-fpm; sleep 1"),
            "the webmail answers 502",
            id="no Roundcube",
        ),
        pytest.param(edit("s/:143/:144/", SETTINGS), "the sign-in is refused", id="no IMAP"),
        pytest.param(
            edit("s/messageBody/nothing/", f"{ELASTIC}/message.html"),
            "a message is shown without its text",
            id="no text",
        ),
        pytest.param(
            edit("s/localhost:465/localhost:466/", SETTINGS), "a message is not sent: SMTP Error", id="no SMTP"
        ),
        pytest.param(
            (f'echo "{AS_ANOTHER}" | {DATABASE}', f'echo "{AS_ADMIN}" | {DATABASE}'),
            "a message is not sent: SMTP Error (550)",
            id="another's address",
        ),
        pytest.param(
            edit("s/==.*.logout./==0/", "/usr/share/roundcube/index.php"),
            "the mailbox can still be read after signing out",
            id="no sign-out",
        ),
    ],
)
def test_verify_says_what_does_not_work(
    standin: tuple[str, str], box: Mailbox, fault: tuple[str, str], found: str
) -> None:
    def is_said() -> bool:
        finding = verified(box)
        assert finding.status is Status.FAIL, finding
        assert finding.found.startswith(found), finding
        return True

    with broken(standin[0], *fault):
        # A process of before may take the next request still.
        clouds.eventually(is_said, WAIT)


def test_a_password_that_the_server_does_not_take_is_another_checks_fault(box: Mailbox) -> None:
    finding = verified(replace(box, password="Another-Passw0rd"))
    assert finding.status is Status.UNKNOWN
    assert "Another-Passw0rd" not in str(finding)


def test_no_password_goes_to_a_server_whose_certificate_is_not_trusted(box: Mailbox) -> None:
    finding = verified(replace(box, tls=ssl.create_default_context()))
    assert finding.status is Status.UNKNOWN
    assert "the certificate is not trusted" in finding.found


def test_after_all_repairs_verify_finds_that_webmail_works_and_leaves_nothing_behind(
    standin: tuple[str, str], box: Mailbox
) -> None:
    clouds.eventually(lambda: verified(box) == ok(EXPECTED, EXPECTED), WAIT)
    count = "find /data/domains/*/*/Maildir -path '*/cur/*' -o -path '*/new/*' | wc -l"
    before = docker("exec", standin[0], "sh", "-c", count)
    assert verified(box) == ok(EXPECTED, EXPECTED)
    assert docker("exec", standin[0], "sh", "-c", count) == before
