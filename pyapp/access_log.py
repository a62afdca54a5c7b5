"""A line for each request, or for a share of them: JSON for machines, text for a terminal.

Failures of the server (5xx) are always written.  Neither bodies, nor query strings, nor any header that may hold a
secret are.
"""

import json
import logging
import random
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .config import Config
from .request_id import REQUEST_ID_HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("pyapp.access")

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_TOLD = {  # header of the reply → field of the line
    REQUEST_ID_HEADER: "request_id",
    "X-Model-Version": "version",
    "X-Batch-Rows": "batch_rows",
    "X-Queue-Us": "queue_us",
    "Content-Length": "bytes_out",
}


class AccessLog:
    """Writes a line of a request that was answered, or has it written around a WSGI callable."""

    def __init__(self, percent: float) -> None:
        """`percent` of the requests that succeed, or fail by the client's fault, are written."""
        self._share = percent / 100
        self._chance = random.random

    def takes(self, status: int) -> bool:
        """Shall `write` be called for a request with that status?"""
        return status >= 500 or self._chance() < self._share

    def around(self, app: "WSGIApplication") -> "WSGIApplication":
        """The app, with a line of what it is asked."""

        def logged(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            begun = time.perf_counter()

            def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
                if self.takes(code := int(status[:3])):
                    self.write(environ, code, headers, time.perf_counter() - begun)
                return start_response(status, headers, *error)

            return app(environ, start)

        return logged

    @staticmethod
    def write(environ: "WSGIEnvironment", code: int, headers: list[tuple[str, str]], seconds: float) -> None:
        """One line, of the reply's status and headers."""
        line: dict[str, Any] = {
            "method": environ["REQUEST_METHOD"],
            "path": environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            "status": code,
            "ms": round(seconds * 1000, 3),
            "client": environ.get("REMOTE_ADDR", ""),
        }
        if environ.get("CONTENT_LENGTH"):
            line["bytes_in"] = environ["CONTENT_LENGTH"]
        line |= {_TOLD[name]: value for name, value in headers if name in _TOLD}
        if match := _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")):
            line |= {"trace_id": match[1], "parent_id": match[2]}
        for field in ("bytes_in", "bytes_out", "version", "batch_rows", "queue_us"):
            if str(line.get(field, "")).isdecimal():
                line[field] = int(line[field])
        level = logging.ERROR if code >= 500 else logging.INFO
        record = logging.LogRecord(log.name, level, __file__, 0, "request", None, None)  # nobody looks for the caller
        record.line = line
        log.handle(record)


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
_COLOURS = {2: "32", 3: "36", 4: "33", 5: "31"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Requests with their fields; other messages with text, and trace if there is one."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line = getattr(record, "line", None)
        told |= line if line is not None else {"message": record.getMessage()}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return _encode(told)


class TextFormatter(logging.Formatter):
    """For people: `12:30:01 200 POST /classify 1.2 ms  pets/2, 3 rows in the batch`."""

    def __init__(self, colours: bool) -> None:
        """`colours`: the terminal shows them."""
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """A request is told in one line."""
        line = getattr(record, "line", None)
        if line is None:
            return super().format(record)
        status = str(line["status"])
        if self._colours:
            status = f"\x1b[{_COLOURS.get(line['status'] // 100, '0')}m{status}\x1b[0m"
        more = [f"version {line['version']}"] if "version" in line else []
        more += [f"batch of {line['batch_rows']}"] if line.get("batch_rows") else []
        path = line["path"].encode("unicode_escape").decode()  # no control characters in a terminal
        return (
            f"{self.formatTime(record, self.datefmt)} {status} {line['method']} {path} {line['ms']:.1f} ms  "
            f"{', '.join(more)}  {line.get('request_id', '')}"
        ).rstrip()


def configure(config: Config) -> None:
    """Has the process write its log to stderr, in the form that was asked for.  For programs of ours only."""
    if config.log == "off":
        return
    terminal = sys.stderr.isatty()
    as_text = config.log == "text" or (config.log == "auto" and terminal)
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter(colours=terminal) if as_text else JsonFormatter())
    ours = logging.getLogger("pyapp")
    ours.handlers[:] = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False
