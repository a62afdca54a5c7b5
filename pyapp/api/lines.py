"""Long batches: NDJSON in, a row or record a line; NDJSON out, an answer a line.

Memory is bounded however long the body is: lines are computed a chunk at a time, while the body still comes.  A line
that is wrong is answered `{"error", "where"?, "line"}`, and the others as if it were not there.  Empty lines have no
answer.

Answers leave at once until EAGER_BYTES have left: so much fits into the buffers between server and client.  What comes
after them waits in a temporary file until the body has ended, for many clients listen only once they have sent
everything, and both sides would wait for each other for ever.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from time import monotonic, sleep
from typing import Any

from werkzeug.exceptions import HTTPException, RequestTimeout

CONTENT_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")

CHUNK_LINES = 256
CHUNK_BYTES = 1 << 20
EAGER_BYTES = 1 << 16

Line = tuple[int, bytes | None]
"""Its number, from 1, and its text; None: it is longer than a body may be."""

Compute = Callable[[bytes], tuple[int, bytes]]
"""A JSON body of /classify → HTTP status and JSON reply."""


def answer(pieces: Iterable[bytes], compute: Compute, longest: int, seconds: float) -> Iterator[bytes]:
    """The reply in pieces.  `longest`: bytes that a line may have; `seconds`: how long the body may take."""
    sent = 0
    with tempfile.TemporaryFile() as later:
        for reply in _answers(pieces, compute, longest, monotonic() + seconds):
            if sent < EAGER_BYTES:
                sent += len(reply)
                yield reply
            else:
                later.write(reply)
        later.seek(0)
        while piece := later.read(EAGER_BYTES):
            yield piece


def lines(pieces: Iterable[bytes], longest: int) -> Iterator[Line]:
    """The lines that are not empty."""
    number, begun, is_long = 0, bytearray(), False
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            number += 1
            begun += end
            is_long |= len(begun) > longest
            if is_long or begun.strip():
                yield number, None if is_long else bytes(begun.strip())
            begun.clear()
            is_long = False
        begun += rest
        if len(begun) > longest:
            is_long = True
            begun.clear()  # and so with all that comes before the next line end
    if is_long or begun.strip():
        yield number + 1, None if is_long else bytes(begun.strip())


def _answers(pieces: Iterable[bytes], compute: Compute, longest: int, deadline: float) -> Iterator[bytes]:
    chunk, size, number = list[Line](), 0, 0
    patient = _patient(compute, deadline)
    failure = b""
    try:
        for number, text in lines(_until(pieces, deadline), longest):
            added = len(text or b"") + 1
            if len(chunk) == CHUNK_LINES or size + added > min(CHUNK_BYTES, longest):
                yield _answered(chunk, patient, longest)
                chunk, size = [], 0
            chunk.append((number, text))
            size += added
    except HTTPException as error:  # the body breaks off, is damaged, or takes too long
        failure = _failure({"error": error.description}, number + 1)
    yield _answered(chunk, patient, longest) + failure


def _until(pieces: Iterable[bytes], deadline: float) -> Iterator[bytes]:
    for piece in pieces:
        if monotonic() > deadline:
            raise RequestTimeout("the body takes longer than SERVING_STREAM_SECONDS allow; send the rest in a new one")
        yield piece


def _patient(compute: Compute, deadline: float) -> Compute:
    """Comes again while the server is busy: who sends a long file has no one who could."""

    def computed(body: bytes) -> tuple[int, bytes]:
        pause = 0.02
        while True:
            status, reply = compute(body)
            if status != 503 or monotonic() > deadline:
                return status, reply
            sleep(pause)
            pause = min(2 * pause, 1)

    return computed


def _answered(chunk: list[Line], compute: Compute, longest: int) -> bytes:
    """All lines as one request; where that is refused, each by itself shows which ones are wrong."""
    rows = {number: text for number, text in chunk if text is not None and _is_value(text)}
    results: dict[int, Any] = {}
    if len(rows) > 1:
        status, reply = compute(b"[" + b",".join(rows.values()) + b"]")
        told = json.loads(reply)
        if status >= 500:
            return b"".join(_failure(told, number) for number, _ in chunk)
        found = told.get("results", ())
        if len(found) == len(rows):
            results = dict(zip(rows, found, strict=True))
    return b"".join(
        _line(results[number]) if number in results else _alone(number, text, compute, longest)
        for number, text in chunk
    )


def _is_value(text: bytes) -> bool:
    """A whole JSON value?  What is not could become one together with its neighbours."""
    try:
        json.loads(text.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _alone(number: int, text: bytes | None, compute: Compute, longest: int) -> bytes:
    if text is None:
        return _failure({"error": f"the line is too long; at most {longest} bytes are taken"}, number)
    status, reply = compute(text)
    told = json.loads(reply)
    if status != 200:
        return _failure(told, number)
    return _line({key: value for key, value in told.items() if key not in ("model", "version")})


def _failure(told: dict[str, Any], number: int) -> bytes:
    where = {"where": told["where"]} if "where" in told else {}
    return _line({"error": told["error"], **where, "line": number})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
