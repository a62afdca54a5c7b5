"""A line a request, and spans."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import Client

from pyapp import create_app
from pyapp.access_log import AccessLog, JsonFormatter, TextFormatter
from pyapp.tracing import Tracing

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("pyapp")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [told for told in map(json.loads, stream.getvalue().splitlines()) if "path" in told]


def app_of(store: Path, percent: int) -> Any:
    return create_app({"SERVING_MODELS": store, "SERVING_LOG_PERCENT": percent})


def test_a_request_is_one_line_of_json(store: Path, lines: io.StringIO) -> None:
    client = app_of(store, 100).test_client()
    for _ in range(2):  # through Flask, then past it
        headers = {"X-Request-ID": "mine", "traceparent": TRACE, "Authorization": "Bearer s3cret"}
        client.post("/classify?model=pets", json=[1, 2, 3, 4], headers=headers)
    client.post("/classify?key=s3cret", data="[1, 2", content_type="application/json")
    first, second, third = read(lines)
    for line in (first, second):
        assert line["method"] == "POST"
        assert line["path"] == "/classify"
        assert (line["status"], line["version"], line["batch_rows"]) == (200, 2, 1)
        assert line["request_id"] == "mine"
        assert line["trace_id"] == TRACE.split("-")[1]
        assert line["ms"] > 0
    assert (third["status"], third["level"]) == (400, "info")
    assert "s3cret" not in lines.getvalue()


def test_a_share_is_written_and_failures_always(store: Path, lines: io.StringIO) -> None:
    app = app_of(store, 0)
    client = app.test_client()
    client.post("/classify", json=[1, 2, 3, 4])
    assert read(lines) == []
    app.extensions["serving"].engine.close()
    client.post("/classify", json=[1, 2, 3, 4])
    (line,) = read(lines)
    assert (line["status"], line["level"]) == (503, "error")


def test_without_a_log_nothing_is_around_the_app(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AccessLog, "takes", lambda *_: pytest.fail("somebody asks what to log"))
    client = app_of(store, 100).test_client()
    for _ in range(2):  # through Flask, then past it
        assert client.post("/classify", json=[1, 2, 3, 4]).status_code == 200


def test_the_text_for_people_has_no_control_characters() -> None:
    record = logging.LogRecord("pyapp.access", logging.INFO, "", 0, "request", (), None)
    record.line = {"method": "GET", "path": "/a\x1b[2J\n", "status": 404, "ms": 1.234, "request_id": "r1"}
    shown = TextFormatter(colours=False).format(record)
    assert "404 GET /a\\x1b[2J\\n 1.2 ms" in shown
    assert "\x1b[33m404" in TextFormatter(colours=True).format(record)


def test_spans_continue_the_callers_trace(store: Path) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    client = Client(Tracing(create_app({"SERVING_MODELS": store}), provider))
    for _ in range(2):
        answer = client.post("/classify", json=[1, 2, 3, 4], headers={"traceparent": TRACE})
        assert answer.status_code == 200
        answer.close()
    spans = exporter.get_finished_spans()
    assert len(spans) == 2
    for span in spans:
        assert f"{span.context.trace_id:032x}" == TRACE.split("-")[1]
        assert span.attributes is not None
        assert span.attributes["serving.model.version"] == 2
        assert span.attributes["serving.batch.rows"] == 1


def test_spans_are_exported_where_a_variable_says_where(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isinstance(create_app({"SERVING_MODELS": store}).wsgi_app, Tracing)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert isinstance(create_app({"SERVING_MODELS": store}).wsgi_app, Tracing)
