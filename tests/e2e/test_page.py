"""The page in a real Chromium: what a person does, and what they see."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PHONE, SEVEN, draw, opened
from playwright.sync_api import Browser, Page, expect

from running_server import Server, running

DIGITS = Path(__file__).parents[1] / "data" / "digits"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as started:
        yield started


def test_draw_a_seven_see_a_seven(page: Page) -> None:
    draw(page, SEVEN)
    answer = page.get_by_role("status", name="Answer")
    expect(answer.get_by_test_id("label")).to_have_text("7")
    expect(answer).to_contain_text("mnist, version 2")
    expect(answer).to_contain_text(re.compile(r"\d ms"))
    scores = answer.get_by_role("list", name="Scores").get_by_role("listitem")
    expect(scores).to_have_count(10)
    expect(answer.locator("[aria-current=true]")).to_contain_text("7")


def test_draw_a_one_after_clearing(page: Page) -> None:
    draw(page, SEVEN)
    label = page.get_by_test_id("label")
    expect(label).to_have_text("7")
    page.get_by_role("button", name="Clear").click()
    expect(label).to_have_count(0)
    draw(page, [(0.5, 0.2), (0.5, 0.8)])
    expect(label).to_have_text("1")


def test_choose_a_picture(page: Page) -> None:
    for digit in (3, 8):
        picture = next(DIGITS.glob(f"{digit}*.png"))
        page.get_by_label("Choose a picture").set_input_files(picture)
        expect(page.get_by_test_id("label")).to_have_text(str(digit))


def test_a_file_that_is_no_picture_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    fake = tmp_path / "digit.png"
    fake.write_text("this is not a picture")
    page.get_by_label("Choose a picture").set_input_files(fake)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("picture", re.IGNORECASE))


def test_draw_by_keyboard(page: Page) -> None:
    pad = page.get_by_label("Drawing pad")
    pad.focus()
    for key in ["ArrowUp"] * 6 + [" "] + ["ArrowDown"] * 12 + [" "]:
        page.keyboard.press(key)
    expect(page.get_by_test_id("label")).to_have_text("1")


def test_fits_a_phone(browser: Browser, server: Server) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}/", viewport=PHONE, has_touch=True) as page:
        expect(page.get_by_label("Drawing pad")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_older_version_can_be_asked(page: Page) -> None:
    draw(page, SEVEN)
    expect(page.get_by_role("status", name="Answer")).to_contain_text("version 2")
    page.get_by_label("Version").select_option("1")
    expect(page.get_by_role("status", name="Answer")).to_contain_text("version 1")
