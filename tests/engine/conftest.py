"""The sandbox and one deployed stack for all tests of a run. Where the sandbox cannot be had, the tests fail."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offline.sandbox.world import OTHER_MAILBOX
from tests.support import clouds
from tests.support.images import IMAGE, digest
from tests.support.mailbox import letter
from tests.support.own_project import ROOT
from tests.support.stack import Stack

NAME = "engine"
DOMAIN, SECOND, THIRD = "family.example", "besides.example", "later.example"
"""The stack's two domains, each in a zone of its own, and one that comes and goes."""
HOST = f"mail.{DOMAIN}"
ADMIN = f"admin@{DOMAIN}"
FOREIGN = {(f"www.{DOMAIN}", "A", "198.51.100.80"), (DOMAIN, "TXT", '"site-verification=abc"')}
"""Records that stand in the stack's zone and are none of its own."""

SCENARIO = (
    "test_sandbox",
    "test_boxes",
    "test_webmail",
    "test_refusals",
    "test_deploy",
    "test_verify",
    "test_fix",
    "test_certificate",
    "test_encryption",
    "test_accounts",
    "test_backup",
    "test_faults",
    "test_environments",
    "test_changes",
    "test_relay",
    "test_rotation",
    "test_watch",
    "test_status",
    "test_upgrade",
    "test_recovery",
    "test_lasting",
)
"""The files that need the sandbox, in the order of one deploy's life: looked at, broken and mended, changed, loses
parts, and is destroyed."""


FIRST, BEGINS = ("test_sandbox", "test_deploy"), 2700
"""Those whose first test waits for the sandbox, which may have to be built, or for the deploy; and seconds for that."""


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.engine)
        item.add_marker(pytest.mark.timeout(BEGINS if item.path.stem in FIRST else 900))
        if item.path.stem in SCENARIO:
            item.add_marker(pytest.mark.xdist_group("sandbox"))
    # Stable: the order within a file stays. What needs no sandbox comes after it.
    order = {name: place for place, name in enumerate(SCENARIO)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Two workers must never share the one sandbox, which they would if the group had no effect."""
    shared = [item.nodeid for item in session.items if item.get_closest_marker("xdist_group")]
    if hasattr(session.config, "workerinput") and not all(name.endswith("@sandbox") for name in shared):
        raise pytest.UsageError("tests of the sandbox are not in one group: run pytest with --dist loadgroup")


@pytest.fixture(scope="session")
def sandbox() -> None:
    """The sandbox is up; what it says while it starts is shown if it does not."""
    done = subprocess.run(
        [sys.executable, "-m", "offline.sandbox", "up"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"the sandbox does not start:\n{done.stdout}"


@pytest.fixture(scope="session")
def empty_preview() -> list[str]:
    """What the preview of the empty stack printed; filled by the fixture that deploys it."""
    return []


@dataclass
class BeforeAsking:
    """What was seen of the deployed stack as long as Hetzner let it send no mail."""

    subject = "sent before Hetzner was asked"
    verified: str = ""
    """What verify said of the way out."""
    queue: str = ""
    """What waited on the server."""


@pytest.fixture(scope="session")
def before_asking() -> BeforeAsking:
    """What is seen before mail may leave; filled by the fixture that deploys the stack."""
    return BeforeAsking()


@pytest.fixture(scope="session")
def deployed(
    sandbox: None, empty_preview: list[str], before_asking: BeforeAsking, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack with the default settings: protected, host network, several domains, in a zone with foreign records.

    Deployed once, on a bad day; then Hetzner is asked to let its mail out. Destroyed in the end if the tests have not
    done so.
    """
    clouds.outbound_mail(False)
    clouds.remove_all_of(NAME)
    for zone in (DOMAIN, SECOND, THIRD):
        clouds.add_zone(zone)
        clouds.remove_records(zone)
    for name, kind, content in FOREIGN:
        clouds.add_record(DOMAIN, name, kind, content)
    stack = Stack(
        tmp_path_factory.mktemp("deployed"),
        NAME,
        mailHost=HOST,
        domains=[{"name": DOMAIN}, {"name": SECOND}],
        adminAddress=ADMIN,
        protect=True,
        dnssec=[DOMAIN],
        posteImage=f"{IMAGE}@{digest()}",
    )
    # Poste stops for the nightly backup, which none of the tests expects in its middle.
    far_off = datetime.now(UTC) + timedelta(hours=12)
    stack.configure(backup=stack.setting("backup") | {"at": f"{far_off:%H:%M}"})
    empty_preview.append(stack.run("preview", "--stack", stack.name))
    with (
        clouds.faults(clouds.MIRROR, {"path": r"\.deb$", "status": 404}),
        clouds.faults(
            clouds.HETZNER,
            {"method": "POST", "path": "/servers$", "status": 429},
            {"method": "GET", "path": "/actions", "delay": 2, "times": 2},
        ),
        clouds.faults(
            clouds.CLOUDFLARE,
            {"method": "GET", "path": "/dns_records", "status": 500},
            {"method": "POST", "path": "/dns_records$", "status": 503, "times": 2},
            {"method": "POST", "path": "/dns_records$", "delay": 2},
        ),
        clouds.faults(
            clouds.AUTHORITY,
            {"path": "/dir$", "delay": 3},
            {"method": "POST", "path": "/order-plz$", "status": 503},
        ),
    ):
        stack.up()
    before_asking.queue = waiting_mail(stack, before_asking.subject)
    before_asking.verified = stack.mail("verify", "--stack", stack.name, "--only", "outbound").stdout
    clouds.outbound_mail(True)
    yield stack
    if stack.resources():
        destroy(stack)
    clouds.remove_all_of(stack.name)


def waiting_mail(stack: Stack, subject: str) -> str:
    """Send the other provider a mail; what waits in the server's queue once the way to there has been tried."""
    stack.mailbox().send(letter(stack.mailbox().address, subject))
    command = f"docker exec poste sh -c 'grep -l {OTHER_MAILBOX} /data/queue/msglog/* && exim4 -bp'"
    return clouds.eventually(lambda: stack.on_server(f"{command} || true"), 120)


def destroy(stack: Stack) -> None:
    """Lift the protection on purpose, have the parent vouch for no zone any more, then destroy."""
    clouds.tell_registrar(DOMAIN, None)
    stack.configure(protect=False)
    stack.up()
    stack.run("destroy", "--yes", "--skip-preview", "--stack", stack.name)
