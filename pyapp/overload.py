"""Refuses requests that have waited too long for a thread, which the engine cannot see.

A server accepts more connections than it has threads, and what waits for a thread waits in a queue of the server's
own (granian's and gunicorn's alike), whose length and age nobody can ask for.  So every worker asks itself: a thread
sends a small request over a connection of its own, which waits in that queue like all others.  While its answer takes
more than half a deadline, predict requests are refused with 503 before anything is parsed.  That costs little, so the
queue is empty soon, and the next answer comes in time.

The other half of the deadline is for the engine, which knows what waits in it and refuses by itself.
"""

import socket
import threading
import time
from collections.abc import Callable

PATH = "/.waited"
"""Answered with 204 by the worker at once; it says nothing and does nothing, whoever asks."""

LONGEST_PAUSE = 0.5


class Watch:
    """Asks `address` for as long as `wanted` says; `late` is whether requests wait too long at present."""

    def __init__(self, address: tuple[str, int], deadline: float, wanted: Callable[[], bool]) -> None:
        """`deadline` in seconds, from arrival to reply."""
        self.late = False
        self._since = 0.0
        self._address, self._limit, self._wanted = address, deadline / 2, wanted
        self._pause = min(self._limit / 4, LONGEST_PAUSE)

    def start(self) -> None:
        """On a thread that ends with the process."""
        threading.Thread(target=self._run, name="overload", daemon=True).start()

    def _run(self) -> None:
        while self._wanted():
            try:
                self._ask()
            except OSError:  # no answer: whatever that is, refusing is no cure
                self.late = False
            if not self.late:
                time.sleep(self._pause)

    def _ask(self) -> None:
        """One question, on a connection of its own: one that stays open would hold up a server that stops."""
        begin = time.monotonic()
        with socket.create_connection(self._address, timeout=10) as connection:
            connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            connection.settimeout(self._limit)
            try:
                connection.recv(4096)
            except TimeoutError:
                self._judge(late=True)
                connection.settimeout(self._limit)  # not even while all are refused: no room for connections, say
                connection.recv(4096)
        self._judge(late=time.monotonic() - begin > self._limit)

    def _judge(self, late: bool) -> None:
        """Refusing for a deadline has emptied any queue; if answers are late even then, it is no cure: others take the
        processor.  So requests are taken again, at least until the next question is late.
        """
        now = time.monotonic()
        if late and not self.late:
            self._since = now
        self.late = late and now - self._since < 2 * self._limit
