"""GET /api/models/<model>/drift: how far a version's inputs and labels have drifted from its training."""

import re

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotFound

from pyapp.serving.drift import report

from . import serving
from .errors import BadParameter

bp = Blueprint("drift", __name__, url_prefix="/api")


@bp.get("/models/<model:name>/drift")
def drift(name: str) -> Response:
    """Of ?version=, or of the one that answers.  Counts are of all processes here that serve it (docs/drift.md)."""
    model = serving().registry.find(name, _version())
    found = report(model)
    if found is None:
        raise NotFound(
            f"the package of {name}, version {model.version}, has no statistics of its training to compare with"
        )
    return jsonify(model=name, version=model.version, **found)


def _version() -> int | None:
    text = request.args.get("version")
    if text is None:
        return None
    if re.fullmatch("[0-9]{1,18}", text) and int(text) > 0:
        return int(text)
    raise BadParameter("version", f"version is {text!r}; it must be a whole number from 1")
