"""/docs, the API's document for people, in a real Chromium."""

import re
from collections.abc import Iterator

import pytest
from chromium import PHONE, opened
from playwright.sync_api import Browser, Locator, Page, expect

from running_server import Server, running

TOKEN = "s3cret-s3cret-s3cret"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVING_ADMIN_TOKEN", TOKEN)
        with running(tmp_path_factory.mktemp("server") / "log") as started:
            yield started


@pytest.fixture
def docs(page: Page, server: Server) -> Page:
    page.get_by_role("link", name="API").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Flask Serving: the API")
    return page


def operation(docs: Page, method: str, path: str) -> Locator:
    """Found by a part of its path, and opened."""
    docs.get_by_label("Find a route").fill(path)
    found = docs.get_by_role("group").filter(has=docs.locator("summary", has_text=f"{method} {path}"))
    found.locator("summary").first.click()
    return found.first


def test_classify_is_found_and_tried_out(docs: Page) -> None:
    expect(docs.locator("summary")).not_to_have_count(1)
    classify = operation(docs, "POST", "/classify")
    expect(docs.locator("summary")).to_have_count(1)
    expect(classify.get_by_role("rowheader", name="X-Request-Timeout-Ms")).to_be_visible()
    classify.get_by_label("top (query)").fill("3")
    classify.get_by_role("button", name="Send").click()
    reply = classify.get_by_role("status")
    expect(reply).to_contain_text("200 OK")
    expect(reply).to_contain_text(re.compile(r'"top": \[.*"model": "mnist", "version": 2'))
    classify.get_by_label("Body").fill("[1, 2]")
    classify.get_by_role("button", name="Send").click()
    expect(reply).to_contain_text("422")


def test_a_decision_is_made_with_the_token(docs: Page) -> None:
    promote = operation(docs, "POST", "/api/models/{name}/promote")
    promote.get_by_label("Body").fill('{"version": 1}')
    promote.get_by_role("button", name="Send").click()
    expect(promote.get_by_role("status")).to_contain_text("401")
    docs.get_by_label("Token of an administrator").fill(TOKEN)
    promote.get_by_role("button", name="Send").click()
    expect(promote.get_by_role("status")).to_contain_text('"default":1')
    rollback = operation(docs, "POST", "/api/models/{name}/rollback")
    rollback.get_by_role("button", name="Send").click()
    expect(rollback.get_by_role("status")).to_contain_text('"default":2')


def test_every_operation_opens(docs: Page) -> None:
    summaries = docs.locator("summary")
    expect(summaries.first).to_be_visible()
    for summary in summaries.all():
        summary.click()
    expect(docs.get_by_role("button", name="Send")).to_have_count(summaries.count())


def test_it_fits_a_phone(browser: Browser, server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/"
    with opened(browser, url, viewport=PHONE, has_touch=True) as page:
        page.goto(f"{url}docs")
        classify = operation(page, "POST", "/classify")
        classify.get_by_role("button", name="Send").click()
        expect(classify.get_by_role("status")).to_contain_text("200 OK")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_label("Find a route").fill("")
        expect(page.locator("summary")).not_to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
