"""The page beyond drawing, in a real Chromium: tables, comparisons, explanations, versions, traffic."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import PHONE, SEVEN, draw, opened, view
from playwright.sync_api import Browser, Page, expect

from model_packages import identity_network
from pyapp.packages import write_package
from running_server import Server, free_port, running

TOKEN = "s3cret-s3cret-s3cret"
ROOT = Path(__file__).parents[2]
COLUMNS = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "country", "type": "category", "categories": ["France", "Spain"]},
    {"name": "remark", "type": "text", "missing": "empty"},
]
STEPS = [
    {"op": "one_hot", "input": "person"},
    {"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good", "bad"], "norm": None},
    {"op": "impute", "input": "person", "value": 40},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the digits, and a table whose answer is the row that the network sees."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(ROOT / "models" / "mnist", folder / "models" / "mnist")
    samples = [{"input": {"age": 1, "country": "Spain"}, "output": np.float32([1, 0, 1, 0, 0])}]
    inputs = [{"name": "person", "kind": "table", "columns": COLUMNS}]
    write_package(folder / "models" / "person" / "1", *identity_network(inputs, 5, STEPS), samples)
    port = free_port()
    settings = [f"SERVING_MODELS={folder / 'models'}", f"SERVING_ADMIN_TOKEN={TOKEN}", "SERVING_POLL_SECONDS=1"]
    with running(
        folder / "log", ["env", *settings, sys.executable, "-m", "pyapp", "--port", str(port)], port
    ) as started:
        yield started


def test_a_row_of_a_table_is_filled_in_answered_and_explained(page: Page) -> None:
    page.get_by_label("Model").select_option("person")
    page.get_by_label("age").fill("old")
    page.get_by_label("country").select_option("Spain")
    page.get_by_label("remark").fill("Good, good, bad")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text("“old” is not a finite number")
    page.get_by_label("age").fill("")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status", name="Answer")).to_contain_text("40, 0, 1, 2, 1")
    page.get_by_label("age").fill("7.5")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status", name="Answer")).to_contain_text("7.5, 0, 1, 2, 1")
    page.get_by_role("button", name="Why?").click()
    bars = page.get_by_role("list", name="Contributions").get_by_role("listitem")
    expect(bars.first).to_contain_text("age+7.500")
    expect(bars.filter(has_text="“good”")).to_have_count(1)


def test_a_drawing_is_explained_by_a_heat_map(page: Page) -> None:
    draw(page, SEVEN)
    page.get_by_role("button", name="Why?").click()
    heat = page.get_by_role("img", name="What each pixel has added to 7")
    expect(heat).to_be_visible()
    expect(page.get_by_role("region", name="Explanation")).to_contain_text("28 × 28")
    opaque = """canvas => {
        const alpha = canvas.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 3);
        return [alpha.filter(a => a > 20).length, alpha.filter(a => a === 0).length];
    }"""
    coloured, empty = heat.evaluate(opaque)
    assert coloured > 30, "the strokes have colours"
    assert empty > 300, "blank paper has none"


def test_two_versions_are_compared_on_one_drawing(page: Page) -> None:
    draw(page, SEVEN)
    page.get_by_label("Compare with").select_option("1")
    comparison = page.get_by_role("region", name="Comparison")
    expect(comparison.get_by_role("status")).to_contain_text("version")
    expect(comparison.get_by_role("row")).to_have_count(11)
    expect(comparison.get_by_role("columnheader")).to_have_text(["Class", "Version 2", "Version 1", "Difference"])


def test_a_version_is_promoted_and_rolled_back_with_the_token(page: Page) -> None:
    view(page, "Versions")
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("AVAILABLE")
    expect(rows.nth(1)).to_contain_text("default")
    page.get_by_label("Admin token").fill("wrong")
    default = page.get_by_role("group", name="Default")
    default.get_by_label("To version").select_option("1")
    default.get_by_role("button", name="Promote").click()
    expect(default.get_by_role("alert")).to_contain_text("SERVING_ADMIN_TOKEN")
    page.get_by_label("Admin token").fill(TOKEN)
    default.get_by_role("button", name="Promote").click()
    expect(rows.nth(2)).to_contain_text("default (promoted)")
    page.get_by_role("button", name="Audit").click()
    expect(page.get_by_role("table", name="Who changed what")).to_contain_text("promote")
    default.get_by_role("button", name="Roll back").click()
    expect(rows.nth(1)).to_contain_text("default (promoted)")
    assert page.evaluate("Object.values(localStorage).concat(Object.values(sessionStorage)).join()").count(TOKEN) == 0


def test_traffic_is_watched(page: Page) -> None:
    draw(page, SEVEN)
    expect(page.get_by_test_id("label")).to_have_text("7")
    view(page, "Traffic")
    requests = page.get_by_role("region", name="Requests")
    expect(requests).to_contain_text("Version 2 since the server started")
    expect(requests.get_by_role("rowheader", name="forward").first).to_be_visible()
    expect(page.get_by_role("region", name="Comparison")).to_contain_text("Nothing is compared yet")
    expect(page.get_by_role("region", name="Drift")).to_contain_text("no statistics of its training")


@pytest.mark.parametrize("name", ["Try", "Versions", "Traffic"])
def test_every_view_fits_a_phone(browser: Browser, server: Server, name: str) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}/", viewport=PHONE, has_touch=True) as page:
        page.get_by_label("Model").select_option("person")
        view(page, name)
        if name == "Versions":
            page.get_by_label("Admin token").fill(TOKEN)
            expect(page.get_by_role("group", name="Shadow")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
