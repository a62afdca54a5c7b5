"""One request, asked as often as it may be: what to send each time, how long to wait, and when to give up.

Decides only; who sends and sleeps is the blocking client or the asynchronous one.
"""

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from . import errors
from .options import Options

BUSY = (429, 503)

TIMEOUT_HEADER = "X-Request-Timeout-Ms"

Outcome = httpx.Response | httpx.RequestError
"""What came of an attempt."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; `repeatable`: asking twice changes no more than asking once."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True


def end_of_call(options: Options) -> float | None:
    """When a call that begins now must be answered."""
    return None if options.deadline is None else time.monotonic() + options.deadline


class Attempts:
    """Of one request, from its first to its last."""

    def __init__(self, request: Request, options: Options, end: float | None) -> None:
        """`end`: of the call that it is part of (`end_of_call`)."""
        self._request = request
        self._options = options
        self._end = end
        self._made = 0

    def build(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The next one to send.  Raises TooLateError."""
        options, headers = self._options, dict(self._request.headers)
        left = self._left()
        if left is not None:
            if left < 0.001:
                raise errors.TooLateError(f"the deadline of {options.deadline} s is over")
            headers[TIMEOUT_HEADER] = str(int(left * 1000))
        wait = min(options.read_timeout, left) if left is not None else options.read_timeout
        connect = min(options.connect_timeout, left) if left is not None else options.connect_timeout
        return http.build_request(
            self._request.method,
            self._request.path,
            params=self._request.query or None,
            headers=headers,
            content=self._request.body,
            timeout=httpx.Timeout(wait, connect=connect),
        )

    def pause(self, outcome: Outcome) -> float | None:
        """Seconds until the next attempt; None: that was the last one."""
        self._made += 1
        if not self._request.repeatable or self._made > self._options.retries or not _is_passing(outcome):
            return None
        longest = self._options.longest_pause
        seconds = min(self._options.first_pause * 2.0 ** min(self._made - 1, 30), longest)
        seconds *= 0.5 + random.random() / 2  # noqa: S311 -- clients that were refused together come back apart
        if isinstance(outcome, httpx.Response):
            asked = retry_after(outcome.headers.get("Retry-After", ""))
            if asked > longest:
                return None
            seconds = max(seconds, asked + seconds / 10 if asked else 0)
        left = self._left()
        return None if left is not None and seconds >= left else seconds

    def result(self, outcome: Outcome) -> httpx.Response:
        """The good reply that it is.  Raises the error that it is otherwise."""
        if isinstance(outcome, httpx.RequestError):
            raise errors.of_transport(outcome) from None  # its causes are httpx's own, and a screenful
        if outcome.status_code >= 300:
            raise errors.of_reply(outcome)
        return outcome

    def _left(self) -> float | None:
        return None if self._end is None else self._end - time.monotonic()


def _is_passing(outcome: Outcome) -> bool:
    """May it be otherwise the next time?  Who waited in vain for a reply does not ask again."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in BUSY
    return isinstance(outcome, (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout))


def retry_after(text: str) -> float:
    """Seconds that a Retry-After header asks for, given in seconds or as a date; 0 if it asks for nothing."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
