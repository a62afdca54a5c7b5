"""Looks at a share of the requests after they are answered: shadows, comparisons, the journal.

The request's thread only puts its body on a queue; one thread per process does the rest at background priority.  When
it can't keep up, the oldest that wait are dropped and counted: nobody waits for an observer.
"""

import hashlib
import logging
import os
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from pyapp import engine

from .answers import Answers
from .compare import Comparison
from .routing import POINTS
from .snapshot import Entry

WAITING = 1000
"""Requests that may wait to be looked at."""
WAITING_BYTES = 64 << 20
FLUSH_SECONDS = 1.0

log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What was answered."""

    at: float
    request_id: str
    entry: Entry
    model: engine.Model
    protocol: str
    body: bytes
    content_type: str
    journalled: bool
    shadow: engine.Model | None
    json_size: int = -1
    """How much of the body is JSON before binary tensors; -1: all."""


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """What of the requests is kept."""

    percent: float = 0.0
    """Of the requests; 0: nothing."""
    contents: bool = False
    """The body too, and not its digest alone."""


Key = tuple[str, int, int]
"""Model, first version, second version."""


class Observer:
    """One per app.  `seen` may be called from any thread, in any process."""

    def __init__(
        self,
        handle: Callable[..., tuple[int, list[tuple[str, str]], bytes]],
        journal: JournalOptions,
        keep: Callable[[list[dict[str, Any]], dict[Key, Comparison]], None],
        count_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        """`handle`: the engine's.  `keep` writes journal entries and what was compared since it was last called;
        `count_dropped` is called for each request that is dropped.
        """
        self._handle = handle
        self._journal = journal
        self._keep = keep
        self._count_dropped = count_dropped
        self._begin()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_anew(itself()))

    def _begin(self) -> None:
        """Empty and without a thread: also in a child, where the parent's are not."""
        self._running = False
        self._queue: deque[Request] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._done = threading.Event()
        self.dropped = 0
        self._entries: list[dict[str, Any]] = []
        self._comparisons: dict[Key, Comparison] = {}

    def watches(self, entry: Entry) -> bool:
        """Need `seen` be called for this model?"""
        return entry.routing.shadow is not None or self._journal.percent > 0

    def seen(
        self,
        entry: Entry,
        model: engine.Model,
        protocol: str,
        body: bytes,
        content_type: str,
        request_id: str,
        json_size: int = -1,
    ) -> None:
        """A request that was answered with 200."""
        shadow, journalled = None, random.random() * 100 < self._journal.percent  # noqa: S311 -- a sample, no secret
        if entry.routing.shadow is not None and random.randrange(POINTS) < entry.routing.shadow.points:  # noqa: S311
            number = entry.resolve(entry.routing.shadow.target)
            shadow = entry.available[number] if number is not None and number != model.version else None
        if shadow is None and not journalled:
            return
        request = Request(
            time.time(), request_id, entry, model, protocol, body, content_type, journalled, shadow, json_size
        )
        with self._lock:
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="observe", daemon=True).start()
            self._queue.append(request)
            self._bytes += len(body)
            while len(self._queue) > WAITING or (self._bytes > WAITING_BYTES and len(self._queue) > 1):
                self._bytes -= len(self._queue.popleft().body)
                self.dropped += 1
                self._count_dropped()
        self._arrived.set()

    def flush(self, seconds: float = 10.0) -> bool:
        """Waits until all that was seen here has been looked at and kept; False if that takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._done.clear()
            with self._lock:
                if not self._queue and not self._entries and not self._comparisons:
                    return True
            self._arrived.set()
            self._done.wait(0.05)
        return False

    def _run(self) -> None:
        kept = time.monotonic()
        while True:
            self._arrived.wait(None if not (self._entries or self._comparisons) else FLUSH_SECONDS)
            self._arrived.clear()
            while (request := self._next()) is not None:
                try:
                    self._look(request)
                except Exception:  # one request must not end the thread
                    log.exception("a request could not be observed")
                if time.monotonic() - kept > FLUSH_SECONDS:
                    kept = self._flush_now()
            kept = self._flush_now()

    def _next(self) -> Request | None:
        with self._lock:
            if not self._queue:
                return None
            return self._queue[0]

    def _look(self, request: Request) -> None:
        try:
            first, ms, fault = self._answers(request.model, request)
            if request.shadow is not None:
                self._compare(request, first, ms, fault)
            if request.journalled and first is not None:
                self._entries.append(self._entry(request, first))
        finally:
            with self._lock:
                if self._queue and self._queue[0] is request:
                    self._queue.popleft()
                    self._bytes -= len(request.body)

    def _compare(self, request: Request, first: Answers | None, first_ms: float, fault: str) -> None:
        assert request.shadow is not None  # noqa: S101 -- the caller's condition
        key = (request.entry.name, request.model.version, request.shadow.version)
        comparison = self._comparisons.setdefault(key, Comparison())
        second, second_ms, other_fault = self._answers(request.shadow, request)
        for side, told in ((comparison.first, fault), (comparison.second, other_fault)):
            if told:
                side.errors += 1
                side.last_error = told
        if first is None or second is None:
            comparison.requests += 1
            return
        comparison.took(first_ms, second_ms)
        try:
            comparison.add(first, second)
        except ValueError as error:
            comparison.second.errors += 1
            comparison.second.last_error = str(error)

    def _answers(self, model: engine.Model, request: Request) -> tuple[Answers | None, float, str]:
        """Answers, milliseconds, and what is wrong if there are none."""
        begun = time.perf_counter()
        status, _, reply = self._handle(
            model,
            request.protocol,
            request.body,
            request.content_type,
            background=True,
            raw=True,
            json_size=request.json_size,
        )
        ms = (time.perf_counter() - begun) * 1000
        if status != 200:
            return None, ms, reply.decode("utf-8", "replace")
        return Answers.of(model, np.frombuffer(reply, np.float32).reshape(-1, model.outputs)), ms, ""

    def _entry(self, request: Request, answers: Answers) -> dict[str, Any]:
        return {
            "at": datetime.fromtimestamp(request.at, UTC),
            "request_id": request.request_id,
            "model": request.entry.name,
            "version": request.model.version,
            "protocol": request.protocol,
            "digest": hashlib.sha256(request.body).hexdigest(),
            "content_type": request.content_type[:256],
            "body": request.body if self._journal.contents else None,
            "outputs": [[float(value) for value in row] for row in answers.values],
            "labels": answers.best() if answers.labels else [],
        }

    def _flush_now(self) -> float:
        """Hands over what has come together.  What can't be kept is lost, and said once a second at most."""
        entries, comparisons = self._entries, self._comparisons
        if entries or comparisons:
            try:
                self._keep(entries, comparisons)
            except Exception as error:
                log.warning("%d journal entries are lost: %s", len(entries), error)
            self._entries, self._comparisons = [], {}
        self._done.set()
        return time.monotonic()


def _begin_anew(observer: Observer | None) -> None:
    if observer is not None:
        observer._begin()
