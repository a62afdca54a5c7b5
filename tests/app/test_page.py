from pathlib import Path

import pytest
from flask.testing import FlaskClient

from pyapp.api import page


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built page."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Digits</title>")
    (folder / "assets" / "index-4f2a.js").write_text("draw()")
    monkeypatch.setattr(page, "STATIC", folder)
    return folder


@pytest.mark.usefixtures("static")
def test_the_page_is_asked_for_anew_each_time(client: FlaskClient) -> None:
    reply = client.get("/", buffered=True)
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert reply.headers["Cache-Control"] == "no-cache"
    again = client.get("/", buffered=True, headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.usefixtures("static")
def test_assets_are_kept_for_a_year(client: FlaskClient) -> None:
    reply = client.get("/assets/index-4f2a.js", buffered=True)
    assert (reply.status_code, reply.text) == (200, "draw()")
    assert reply.mimetype == "text/javascript"
    assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.usefixtures("static")
@pytest.mark.parametrize("path", ["/", "/assets/index-4f2a.js"])
def test_nothing_from_elsewhere_may_run_in_the_page(path: str, client: FlaskClient) -> None:
    headers = client.get(path, buffered=True).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/assets/../../config.py", "/assets/%2e%2e/%2e%2e/config.py", "/assets/absent.js"])
def test_nothing_but_assets_is_among_the_assets(path: str, client: FlaskClient, static: Path) -> None:
    (static.parent / "config.py").write_text("secret")
    reply = client.get(path)
    assert (reply.status_code, reply.mimetype) == (404, "application/json")


def test_a_page_that_was_not_built_says_how(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path / "absent")
    reply = client.get("/", buffered=True)
    assert (reply.status_code, reply.mimetype) == (503, "text/plain")
    assert "npm run build" in reply.text
    assert client.get("/healthz").status_code == 200
