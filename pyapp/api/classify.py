"""POST /classify: the plain door.  JSON, a form field, a picture, CSV: the engine tells them apart."""

import re

from flask import Blueprint, Response, request

from .errors import BadParameter
from .explain import asked_explanation
from .predict import answer, find, read_body

bp = Blueprint("classify", __name__)

_LARGEST = 2**31 - 1


@bp.post("/classify")
def classify() -> Response:
    """Query: `model` (default: the only one), `version` or `label` (default: as was decided, or the newest), `top`.

    `explain=1` adds what the inputs have contributed (docs/explain.md), by `method`, with `steps`, for `target`.
    """
    number, label = _positive("version"), request.args.get("label")
    if number is not None and label is not None:
        raise BadParameter("label", "both version and label are given; give one of them")
    explanation, top = asked_explanation(), _positive("top") or 0
    body = read_body()
    found = find(request.args.get("model"), number, label, body)
    return answer(found, "classify", body, top=top, explanation=explanation)


def _positive(name: str) -> int | None:
    """The query parameter as a whole number from 1; None if it isn't given."""
    text = request.args.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", text) and 1 <= int(text) <= _LARGEST:
        return int(text)
    raise BadParameter(name, f"{name} is {text!r}; it must be a whole number from 1")
