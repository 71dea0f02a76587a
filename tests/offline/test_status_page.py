"""The page of `./run mail status --html`, in a real browser: on a phone and a desktop, by day and by night."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, ViewportSize

from operate.status.page import page
from tests.support import status_look
from tests.support.browser import DESKTOP, PHONE, chromium

LOOKS = {
    "wrong": status_look.look(unknown=("Not read: a mailbox that gets reports",)),
    "well": status_look.look(
        shown=status_look.well() | {"history": status_look.history()},
        results=[result for result in status_look.RESULTS if result.holds],
    ),
    "silent": status_look.look(shown=None, reports=None, unknown=("The server could not be asked: no route",)),
}
"""A server with an alarm and failed checks, one that is well, and one that does not answer."""
CONTRAST = 3
"""Of what is drawn, to what is behind it (WCAG 2.2, success criterion 1.4.11)."""
LUMINANCE = """
colour => {
  const channels = colour.match(/[\\d.]+/g).slice(0, 3).map(each => each / 255);
  const [red, green, blue] = channels.map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
"""
BEHIND = "figure => getComputedStyle(figure).backgroundColor"
BARS = """
bars => bars.map(bar => {
  const {x, width, height} = bar.getBoundingClientRect();
  return {x, width, height, fill: getComputedStyle(bar).fill};
})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(params=LOOKS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The page of one of the servers."""
    written = tmp_path / "index.html"
    written.write_text(page(LOOKS[request.param]), encoding="utf-8")
    return written


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """The page of the server with an alarm."""
    written = tmp_path / "wrong.html"
    written.write_text(page(LOOKS["wrong"]), encoding="utf-8")
    return written


def barriers(shown: Page) -> list[str]:
    """What axe finds: contrast, headings, landmarks, names of what is drawn, headers of tables and more."""
    found = Axe().run(shown).response["violations"]
    shown.context.close()
    return [f"{each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def opened(browser: Browser, file: Path, size: ViewportSize, scheme: str = "light", *, unfolded: bool = False) -> Page:
    """The page, with all that is folded shown if asked for."""
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    shown = context.new_page()
    shown.goto(file.as_uri())
    if unfolded:
        shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    return shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_on_a_phone(browser: Browser, file: Path, scheme: str) -> None:
    assert barriers(opened(browser, file, PHONE, scheme, unfolded=True)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_on_a_desktop(browser: Browser, wrong: Path, scheme: str) -> None:
    assert barriers(opened(browser, wrong, DESKTOP, scheme, unfolded=True)) == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_wider_than_the_window(browser: Browser, file: Path, size: ViewportSize) -> None:
    shown = opened(browser, file, size, unfolded=True)
    assert shown.evaluate("document.documentElement.scrollWidth") == size["width"]
    shown.context.close()


def test_the_console_is_silent_and_nothing_is_fetched(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    shown = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("dialog", lambda dialog: said.append(dialog.message))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri(), wait_until="networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_day_with_a_number_has_a_bar_that_is_seen(
    browser: Browser, wrong: Path, size: ViewportSize, scheme: str
) -> None:
    shown = opened(browser, wrong, size, scheme)
    drawings = shown.get_by_role("img").filter(has=shown.locator("rect")).all()
    assert len(drawings) == 4
    days = [30, 30, 30, 29]  # on one day nobody reported
    behind = shown.evaluate(LUMINANCE, shown.locator("figure").first.evaluate(BEHIND))
    for drawing, count in zip(drawings, days, strict=True):
        bars = drawing.locator("rect[class]").evaluate_all(BARS)
        assert all(bar["width"] > 2 and bar["height"] > 1 for bar in bars)
        assert len({round(bar["x"]) for bar in bars}) == count
        for colour in {bar["fill"] for bar in bars}:
            own = shown.evaluate(LUMINANCE, colour)
            assert (max(own, behind) + 0.05) / (min(own, behind) + 0.05) >= CONTRAST
    shown.context.close()


def test_what_is_drawn_is_told_in_words_and_in_numbers(browser: Browser, wrong: Path) -> None:
    shown = opened(browser, wrong, PHONE)
    mail = shown.get_by_role("figure").filter(has_text="Messages a day")
    name = mail.get_by_role("img").first.get_attribute("aria-label") or ""
    assert name.startswith(f"Messages a day. 30 days to {status_look.TODAY}: 8,")
    assert not mail.get_by_role("table").is_visible()
    mail.get_by_text("Numbers").click()
    rows = mail.get_by_role("table").get_by_role("row")
    assert rows.count() == 1 + 30
    assert rows.nth(2).inner_text().split() == [str(status_look.TODAY - timedelta(days=1)), "288", "144"]
    shown.context.close()


def test_on_paper_it_is_dark_on_white_and_no_advice_is_folded_away(browser: Browser, wrong: Path) -> None:
    """Whatever the screen has; a sheet of paper cannot be clicked on."""
    shown = opened(browser, wrong, DESKTOP, "dark")
    shown.emulate_media(media="print")
    assert shown.evaluate(LUMINANCE, shown.locator("body").evaluate("body => getComputedStyle(body).color")) < 0.05
    visible = "all => all.map(each => each.checkVisibility({contentVisibilityAuto: true}))"
    advice = shown.locator("dd").evaluate_all(visible)
    assert len(advice) > 20
    assert all(advice)
    assert not any(shown.locator("figure td").evaluate_all(visible))
    shown.context.close()


def test_the_first_screen_of_a_phone_says_what_is_wrong_and_what_to_do(browser: Browser, wrong: Path) -> None:
    shown = opened(browser, wrong, PHONE)
    for text in ("1 alarm, 1 failed check", status_look.SHOWN["alarms"][0]["text"], "why it matters"):
        box = shown.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < PHONE["height"]
    shown.context.close()
