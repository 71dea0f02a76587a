"""The sandbox and a deployed stack, once for all tests of a run. Where the sandbox cannot be had, the tests fail."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clouds
from tests.support.stack import ROOT, Stack

DOMAIN = "family.example"
HOST = f"mail.{DOMAIN}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.timeout(900))


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


@pytest.fixture(scope="session")
def deployed(sandbox: None, empty_preview: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own on the sandbox, deployed once; destroyed in the end if the tests have not done so."""
    clouds.remove_all_of("engine")
    clouds.remove_records(DOMAIN)
    stack = Stack(
        tmp_path_factory.mktemp("deployed"),
        "engine",
        mailHost=HOST,
        domains=[{"name": DOMAIN}],
        adminAddress=f"admin@{DOMAIN}",
    )
    empty_preview.append(stack.run("preview", "--stack", stack.name))
    stack.up()
    yield stack
    stack.run("destroy", "--yes", "--skip-preview", "--stack", stack.name)
