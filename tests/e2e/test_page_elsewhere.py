"""The page within somebody's own app, under a prefix, and behind a proxy that takes a path away and tells nobody."""

import sys
from collections.abc import Iterator

import pytest
from chromium import SEVEN, draw, opened, view
from playwright.sync_api import Browser, expect

from pyapp.api.page import CONTENT_SECURITY_POLICY
from running_server import Server, free_port, running

HOST = """
import json
from flask import Flask
from pyapp import Serving

app = Flask("host")
app.get("/healthz")(lambda: {"status": "ok"})
Serving(app, url_prefix="/ml")
flask_app = app.wsgi_app

def behind_proxy(environ, start_response):
    if environ["PATH_INFO"].startswith("/tools/"):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/tools")
    return flask_app(environ, start_response)

app.wsgi_app = behind_proxy
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("host")
    (folder / "host.py").write_text(HOST)
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", str(folder / "host.py"), "run", "--port", str(port)]
    with running(folder / "log", command, port) as started:
        yield started


@pytest.mark.parametrize("path", ["/ml/", "/tools/ml/"])
def test_every_view_works_there(path: str, browser: Browser, server: Server) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}{path}") as page:
        expect(page.get_by_role("heading", name="Flask Serving").get_by_role("presentation")).to_have_js_property(
            "complete", True
        )
        draw(page, SEVEN)
        expect(page.get_by_test_id("label")).to_have_text("7")
        page.get_by_role("button", name="Why?").click()
        expect(page.get_by_role("img", name="What each pixel has added to 7")).to_be_visible()
        view(page, "Versions")
        expect(page.get_by_role("row")).to_have_count(3)
        page.get_by_label("Admin token").fill("none")
        page.get_by_role("group", name="Default").get_by_role("button", name="Promote").click()
        expect(page.get_by_role("alert")).to_contain_text("SERVING_ADMIN_TOKEN")
        view(page, "Traffic")
        expect(page.get_by_role("region", name="Requests")).to_contain_text("Version 2 since the server started")
        expect(page.get_by_role("region", name="Drift")).to_contain_text("no statistics of its training")
        page.get_by_role("link", name="API").click()
        page.locator("summary", has_text="/healthz").click()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("status")).to_contain_text('{"models":{"mnist":[1,2]},"status":"ok"}')


def test_the_policy_is_as_strict_there(browser: Browser, server: Server) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}/ml/") as page:
        for name in ("", "docs"):
            reply = page.goto(f"http://127.0.0.1:{server.port}/ml/{name}")
            assert reply is not None
            assert reply.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_without_its_slash_it_is_found_too(browser: Browser, server: Server) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}/ml") as page:
        expect(page.get_by_label("Drawing pad")).to_be_visible()
        assert page.url == f"http://127.0.0.1:{server.port}/ml/"
