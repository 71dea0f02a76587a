"""The browser of the tests: it shows pages as on a phone, and where it is missing, that is said with what to do."""

import os

import pytest

from offline.sandbox.host.shell import HostError
from tests.support.browser import PHONE, chromium


def test_the_browser_runs_scripts_in_a_window_of_a_phones_width() -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.set_content("<p>wide</p><script>document.querySelector('p').textContent = innerWidth</script>")
        assert page.inner_text("p") == str(PHONE["width"])


def test_a_browser_that_is_missing_and_that_only_root_could_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="apt-get install chromium"), chromium():
        pass
