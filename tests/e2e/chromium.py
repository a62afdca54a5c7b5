"""A real Chromium for tests, and pages on which nothing may go wrong unseen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

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
DESK = {"width": 1100, "height": 1000}
PHONE = {"width": 360, "height": 740}
SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
"""A stroke; points are fractions of the pad's edge."""

TELL_VIOLATIONS = "addEventListener('securitypolicyviolation', event => console.error('CSP: ' + event.blockedURI))"


def launch(playwright: Playwright) -> Browser:
    """Without a window."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@contextmanager
def opened(browser: Browser, url: str, provoked: str = "status of 4", **options: Any) -> Iterator[Page]:
    """The page at `url`.  Nothing but what is below that URL may be asked for, its policy may not be broken, and its
    console must be without an error, but for those that the test provokes: Chromium logs every 4xx.
    """
    page = browser.new_page(**{"viewport": DESK, **options})
    faults: list[str] = []
    page.add_init_script(TELL_VIOLATIONS)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(url) else faults.append(f"asked for {sent.url}"))
    page.goto(url)
    yield page
    page.close()
    assert [fault for fault in faults if not provoked or provoked not in fault] == []


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """One stroke with the mouse."""
    box = page.get_by_label("Drawing pad").bounding_box()
    assert box is not None
    (x, y), *rest = [(box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()


def view(page: Page, name: str) -> None:
    """Turns to one of the page's views."""
    page.get_by_role("navigation", name="Views").get_by_role("link", name=name).click()
