"""Every error of the API leaves here: one JSON shape, one place that maps what went wrong to a status.

What the engine answers (a body that does not parse, a full queue) it writes itself, in the same shape.
"""

from contextlib import suppress
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple, cast

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


class Cause(NamedTuple):
    """One way in which a request can fail."""

    status: int
    name: str
    when: str
    example: str
    """The message; … stands for what differs."""
    remedy: str


CAUSES = (
    Cause(400, "malformed body", "The body is not what its Content-Type says, or is empty.",
          "the text ends here; expected …", "Correct the body at `offset`."),
    Cause(400, "broken transfer", "The connection or the compressed data ends before the body does.",
          "the body breaks off before its end", "Send it again."),
    Cause(400, "damaged compression", "The body is not compressed as its Content-Encoding says.",
          "the body is not gzip, which its Content-Encoding says: …", "Leave the header out, or compress the body."),
    Cause(400, "wrong parameter",
          "A query parameter has a value that is not possible, or a name that /classify does not know; or two exclude "
          "each other.",
          "version is …; it must be a whole number from 1", "Correct what `where` names."),
    Cause(400, "wrong header", "A header of ours has a value that is not possible.",
          "X-Request-Timeout-Ms is …; it must be a whole number of milliseconds from 1", "Correct the header."),
    Cause(400, "wrong field", "A member of an administrator's JSON body is missing, unknown or wrong.",
          "version is missing", "Correct the member at `where`, a JSON pointer."),
    Cause(400, "no model named", "Several models are served, and the request names none.",
          "say which model by ?model=NAME, or set SERVING_DEFAULT_MODEL; models: …",
          "Add `?model=NAME`, or start the server with a default."),
    Cause(401, "no administrator", "The route decides about models, and the token is missing or another.",
          "Authorization must be: Bearer, a blank, and the server's SERVING_ADMIN_TOKEN", "Send the token."),
    Cause(401, "no key", "The server has API keys, and the request has none of them.",
          "an API key is needed, as X-API-Key: KEY or Authorization: Bearer KEY", "Send a key."),
    Cause(403, "no administration", "The server was started without SERVING_ADMIN_TOKEN and takes no changes.",
          "this server takes no changes: it has no SERVING_ADMIN_TOKEN", "Start it with a token."),
    Cause(404, "no such path", "Nothing is at the path.",
          "nothing is at …; POST /classify answers, GET /api/models lists the models", "See `/docs`."),
    Cause(404, "no such model", "No model has the name.",
          "no model is named …; models: …", "Take a name of the list."),
    Cause(404, "no such version", "The model has no such version or label.",
          "… has no version …; versions that answer: …", "Take one of the list, or none."),
    Cause(405, "wrong method", "The path has other methods.",
          "GET is not possible at /classify; possible: …", "Take a method of the list (header `Allow`)."),
    Cause(408, "slow stream", "The body of a long batch came for longer than SERVING_STREAM_SECONDS; in its last line.",
          "the body takes longer than SERVING_STREAM_SECONDS allow; send the rest in a new one",
          "Send what was not answered in a new request."),
    Cause(408, "stalled body", "The server waits for clients no longer than it likes (gunicorn), and nothing came.",
          "the body stops in the middle, and nothing more of it came…", "Send it again."),
    Cause(409, "decision not possible", "The decision contradicts what is there or what was decided.",
          "… has no label …; labels: …", "Look at `GET /api/models`, then decide anew."),
    Cause(413, "body too large", "The body, as sent or inflated, has more than SERVING_MAX_BODY_BYTES.",
          "the body … too large…; at most … bytes are taken", "Send fewer rows at once, or NDJSON to /classify."),
    Cause(413, "too many rows", "One request has more than SERVING_MAX_REQUEST_ROWS rows.",
          "… rows; at most … in one request", "Send fewer rows at once, or NDJSON to /classify."),
    Cause(415, "unknown content type", "The Content-Type is none that is taken.",
          "the Content-Type … is not taken; expected …", "Take one of the list."),
    Cause(415, "unknown encoding", "The Content-Encoding is none that is taken.",
          "the Content-Encoding … is not taken; expected one of gzip, deflate, zstd", "Take one of the list."),
    Cause(422, "wrong shape or value", "The body can be read, and is no input of this model (/v1 and /v2 say 400).",
          "row has … number…; the model takes …", "`GET /api/models` tells what the model takes."),
    Cause(422, "broken package", "An uploaded package can't be loaded, or does not answer its own samples.",
          "…model.json…", "Correct the package; docs/package.md describes it."),
    Cause(429, "too often", "More requests than SERVING_RATE_LIMIT; from /v1 also: the queue is full.",
          "…1 per 1 hour…", "Wait for as long as `Retry-After` says."),
    Cause(500, "fault of ours", "A fault in the server. No request should bring this about: please report it.",
          "the server failed; its log says why", "Report it, with the `X-Request-ID`."),
    Cause(503, "no version", "The model has no version that can answer now.",
          "no version of … can answer; …", "Correct the package; the message names the reason."),
    Cause(503, "server busy", "The queue is full: SERVING_MAX_QUEUE_ROWS wait already.",
          "…queue…", "Wait for as long as `Retry-After` says, then send it again."),
    Cause(503, "no state", "The database with the decisions, or its library, is not there; predictions go on.",
          "…", "Look at the database; then send it again."),
    Cause(504, "too late", "The answer was not there within SERVING_TIMEOUT_MS or X-Request-Timeout-Ms.",
          "…", "Send it again, with fewer rows, or allow more time."),
)  # fmt: skip
"""Everything that can go wrong; docs/errors.md is made of it."""

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


def whole(value: object) -> int | None:
    """A JSON number that is a whole one, which `3.0` is too; else None."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def title(status: int) -> str:
    """A status in words: its causes, or HTTP's own phrase."""
    causes = [cause.name for cause in CAUSES if cause.status == status]
    return "; ".join(causes) or HTTPStatus(status).phrase


def catalogue() -> str:
    """docs/errors.md: `flask serving errors` writes it."""
    lines = [
        "# Errors",
        "",
        "Written by `flask serving errors` from the table in `pyapp/api/errors.py`; a test provokes each of them.",
        "",
        'Every error is JSON: `{"error": what is wrong and what would be right}`, with `"where"` (a JSON pointer into',
        'the body, `?parameter` or header) and `"offset"` (byte of the body) where there is such a place. `/v1` and',
        "`/v2` answer as TensorFlow Serving and Triton do: with `error` alone, the place being part of the text. Each",
        "reply has an `X-Request-ID`, under which the log has the request too. In NDJSON streams an error is a line of",
        "its own, with its `line`, and the status stays 200.",
    ]
    for status in sorted({cause.status for cause in CAUSES}):
        lines += ["", f"## {status} {HTTPStatus(status).phrase}", ""]
        lines += ["| cause | when | such as | what to do |", "|---|---|---|---|"]
        for cause in CAUSES:
            if cause.status == status:
                lines.append(f"| {cause.name} | {cause.when} | `{cause.example}` | {cause.remedy} |")
    return "\n".join(lines) + "\n"


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
    if (
        response.status_code in (*range(400), 408)
        or "HTTP_EXPECT" in environ
        or not environ.get("wsgi.input_terminated")
    ):
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
