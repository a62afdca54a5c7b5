"""POST /classify: the plain door.  JSON, a form field, a picture, CSV: the engine tells them apart."""

import re

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, HTTPException

from . import serving
from .errors import BadParameter

bp = Blueprint("classify", __name__)

_LARGEST = 2**31 - 1


@bp.post("/classify")
def classify() -> Response:
    """Query: `model` (default: the only one), `version` (default: the newest), `top` (how many labels; default: all).

    The body is read raw: touching `request.form` would have Werkzeug parse what the engine parses.
    """
    state = serving()
    model = state.registry.find(request.args.get("model"), _positive("version"))
    top = _positive("top") or 0
    status, headers, reply = state.engine.handle(model, "classify", _body(), request.content_type or "", top=top)
    response = Response(reply, status, headers)
    response.headers["X-Model-Version"] = str(model.version)
    return response


def _body() -> bytes:
    """The whole body.  Where it is malformed or breaks off, servers raise errors of their own, or just end it there."""
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:
        raise BadRequest(f"the body could not be read: {error}") from None
    announced = request.content_length
    if announced is not None and len(body) < announced:
        raise BadRequest(f"the body ends after {len(body)} bytes; {announced} were announced")
    return body


def _positive(name: str) -> int | None:
    """The query parameter as a whole number from 1; None if it isn't given."""
    text = request.args.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", text) and 1 <= int(text) <= _LARGEST:
        return int(text)
    raise BadParameter(name, f"{name} is {text!r}; it must be a whole number from 1")
