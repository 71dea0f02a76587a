"""How the real server is: on one screen, as a page in a real browser, its logs, a shell, and who sends in its name."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offline.sandbox import world
from operate.command_line import FAILED
from tests.engine.conftest import ADMIN, DOMAIN
from tests.support import clouds, reports
from tests.support.browser import PHONE, chromium
from tests.support.mailbox import PROVIDER, letter
from tests.support.stack import Stack

STRANGER = "203.0.113.9"
OURS = 7
YESTERDAY = (reports.NOW.date() - datetime.now(UTC).date()).days + 1
"""As many days before the time of the reports made to order, hence negative."""


def answer(stack: Stack, *arguments: str) -> dict[str, Any]:
    """What a command prints for programs."""
    command, *more = arguments
    done = stack.mail(command, "--stack", stack.name, "--json", *more)
    assert done.returncode in (0, FAILED), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def well(stack: Stack) -> dict[str, Any]:
    """The status of a server without an alarm. Raises AssertionError where it has one, as for what it could not see."""
    shown = answer(stack, "status")
    # A server's own disk is this machine's, which may be fuller than is good.
    assert [alarm for alarm in shown["alarms"] if alarm["kind"] != "disk"] == []
    return shown


def told_of(stack: Stack) -> dict[str, Any]:
    """What the report mailbox says of the domain, once the report is there."""

    def look() -> dict[str, Any]:
        (found,) = (each for each in answer(stack, "reports")["domains"] if each["name"] == DOMAIN)
        return found if found["reports"] else {}

    return clouds.eventually(look, 180)


@pytest.fixture(scope="module", autouse=True)
def reported(deployed: Stack) -> Iterator[None]:
    """A receiver has sent a report about the domain."""
    text = reports.aggregate(
        reports.Row(deployed.outputs()["ipv4"], str(OURS), author=DOMAIN),
        reports.Row(STRANGER, "2", "fail", "fail", author=DOMAIN),
        back=YESTERDAY,
        domain=DOMAIN,
    )
    subject = f"Report Domain: {DOMAIN} Submitter: {world.OTHER_DOMAIN}"
    message = letter(world.OTHER_MAILBOX, subject, ADMIN)
    message.add_attachment(reports.gzipped(text), maintype="application", subtype="gzip", filename="report.xml.gz")
    PROVIDER.send(message)
    yield
    assert deployed.mailbox().take_patiently(subject)


def test_one_screen_tells_what_the_server_itself_has_seen_just_now(deployed: Stack) -> None:
    shown = clouds.eventually(lambda: well(deployed), 180)
    assert {name for name, up in shown["services"].items() if up} >= {"dovecot", "haraka-smtp", "haraka-submission"}
    assert set(shown["dkim"].values()) == {"ok"}
    assert shown["backup"]["result"] == "done"
    assert min(shown["certificate"]["days"].values()) > 0
    screen = deployed.mail("status", "--stack", deployed.name)
    assert deployed.outputs()["mailHost"] in screen.stdout
    assert deployed.setting("posteImage").partition("@")[0] in screen.stdout


def test_the_reports_say_who_sent_in_the_domains_name(deployed: Stack) -> None:
    found = told_of(deployed)
    sources = {source["address"]: source for source in found["sources"]}
    assert sources[deployed.outputs()["ipv4"]]["kind"] == "own"
    assert sources[deployed.outputs()["ipv4"]]["passed"] == OURS
    assert sources[STRANGER]["failed"] == 2
    assert not found["verdict"]["enough"]


def test_the_page_shows_it_all_in_a_browser_and_names_no_mailbox(deployed: Stack, tmp_path: Path) -> None:
    told_of(deployed)
    written = answer(deployed, "status", "--html", str(tmp_path))["written"]
    text = Path(written).read_text()
    assert ADMIN not in text
    assert not [secret for secret in deployed.secrets() if secret in text]
    trouble: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.on("console", lambda said: trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(f"file://{written}")
        assert page.inner_text("h1") == deployed.outputs()["mailHost"]
        shown = page.inner_text("body")
        bars = page.locator("svg rect").count()
        width = page.evaluate("document.documentElement.scrollWidth")
    assert f"Who sends as {DOMAIN}" in shown
    assert STRANGER in shown
    assert bars > 0
    assert width <= PHONE["width"]
    assert trouble == []


def test_the_log_tells_what_became_of_a_message(deployed: Stack) -> None:
    clouds.eventually(lambda: ADMIN in "\n".join(answer(deployed, "logs", "mail")["lines"]), 120)
    assert answer(deployed, "logs", "watch", "--lines", "5")["service"] == "watch"


def test_a_shell_on_the_server_has_the_commands_own_output_and_status(deployed: Stack) -> None:
    done = deployed.mail("ssh", "--stack", deployed.name, "docker exec poste hostname; exit 7")
    assert done.stdout.strip() == deployed.outputs()["mailHost"]
    assert done.returncode == 7
