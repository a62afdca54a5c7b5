"""The page of the server that a module starts, in one Chromium for them all."""

from collections.abc import Iterator

import pytest
from chromium import launch, opened
from playwright.sync_api import Browser, Page, sync_playwright

from running_server import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with opened(browser, f"http://127.0.0.1:{server.port}/") as page:
        yield page
