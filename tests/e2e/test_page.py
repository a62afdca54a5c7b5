"""The page in a real Chromium: what a person does, and what they see."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from running_server import Server, running

# Debian's Chromium where it is installed; Playwright's own otherwise.  As root it runs only without its sandbox, and
# what it does in the background would look for hosts that tests have no business with.
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DIGITS = Path(__file__).parents[1] / "data" / "digits"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"http://127.0.0.1:{server.port}/")
    yield page
    page.close()
    expected = [fault for fault in faults if "status of 4" in fault]  # Chromium logs every 4xx that a test provokes
    assert faults == expected


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """One stroke with the mouse; points are fractions of the pad's edge."""
    box = page.get_by_label("Drawing pad").bounding_box()
    assert box is not None
    (x, y), *rest = [(box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()


def test_draw_a_seven_see_a_seven(page: Page) -> None:
    draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    answer = page.get_by_role("status", name="Answer")
    expect(answer.get_by_test_id("label")).to_have_text("7")
    expect(answer).to_contain_text("mnist, version 2")
    expect(answer).to_contain_text(re.compile(r"\d ms"))
    scores = answer.get_by_role("list", name="Scores").get_by_role("listitem")
    expect(scores).to_have_count(10)
    expect(answer.locator("[aria-current=true]")).to_contain_text("7")


def test_draw_a_one_after_clearing(page: Page) -> None:
    draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
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
    page = browser.new_page(viewport={"width": 360, "height": 740}, has_touch=True)
    page.goto(f"http://127.0.0.1:{server.port}/")
    expect(page.get_by_label("Drawing pad")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_an_older_version_can_be_asked(page: Page) -> None:
    draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    expect(page.get_by_role("status", name="Answer")).to_contain_text("version 2")
    page.get_by_label("Version").select_option("1")
    expect(page.get_by_role("status", name="Answer")).to_contain_text("version 1")
