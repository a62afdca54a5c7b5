"""A worker process: it ends with its main process, stops without losing a request, and refuses what comes too late.

When granian is told to stop it closes all connections on which it has not *read* a request, also those where one lies
in the kernel's buffer: under load a few are lost at every restart.  So a worker first makes sure that there are none.
On SIGTERM it takes no new connections, asks the clients of those that it has to close them (`Connection: close` in
every reply), gives them a moment, and only then stops granian.  Clients see connections refused, or whole replies, and
nothing else.  Ctrl+C is SIGINT and stops granian at once.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Flask

from . import overload, sockets
from .priority import NICE, give_way

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

DRAIN_SECONDS = 1.0
"""A busy client has sent its next request by then, and an idle one has nothing to lose."""

STALL_SECONDS = 5.0
"""Where threads are short, a client that has been silent for so long after its deadline, in the middle of its request,
loses its connection."""

DISCARD_BYTES = 1 << 20

SWITCH_SECONDS = 0.002
"""For how long Python code that does not wait keeps the interpreter from other threads.  A request has it for some
microseconds at a time; what follows the store and the database, or writes /metrics, must not hold it up for Python's
usual 5 ms, several times over.  Shorter still, and dozens of threads that wait for it do little but wake."""

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_NO_SYN = (  # instructions of linux/filter.h: code, jump if true, jump if false, operand
    (0x30, 0, 0, 13),  # load the byte of the TCP header that holds the flags
    (0x45, 0, 1, 0x10),  # ACK?
    (0x06, 0, 0, 0xFFFFFFFF),  # yes: keep the packet
    (0x06, 0, 0, 0),  # no, it is a SYN: drop it
)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_OF_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- nothing is bound here
LATE_BODY = b'{"error": "the server is overloaded: requests wait too long to be answered before their deadline"}\n'
LATE = [("Content-Type", "application/json"), ("Content-Length", str(len(LATE_BODY))), ("Retry-After", "1")]


def prepare(app: Flask, address: tuple[str, int], deadline: float) -> "Guarded | Flask":
    """Called in a new worker's main thread; returns what the server is to serve at `address`.

    `deadline`: of a request, in seconds.  Elsewhere than on Linux it is the app itself.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    is_linux = sys.platform == "linux"
    if is_linux:
        # Blocked before any other thread is started, as they inherit that: SIGTERM is for the thread below alone.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    app.extensions["serving"].watcher.ensure()  # each worker follows the store and the decisions, asked or not
    if not is_linux:
        return app
    _end_with_parent()
    draining = Guarded(app)
    draining.watch(address, deadline)
    threading.Thread(target=_stop_when_told, args=(draining,), name="stop", daemon=True).start()
    return draining


class _Thread(threading.local):
    nice: int | None = None
    """How far it gives way; None: it has not begun to."""


class Guarded:
    """The app; while the worker stops, each reply asks the client to close; requests that come late get 503."""

    def __init__(self, app: Flask) -> None:
        """`app`: one that serves."""
        self.stopping = False
        # Flask.__call__ does no more than to call wsgi_app, and a method is called more quickly than its object.
        bare: Any = app.wsgi_app if type(app).__call__ is Flask.__call__ else app
        self._app: WSGIApplication = bare.__call__
        self._count = app.extensions["serving"].engine.count
        self._watch: overload.Watch | None = None
        self._answering = threading.Lock()
        self._thread = _Thread()
        self._next_one = 0.0  # when one of those that come late may be answered

    def watch(self, address: tuple[str, int], deadline: float) -> None:
        """Refuses from now on what has waited too long for a thread of the server at `address`."""
        host = _OF_ANY_ADDRESS.get(address[0], address[0])

        def relieve() -> None:
            if stalled := sockets.shut_stalled(address[1], deadline + STALL_SECONDS):
                log.warning("no thread was free, and %d clients silent amid their requests: disconnected", stalled)

        self._watch = overload.Watch((host, address[1]), deadline, lambda: not self.stopping, relieve)
        self._watch.start()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers, as the app does but for these two cases."""
        if self.stopping:
            return self._app(environ, _closing(start_response))
        if self._watch is not None:
            if environ["PATH_INFO"] == overload.PATH:
                is_own = self._watch.hear(environ["QUERY_STRING"])
                start_response("204 NO CONTENT" if is_own else "404 NOT FOUND", [])
                return []
            if self._comes_late(environ):
                return self._one_or_none(environ, start_response)
            self.give_way()
        return self._app(environ, start_response)

    def is_calm(self) -> bool:
        """Neither does the worker stop nor do requests come late: a thread may answer without more ado."""
        if self.stopping or self._watch is None or self._watch.is_late():
            return False
        self.give_way()
        return True

    def refuses(self, environ: "WSGIEnvironment") -> bool:
        """Whether the request comes too late to be answered; its body has been read then, and the reply is LATE."""
        if self.stopping or not self._comes_late(environ) or self._is_turn():
            return False
        self._turn_down(environ)
        return True

    def give_way(self) -> None:
        """Of the thread that calls, as far as it should by now; called for each request, or batch."""
        nice = NICE if self._watch is not None and self._watch.has_been_late else 0
        if self._thread.nice != nice:
            self._thread.nice = nice
            give_way(nice)

    def _one_or_none(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Refuses all but one at a time, and these for a quarter of the time: clients that ask again at once would else
        be refused for ever, where their own refusals keep the queue long.
        """
        if self._is_turn() and self._answering.acquire(blocking=False):
            begin = time.monotonic()
            try:
                return self._app(environ, start_response)
            finally:
                end = time.monotonic()
                self._next_one = end + 3 * (end - begin)
                self._answering.release()
        self._turn_down(environ)
        start_response("503 SERVICE UNAVAILABLE", LATE)
        return [LATE_BODY]

    def _comes_late(self, environ: "WSGIEnvironment") -> bool:
        return self._watch is not None and self._watch.is_late() and environ["REQUEST_METHOD"] == "POST"

    def _is_turn(self) -> bool:
        """May one of those that come late be answered now?"""
        return time.monotonic() >= self._next_one and not self._answering.locked()

    def _turn_down(self, environ: "WSGIEnvironment") -> None:
        self._count("refused_late")
        _discard_body(environ)


def _discard_body(environ: "WSGIEnvironment") -> None:
    """A connection on which a body stays unread is closed: right for a large one, not worth the reading."""
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal() and len(length) <= 7 and int(length) <= DISCARD_BYTES:
        with suppress(Exception):  # the client has gone
            environ["wsgi.input"].read(int(length))


def _closing(start_response: "StartResponse") -> "StartResponse":
    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        return start_response(status, [*headers, ("Connection", "close")], *error)

    return start


def _stop_when_told(app: Guarded) -> None:
    signal.sigwait({signal.SIGTERM})
    app.stopping = True
    for listener in sockets.listeners():
        refuse_connections(listener)
    time.sleep(DRAIN_SECONDS)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # granian stops on either signal


def refuse_connections(listener: socket.socket) -> None:
    """Drops the packets that open connections; those that are open or half open, accepted or not, are not concerned.

    Closing the socket instead would reset the connections that the kernel has and the server has not accepted.  A
    client that is dropped tries again after a second, and finds the port closed, or the next server.  Linux only.
    """
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_SYN))
    program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _end_with_parent() -> None:
    """SIGTERM when the main process dies; its worker would go on alone, with the port, and nobody to stop it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:  # it died before
        os.kill(os.getpid(), signal.SIGTERM)
