"""POST /classify: the plain door.  JSON, a form field, a picture, CSV: the engine tells them apart.

Two things are done here and not by the engine: answers as CSV for who asks for them (`Accept: text/csv`), and files of
any length, a row a line (`Content-Type: application/x-ndjson`).
"""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from pyapp import engine
from pyapp.serving.snapshot import Entry

from . import csv_reply, lines, serving
from .bodies import pieces, read_body
from .errors import BadParameter
from .explain import asked_explanation
from .predict import answer, find, is_background, timeout_ms

bp = Blueprint("classify", __name__)

PARAMETERS = ("model", "version", "label", "top", "explain", "method", "steps", "target")
"""Of the query; no other is taken."""

_LARGEST = 2**31 - 1
_LISTS = ("ndjson", "jsonl")
_COMMON = (None, "application/json", "*/*")
"""Headers that nobody need search."""


def is_plain(environ: Mapping[str, Any]) -> bool:
    """Does the engine alone have the answer?  Where this says no it may still turn out that it has."""
    content_type = environ.get("CONTENT_TYPE")
    if content_type not in _COMMON and any(word in content_type.lower() for word in _LISTS):
        return False
    accept = environ.get("HTTP_ACCEPT")
    return accept in _COMMON or "csv" not in accept.lower()


@bp.post("/classify")
def classify() -> Response:
    """Rows, records, texts or a picture in; labels with scores, or values, out.

    Query: `model` (default: SERVING_DEFAULT_MODEL, or the only one), `version` or `label` (default: as was decided, or
    the newest), `top`.
    `explain=1` adds what the inputs have contributed (docs/explain.md), by `method`, with `steps`, for `target`.
    """
    _refuse_unknown()
    number, label = _positive("version"), request.args.get("label")
    if number is not None and label is not None:
        raise BadParameter("label", "both version and label are given; give one of them")
    explanation, top, name = asked_explanation(), _positive("top") or 0, request.args.get("model")
    if request.mimetype in lines.CONTENT_TYPES:
        return _stream(find(name, number, label, b""), top)
    body = read_body()
    found = find(name, number, label, body)
    response = answer(found, "classify", body, top=top, explanation=explanation)
    if response.status_code == 200 and not explanation and _wants_csv():
        response.data = csv_reply.to_csv(response.data, found[1].labels).encode()
        response.content_type = csv_reply.CONTENT_TYPE
        response.vary.add("Accept")
    return response


def _stream(found: tuple[Entry, engine.Model], top: int) -> Response:
    entry, model = found
    parts, background, timeout = serving(), is_background(), timeout_ms()
    request_id = parts.request_ids.of(request.environ)

    def compute(body: bytes) -> tuple[int, bytes]:
        content_type = "application/json"
        status, _, reply = parts.engine.handle(
            model, "classify", body, content_type, top=top, timeout_ms=timeout, background=background
        )
        if status == 200 and parts.observer.watches(entry):
            parts.observer.seen(entry, model, "classify", body, content_type, request_id)
        return status, reply

    config = parts.config
    response = Response(
        lines.answer(pieces(), compute, config.max_body_bytes, config.stream_seconds),
        content_type=lines.CONTENT_TYPES[0],
    )
    response.headers["X-Model-Version"] = str(model.version)
    return response


def _wants_csv() -> bool:
    """Only who names it: `*/*` and `text/*` get JSON."""
    accepted = request.accept_mimetypes
    return "csv" in str(accepted) and accepted.best_match(["application/json", "text/csv"]) == "text/csv"


def _refuse_unknown() -> None:
    """A slip in a parameter's name would be ignored in silence.  (The fast path takes only those that it knows.)"""
    for name in request.args:
        if name not in PARAMETERS:
            raise BadParameter(name, f"there is no parameter {name[:40]!r} here; expected {', '.join(PARAMETERS)}")


def _positive(name: str) -> int | None:
    """The query parameter as a whole number from 1; None if it isn't given."""
    text = request.args.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", text) and 1 <= int(text) <= _LARGEST:
        return int(text)
    raise BadParameter(name, f"{name} is {text!r}; it must be a whole number from 1")
