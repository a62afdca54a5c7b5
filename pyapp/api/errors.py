"""Every error of the API leaves here: one JSON shape, one place that maps what went wrong to a status.

What the engine answers (a body that does not parse, a full queue) it writes itself, in the same shape.
"""

from contextlib import suppress
from time import monotonic
from typing import cast

from flask import Blueprint, Flask, Response, json, request
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    Conflict,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)
from werkzeug.exceptions import RequestEntityTooLarge as TooLarge

from pyapp.request_id import REQUEST_ID_HEADER
from pyapp.serving import versions
from pyapp.serving.decisions import DecisionError
from pyapp.serving.state.errors import StateError

from . import serving

_LOOKUP_STATUS: dict[type[versions.VersionLookupError], type[HTTPException]] = {
    versions.UnknownVersionError: NotFound,
    versions.AmbiguousModelError: BadRequest,
    versions.UnavailableError: ServiceUnavailable,
}

_DISCARD_BYTES = 64 << 20
_DISCARD_SECONDS = 5.0


def error_body(message: str, where: str = "") -> bytes:
    """{"error": message, "where"?: the query parameter or JSON pointer it is about}"""
    return json.dumps({"error": message} | ({"where": where} if where else {})).encode()


class BadParameter(BadRequest):
    """A query parameter is wrong."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.where = f"?{name}"


class BadField(BadRequest):
    """A member of a JSON body is wrong; `pointer` is its place."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.where = pointer


class BadHeader(BadRequest):
    """A header of ours is wrong."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.where = name


def register(target: Flask | Blueprint) -> None:
    """Has every exception of every view, and of an app every status that Flask itself gives, answered as JSON."""
    target.register_error_handler(HTTPException, answer)
    target.register_error_handler(versions.VersionLookupError, _lookup_failed)
    target.register_error_handler(StateError, lambda error: answer(ServiceUnavailable(str(error), retry_after=5)))
    target.register_error_handler(DecisionError, lambda error: answer(Conflict(str(error))))
    # Python's JSON reader goes as deep as the body does.  (The engine's own, for predictions, has a limit.)
    target.register_error_handler(RecursionError, lambda _: answer(BadRequest("the body is nested too deeply")))
    target.after_request(_discard_body)
    target.after_request(_name_request)


def _lookup_failed(error: versions.VersionLookupError) -> Response:
    return answer(_LOOKUP_STATUS[type(error)](str(error)))


def answer(error: HTTPException) -> Response:
    """Also what an unexpected exception becomes: Flask logs it with its trace and hands over a 500."""
    response = cast(Response, error.get_response(request.environ))
    if (error.code or 500) >= 400:  # a redirect is no error
        response.data = error_body(_message(error), getattr(error, "where", ""))
        response.content_type = "application/json"
    return response


def _name_request(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = serving().request_ids.of(request.environ)
    return response


def _discard_body(response: Response) -> Response:
    """Takes what is left of a refused body off the connection, within bounds.

    A server that answers and closes in the middle of an upload resets the connection, and many clients, which send all
    before they listen, would never see why.  A client that waits for "100 Continue" has not sent anything yet, and
    without `wsgi.input_terminated` the server does this by itself.
    """
    environ = request.environ
    if response.status_code < 400 or "HTTP_EXPECT" in environ or not environ.get("wsgi.input_terminated"):
        return response
    stream, left, deadline = environ["wsgi.input"], _DISCARD_BYTES, monotonic() + _DISCARD_SECONDS
    with suppress(Exception):  # the client has gone, or what it sends is malformed
        while left > 0 and monotonic() < deadline and (piece := stream.read(1 << 16)):
            left -= len(piece)
    return response


def _message(error: HTTPException) -> str:
    """What a person can act upon.  The exception's own class text is too general for the commonest ones."""
    if error.response is None and error.description == type(error).description:
        if isinstance(error, NotFound):
            return f"nothing is at {request.path}; POST /classify answers, GET /api/models lists the models"
        if isinstance(error, MethodNotAllowed):
            return f"{request.method} is not possible at {request.path}; {_listed(error)}"
        if isinstance(error, ClientDisconnected):
            return "the body breaks off before its end"
        if isinstance(error, TooLarge):
            return f"the body is too large; at most {(request.max_content_length or 1) - 1} bytes are taken"
    if error.code == 500:
        return "the server failed; its log says why"
    return error.description or error.name


def _listed(error: MethodNotAllowed) -> str:
    return f"possible: {', '.join(sorted(error.valid_methods or ()))}"
