"""Under granian, one thread computes a batch and sends all its replies.

A WSGI server has a thread for each request, and that thread must return the reply: with sixty requests in one batch,
sixty threads sleep until it is computed and are woken one after another, with cold caches.  That cost more than the
network.  granian, though, gives its callable an object that takes the reply from any thread.  So a thread that comes
with a plain request leaves it here and goes for the next; one of ours takes all that has been left, computes it
together, and replies to all.  Who comes alone does it itself: to hand over costs a lone client a tenth.

Only small requests whose answer is the engine's alone come this way; all others take the WSGI callable, as they do
under every other server.  `pyapp.fastpath` says what is plain.
"""

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, NamedTuple

from flask import Flask
from granian.server import mp

from . import engine
from .config import usable_cores
from .fastpath import FastPath, Route
from .worker import LATE, LATE_BODY, Guarded

log = logging.getLogger(__name__)

SMALL_BODY = 1 << 16
"""Bytes.  A thread that parses more would hold up those whose requests it has taken besides."""

MOST_TOGETHER = 64
"""Requests: as many as the largest batch has rows."""

MOST_BYTES = 1 << 19
"""Of the bodies that are taken together.  None is answered before all are computed."""

SHORT = 9
"""The part of a deadline for which something may wait under overload.  With 3 p99 of the answers was 1.5 times as high
at 1.3 times saturation, and the goodput at 1.5 times it a sixth lower."""

Callback = Callable[[Any, dict[str, Any]], object]
"""What granian calls, with an object that takes the reply and a WSGI environ."""


_WRAP = "_wsgi_call_wrap"
"""granian's function that makes such a callable of a WSGI callable, as its workers call it."""


class _Waiting(NamedTuple):
    """A request that nobody has taken yet."""

    proto: Any
    environ: dict[str, Any]
    route: Route
    begun: float  # before its body was read, which a client may send slowly
    arrived: float  # after that
    model: engine.Model
    body: bytes
    content_type: str
    request_id: str
    top: int
    json_size: int


class Door:
    """One per worker; safe from any thread."""

    def __init__(self, app: Flask, fast: FastPath, guard: Guarded, wsgi: Callback, deadline: float) -> None:
        """`fast`: the app's; `wsgi`: granian's way to call it; `deadline`: of a request, in seconds."""
        parts = app.extensions["serving"]
        self._fast, self._guard, self._wsgi = fast, guard, wsgi
        self._handle, self._count = parts.engine.handle_together, parts.engine.count
        self._deadline = deadline
        self._most_waiting = parts.config.max_queue_rows or sys.maxsize  # each request has a row or more
        self._waiting: SimpleQueue[_Waiting] = SimpleQueue()
        self._since = 0.0  # nothing that waits came before
        self._short_until = 0.0  # nothing may wait for long
        self._took = 0.0  # seconds, the last answer
        self._together = MOST_TOGETHER  # so many of those that wait are taken at once
        self._has_company = False  # several were taken together the last time
        self._alone = threading.Lock()  # whoever answers its own request
        self._leaders = parts.config.share_of_slots or usable_cores()
        for i in range(self._leaders):
            threading.Thread(target=self._lead, name=f"lead-{i}", daemon=True).start()

    def __call__(self, proto: Any, environ: dict[str, Any]) -> object:
        """Leaves a plain request for whoever computes, or has the WSGI callable answer."""
        is_calm = self._guard.is_calm()
        if not is_calm and self._guard.refuses(environ):
            return _refuse(proto)
        plain = self._fast.look(environ) if is_calm else None
        if plain is None:
            return self._wsgi(proto, environ)
        route, size, top, json_size = plain
        content_type = environ.get("CONTENT_TYPE", "")
        if size > SMALL_BODY or (content_type not in ("application/json", "") and json_size < 0):
            return self._wsgi(proto, environ)
        begun = perf_counter()
        if (body := self._fast.read(environ, size)) is None:
            return self._wsgi(proto, environ)
        arrived = perf_counter()
        if self._is_late(arrived) or self._waiting.qsize() >= self._most_waiting:
            self._count("refused_late")
            return _refuse(proto)
        try:
            model = self._fast.model_of(route, environ, body)
        except Exception:  # a fault of ours: Flask meets it again, logs it and answers
            return self._through_wsgi(proto, environ, body)
        request_id = self._fast.id_of(environ)
        one = _Waiting(proto, environ, route, begun, arrived, model, body, content_type, request_id, top, json_size)
        if not self._has_company and self._alone.acquire(blocking=False):
            try:
                self._answer([one])
            finally:
                self._alone.release()
        else:
            if self._waiting.empty():
                self._since = arrived
            self._waiting.put(one)
        return 200

    def _is_late(self, now: float) -> bool:
        """Would who comes now wait here for too long?

        It would if the oldest has, or if what waits takes so long to answer: a thousand can come within milliseconds,
        before the first of them has waited at all.

        A burst may wait for a third of the deadline.  Once something had to be refused, more comes than can be
        answered, and a long queue serves nobody: all wait in it, and what has waited is in no cache any more.  It is
        kept short then (controlled delay: Maurer, Fail at Scale, 2015), but not so short that batches are not full.
        """
        waiting = self._waiting.qsize()
        if not waiting:
            return False
        longest = self._deadline / 3
        if now < self._short_until:
            longest = min(longest, max(self._deadline / SHORT, self._took))
        batches = waiting / (self._together * self._leaders)
        behind = batches * self._took if batches > 1 else 0  # the next batch may always fill
        if max(now - self._since, behind) <= longest:
            return False
        self._short_until = now + max(self._deadline, 1.0)
        return True

    def _lead(self) -> None:
        while True:
            self._guard.give_way()
            self._answer(self._take())  # nothing here keeps a model that was asked last, while nobody asks

    def _take(self) -> list[_Waiting]:
        """What waits, as much as is computed together; waits for it."""
        taken = [self._waiting.get()]
        size = len(taken[0].body)
        with suppress(Empty):
            while len(taken) < MOST_TOGETHER and size < MOST_BYTES:
                taken.append(self._waiting.get_nowait())
                size += len(taken[-1].body)
        self._since = taken[-1].arrived
        self._has_company = len(taken) > 1
        self._together = len(taken) if size >= MOST_BYTES else MOST_TOGETHER
        return taken

    def _answer(self, taken: list[_Waiting]) -> None:
        now = perf_counter()
        try:
            replies = self._handle(
                [
                    (model, route.protocol, body, content_type, request_id, now - arrived, top, json_size)
                    for _, _, route, _, arrived, model, body, content_type, request_id, top, json_size in taken
                ]
            )
        except Exception:  # a fault of ours: Flask meets it again, logs it and answers
            for one in taken:
                self._through_wsgi(one.proto, one.environ, one.body)
            return
        _send([one.proto for one in taken], replies)
        self._took = perf_counter() - now
        for one, (status, headers, _) in zip(taken, replies, strict=True):
            try:
                if one.route.is_watched and status == 200:
                    self._fast.show(one.route, one.model, one.body, one.content_type, one.request_id, one.json_size)
                self._fast.tell(one.environ, status, headers, one.begun)
            except Exception:  # it is that request's alone
                log.exception("after the answer to a request")

    def _through_wsgi(self, proto: Any, environ: dict[str, Any], body: bytes) -> object:
        """For a request whose body has been read."""
        environ["wsgi.input"] = BytesIO(body)
        try:
            return self._wsgi(proto, environ)
        except Exception:
            log.exception("a request failed")
            with suppress(Exception):  # nobody takes it; the others of its batch, and this thread, go on
                proto.response_bytes(500, [], b"")
            return 500


def _refuse(proto: Any) -> int:
    proto.response_bytes(503, LATE, LATE_BODY)
    return 503


def _send(protos: list[Any], replies: list[tuple[int, list[tuple[str, str]], bytes]]) -> None:
    """Without a line of Python from the first to the last: between two, other threads may take the interpreter."""
    sending = map(type(protos[0]).response_bytes, protos, *zip(*replies, strict=True))
    while True:
        try:
            deque(sending, maxlen=0)
            return
        except Exception:  # it is that request's alone
            log.exception("a reply was not sent")


def open_door(app: Flask, guard: Guarded, deadline: float) -> bool:
    """Has granian, in this worker, come to a Door first; false if it can't be, and the WSGI callable gets all.

    Others may have wrapped the app's WSGI callable, and must see each request then; or granian is one that keeps the
    function we replace somewhere else.
    """
    fast, wrap = app.wsgi_app, getattr(mp, _WRAP, None)
    if wrap is None or not isinstance(fast, FastPath) or type(app).__call__ is not Flask.__call__:
        return False

    def with_door(callback: Any, *options: Any) -> Callback:
        return Door(app, fast, guard, wrap(callback, *options), deadline).__call__

    setattr(mp, _WRAP, with_door)
    return True
