"""What the predict routes of all protocols share: names in URLs, the raw body in, the engine's reply out."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Response, request
from werkzeug.routing import BaseConverter

from pyapp import engine
from pyapp.serving.snapshot import Entry
from pyapp.sticky import sticky_key

from . import serving
from .errors import BadHeader

TIMEOUT_HEADER = "X-Request-Timeout-Ms"
PRIORITY_HEADER = "X-Request-Priority"
VERSION_HEADER = "X-Model-Version"

NO_EXPLANATION: Mapping[str, Any] = MappingProxyType({})


class ModelName(BaseConverter):
    """`<model:name>`: TensorFlow Serving's URLs go on after a colon."""

    regex = "[^/:]+"


class VersionNumber(BaseConverter):
    """`<version:version>`: digits only, and no more of them than a number of 64 bits has."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)


CONVERTERS = {"model": ModelName, "version": VersionNumber}


def find(name: str | None, number: int | None, label: str | None, body: bytes) -> tuple[Entry, engine.Model]:
    """What was asked for, and what answers: by number, by label, or as was decided about the traffic.

    Raises VersionLookupError.
    """
    entry = serving().registry.snapshot.entry(name)
    return entry, entry.find(number, label, sticky_key(request.environ, body))


def answer(
    found: tuple[Entry, engine.Model],
    protocol: str,
    body: bytes,
    top: int = 0,
    json_size: int = -1,
    explanation: Mapping[str, Any] = NO_EXPLANATION,
) -> Response:
    """What the engine replies; `pyapp.fastpath` sends the same without Flask.

    `explanation`: how the engine is to explain the answer, if at all.  Two headers say how urgent a request is:
    `X-Request-Timeout-Ms` (it is answered 504 once it is older) and `X-Request-Priority: background` (it is computed
    when no other waits).
    """
    entry, model = found
    status, headers, reply = serving().engine.handle(
        model,
        protocol,
        body,
        request.content_type or "",
        top=top,
        timeout_ms=timeout_ms(),
        background=is_background(),
        json_size=json_size,
        **explanation,
    )
    response = Response(reply, status, headers)
    response.headers[VERSION_HEADER] = str(model.version)
    observer = serving().observer
    if status == 200 and observer.watches(entry):
        request_id = serving().request_ids.of(request.environ)
        observer.seen(entry, model, protocol, body, request.content_type or "", request_id, json_size)
    return response


def timeout_ms() -> int:
    """How old the request may become; 0: the engine's own limit.  Raises BadHeader."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return 0
    if re.fullmatch("[0-9]{1,9}", text) and int(text) > 0:
        return int(text)
    raise BadHeader(TIMEOUT_HEADER, f"{TIMEOUT_HEADER} is {text!r}; it must be a whole number of milliseconds from 1")


def is_background() -> bool:
    """Does the request say that it can wait?  Raises BadHeader."""
    text = request.headers.get(PRIORITY_HEADER, "interactive")
    if text.lower() not in ("interactive", "background"):
        raise BadHeader(PRIORITY_HEADER, f"{PRIORITY_HEADER} is {text!r}; it must be interactive or background")
    return text.lower() == "background"


def with_version(response: Response, number: int | None) -> Response:
    """Names the version that the response is about, if there is one."""
    if number is not None:
        response.headers[VERSION_HEADER] = str(number)
    return response
