"""/api/models/<model>/compare, /accuracy, and /api/feedback: how versions do on the traffic that there is."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from pyapp.serving.state.errors import UnknownRequestError

from . import serving
from .errors import BadField, BadParameter, whole

bp = Blueprint("insight", __name__, url_prefix="/api")

MODEL = "/models/<model:name>"
MAX_HOURS = 24 * 365
MAX_LABELS = 10_000


@bp.get(f"{MODEL}/compare")
def compare(name: str) -> Response:
    """What shadows have shown: of ?first=1&second=2, or of every pair of versions that was compared."""
    serving().registry.snapshot.entry(name)
    records = serving().decisions.known_records()
    if records is None:
        return jsonify(model=name, compared=[])
    given = [request.args.get(key) for key in ("first", "second")]
    pairs = records.compared(name) if given == [None, None] else [(_version("first"), _version("second"))]
    found = [
        {"versions": [first, second], **records.comparison(name, first, second).report()} for first, second in pairs
    ]
    return jsonify(model=name, compared=found)


@bp.get(f"{MODEL}/accuracy")
def accuracy(name: str) -> Response:
    """By version, over the last ?hours=24: rows whose true label was told, and those that were right."""
    serving().registry.snapshot.entry(name)
    text = request.args.get("hours", "24")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MAX_HOURS and len(text) < 9):
        raise BadParameter("hours", f"hours is {text!r}; it must be a whole number from 1 to {MAX_HOURS}")
    records = serving().decisions.known_records()
    since = datetime.now(UTC) - timedelta(hours=int(text))
    parts = records.accuracy(name, since) if records is not None else {}
    return jsonify(
        model=name,
        versions=[
            {
                "version": version,
                "rows": sum(part["rows"] for part in found),
                "right": sum(part["right"] for part in found),
                "over_time": found,
            }
            for version, found in parts.items()
        ],
    )


@bp.post("/feedback")
def feedback() -> Response:
    """{"request_id": …, "label": "7"}: what was true of a journalled request; "labels": […] for several rows."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadRequest('expected a JSON object, such as {"request_id": "…", "label": "7"}')
    request_id, actual = body.get("request_id"), _labels(body)
    if not isinstance(request_id, str) or not request_id:
        raise BadField("/request_id", "expected the X-Request-ID that the reply had")
    row = whole(body.get("row", 0))
    if row is None or row < 0:
        raise BadField("/row", "expected the number of a row, from 0")
    records = serving().decisions.known_records()
    if records is None:
        raise NotFound("no request was journalled: SERVING_JOURNAL is off, or was when it was made")
    try:
        kept = records.feedback(request_id, actual, row)
    except UnknownRequestError as error:
        raise NotFound(str(error)) from None
    return jsonify(
        kept=[{key: entry[key] for key in ("row", "model", "version", "predicted", "actual")} for entry in kept]
    )


def _labels(body: dict[str, Any]) -> list[str]:
    if "label" in body:
        labels: Any = [body["label"]]
        where = "/label"
    else:
        labels, where = body.get("labels"), "/labels"
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS:
        raise BadField(where, 'expected "label", or "labels": an array with one for each row')
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, str | int | float) or len(str(label)) > 256:
            raise BadField(where, "expected a text, or a number, of at most 256 characters")
    return [str(label) for label in labels]


def _version(key: str) -> int:
    text = request.args.get(key, "")
    if text.isascii() and text.isdecimal() and 0 < len(text) < 19:
        return int(text)
    raise BadParameter(key, f"{key} is {text!r}; it must be a version: a whole number from 1")
