"""Debian's Chromium without a window, as Playwright drives it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from offline.sandbox.host.engine import install
from offline.sandbox.host.shell import HostError

PACKAGE = "chromium"
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
"""CSS pixels of a common phone, held upright."""


@contextmanager
def chromium(*switches: str) -> Iterator[Browser]:
    """A browser of its own, which ends with the block. `switches` are Chromium's, for example --host-resolver-rules.

    Within the block asyncio.run() is for other threads only: Playwright has a loop of its own in this one.
    Raises HostError where there is none and none can be installed.
    """
    # Root may not use Chromium's own sandbox; the pages of these tests are the project's.
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    program = _program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*root, *switches])
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str:
    with Path(tempfile.gettempdir(), f"poste-mail-{PACKAGE}-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side, and apt-get does not
        if not shutil.which(PACKAGE):
            _install()
    program = shutil.which(PACKAGE)
    if not program:
        raise HostError(f"'{PACKAGE}' was installed, but there is no such program on PATH")
    return program


def _install() -> None:
    if os.geteuid() != 0:
        raise HostError(
            f"{PACKAGE}, the browser of these tests, is not installed. Install it (on Debian: apt-get install "
            f"{PACKAGE}), or run the tests once as root, which does so"
        )
    install(PACKAGE)
