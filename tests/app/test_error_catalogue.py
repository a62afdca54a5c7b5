"""docs/errors.md is what the table says, and each of its causes can be provoked."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from pyapp import create_app
from pyapp.api import errors
from pyapp.serving.state.errors import StateError

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret-s3cret-s3cret"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
KEY = "a-key-of-sixteen-letters"
ROW = [0.5, -1.0, 2.0, 0.25]

Provoke = Callable[[Path], TestResponse]


def ask(
    store: Path, path: str, settings: dict[str, Any] | None = None, method: str = "POST", **more: Any
) -> TestResponse:
    return app_of(store, settings).test_client().open(path, method=method, **(more or {"json": ROW}))


def app_of(store: Path, settings: dict[str, Any] | None = None) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_POLL_SECONDS": 0, **(settings or {})})


def admin(store: Path, path: str, **more: Any) -> TestResponse:
    return ask(store, path, {"SERVING_ADMIN_TOKEN": TOKEN}, headers=ADMIN, **more)


def many_models(store: Path) -> TestResponse:
    shutil.copytree(store / "pets", store / "birds")
    return ask(store, "/classify")


def no_version(store: Path) -> TestResponse:
    for version in ("1", "2"):
        (store / "pets" / version / "model.json").write_text("{")
    return ask(store, "/classify")


def twice(store: Path) -> TestResponse:
    client = app_of(store, {"SERVING_RATE_LIMIT": "1/hour"}).test_client()
    client.post("/classify", json=ROW)
    return client.post("/classify", json=ROW)


def faulty(store: Path) -> TestResponse:
    app = app_of(store)
    app.add_url_rule("/fault", view_func=lambda: 1 / 0)
    return app.test_client().get("/fault")


def engine_says(status: int, message: str) -> Provoke:
    """A full queue needs a load; the engine's own tests have one."""

    def provoke(store: Path) -> TestResponse:
        app = app_of(store)

        class Busy:
            def handle(self, *_: Any, **__: Any) -> tuple[int, list[tuple[str, str]], bytes]:
                return status, [("Retry-After", "1")], errors.error_body(message)

        parts = app.extensions["serving"]
        object.__setattr__(parts, "engine", Busy())
        return app.test_client().post("/classify", json=ROW, headers={"X-Request-Timeout-Ms": "1000"})

    return provoke


def no_state(store: Path) -> TestResponse:
    app = app_of(store, {"SERVING_ADMIN_TOKEN": TOKEN})

    def fail(**_: Any) -> None:
        raise StateError("the database can't be reached")

    app.view_functions["admin.audit"] = fail
    return app.test_client().get("/api/models/pets/audit", headers=ADMIN)


def broken_package(store: Path) -> TestResponse:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as file:
        file.writestr("model.json", "{}")
        file.writestr("weights.safetensors", "")
    return admin(store, "/api/models/new/versions/1", method="PUT", data=body.getvalue())


def slow(store: Path) -> TestResponse:
    from pyapp.api import lines

    def pieces() -> Any:
        yield b"[1]"

    (line,) = b"".join(lines.answer(pieces(), lambda _: (200, b"{}"), 100, -1)).splitlines()
    return TestResponse([line], "408 REQUEST TIMEOUT", Headers(), Request({}))


def broken_off(store: Path) -> TestResponse:
    return (
        app_of(store)
        .test_client()
        .post("/classify", input_stream=io.BytesIO(b"[1"), environ_overrides={"CONTENT_LENGTH": "9"})
    )


class Stalled(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise TimeoutError("timed out")


def stalled(store: Path) -> TestResponse:
    broken = {"wsgi.input": Stalled(), "CONTENT_LENGTH": "9", "wsgi.input_terminated": True}
    return app_of(store).test_client().post("/classify", environ_overrides=broken)


WAYS: dict[str, Provoke] = {
    "malformed body": lambda s: ask(s, "/classify", data=b"[1, 2"),
    "broken transfer": broken_off,
    "damaged compression": lambda s: ask(s, "/classify", data=b"[1]", headers={"Content-Encoding": "gzip"}),
    "wrong parameter": lambda s: ask(s, "/classify?version=two"),
    "wrong header": lambda s: ask(s, "/classify", json=ROW, headers={"X-Request-Timeout-Ms": "soon"}),
    "wrong field": lambda s: admin(s, "/api/models/pets/promote", json={}),
    "no model named": many_models,
    "no administrator": lambda s: ask(s, "/api/reload", {"SERVING_ADMIN_TOKEN": TOKEN}),
    "no key": lambda s: ask(s, "/classify", {"SERVING_API_KEYS": KEY}),
    "no administration": lambda s: ask(s, "/api/reload"),
    "no such path": lambda s: ask(s, "/nowhere"),
    "no such model": lambda s: ask(s, "/classify?model=birds"),
    "no such version": lambda s: ask(s, "/classify?version=9"),
    "wrong method": lambda s: ask(s, "/classify", method="GET"),
    "slow stream": slow,
    "stalled body": stalled,
    "decision not possible": lambda s: admin(s, "/api/models/pets/labels/new", method="DELETE"),
    "body too large": lambda s: ask(s, "/classify", {"SERVING_MAX_BODY_BYTES": 5}),
    "too many rows": lambda s: ask(s, "/classify", {"SERVING_MAX_REQUEST_ROWS": 1}, json=[ROW, ROW]),
    "unknown content type": lambda s: ask(s, "/classify", data=b"<x/>", content_type="application/xml"),
    "unknown encoding": lambda s: ask(s, "/classify", data=b"x", headers={"Content-Encoding": "br"}),
    "wrong shape or value": lambda s: ask(s, "/classify", json=[1]),
    "broken package": broken_package,
    "too often": twice,
    "fault of ours": faulty,
    "no version": no_version,
    "server busy": engine_says(503, "the queue is full"),
    "no state": no_state,
    "too late": engine_says(504, "the deadline has passed"),
}


def test_the_catalogue_is_the_table_in_words() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == errors.catalogue(), "flask serving errors > docs/errors.md"
    assert {cause.name for cause in errors.CAUSES} == set(WAYS)


def test_the_catalogue_is_printed_without_an_app() -> None:
    """As `flask` does with commands of installed packages: it finds the group before it has loaded any app."""
    command = "from pyapp.cli import settings; settings(['errors'])"
    printed = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert printed.stdout == errors.catalogue()


@pytest.mark.parametrize("cause", errors.CAUSES, ids=lambda cause: cause.name)
def test_a_cause_is_answered_as_the_catalogue_says(cause: errors.Cause, store: Path) -> None:
    reply = WAYS[cause.name](store)
    assert reply.status_code == cause.status, reply.text
    told = json.loads(reply.text)["error"]
    words = ".*".join(map(re.escape, cause.example.split("…")))
    assert re.fullmatch(words, told, re.DOTALL), told
    if cause.status in (405, 429, 503):
        assert cause.name in ("no version", "wrong method") or "Retry-After" in reply.headers
