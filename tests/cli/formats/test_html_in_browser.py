"""The page in a real browser: on wide and narrow screens, in light and dark, with the keyboard, and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmuproof.cli.formats.html import html_text
from tests.browser import CHROMIUM, Browser, browser
from tests.cli.formats.test_html import EXHIBITS, hostile

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian's package of that name)")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"
# Of each element with text of its own: the contrast of its colour with what is behind it.
CONTRASTS = """
(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = each => {
    for (; each; each = each.parentElement) {
      const [r, g, b, a] = channels(getComputedStyle(each).backgroundColor);
      if (a !== 0) return [r, g, b];
    }
  };
  return [...document.querySelectorAll('body *:not(svg *)')]
    .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(each => {
      const [dark, bright] = [light(channels(getComputedStyle(each).color)), light(behind(each))].sort((a, b) => a - b);
      return [(bright + 0.05) / (dark + 0.05), each.tagName + '.' + each.className];
    });
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html_text(hostile(), EXHIBITS), "utf-8")
    return file


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_fits_the_screen_and_asks_for_nothing(chromium: Browser, page: Path, width: int, dark: bool) -> None:
    chromium.open(page, width=width, dark=dark)
    assert chromium.value(OVERFLOW) == 0
    chromium.value(OPEN_ALL)
    assert chromium.value(OVERFLOW) == 0
    assert chromium.requests == [page.as_uri()]
    assert chromium.complaints == []
    background = chromium.value("getComputedStyle(document.documentElement).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_its_words_can_be_read(chromium: Browser, page: Path, dark: bool) -> None:
    chromium.open(page, width=1280, dark=dark)
    chromium.value(OPEN_ALL)
    contrasts = chromium.value(CONTRASTS)
    assert len(contrasts) > 50
    assert [each for each in contrasts if each[0] < 4.5] == []


def test_pictures_are_no_wider_than_a_narrow_screen(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=360)
    widths = chromium.value("[...document.querySelectorAll('svg')].map(e => e.getBoundingClientRect().width)")
    assert widths
    assert max(widths) <= 360


def test_the_keyboard_is_enough(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=1280)
    chromium.press("Tab")
    assert chromium.value("document.activeElement.className") == "skip"
    assert chromium.value("document.activeElement.getBoundingClientRect().left >= 0")
    chromium.press("Enter")
    assert chromium.value("document.activeElement.id") == "main"
    for _ in range(40):
        chromium.press("Tab")
        if chromium.value("document.activeElement.tagName") == "SUMMARY":
            break
    assert chromium.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = chromium.value("document.activeElement.parentElement.open")
    chromium.press("Enter")
    assert chromium.value("document.activeElement.parentElement.open") is not before


def test_it_can_be_printed_with_what_is_wrong_in_full(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=1280, dark=True)
    assert chromium.printed().startswith(b"%PDF-")
    chromium.value("document.querySelectorAll('details').forEach(each => each.open = false)")
    chromium.call("Emulation.setEmulatedMedia", media="print")
    heights = "[...document.querySelectorAll('details.finding > .sides')].map(e => e.getBoundingClientRect().height)"
    assert all(height > 0 for height in chromium.value(heights))
    assert chromium.value("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    chromium.call("Emulation.setEmulatedMedia", media="")
