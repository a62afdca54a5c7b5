"""Tells how long requests wait for a thread, which the engine cannot see.

A server accepts more connections than it has threads, and what waits for a thread waits in a queue of the server's
own (granian's and gunicorn's alike), whose length and age nobody can ask for.  So every worker asks itself: a thread
sends a small request now and then, which waits in that queue like all others.  The queue is first in, first out, so
what gets to a thread while a question has no answer yet was sent before that question or shortly after: it has waited
for about as long as the oldest such question has.  Once that is more than a third of a deadline, POST requests are
refused with 503 before anything is parsed.  A refusal costs little, so the queue gets no longer, and what is taken has
time left.

The rest of the deadline is for the engine, which knows what waits in it and refuses by itself.
"""

import secrets
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

PATH = "/.waited"
"""Answered by the worker at once: with 204 if the question is its own, else with 404."""

SHORTEST_PAUSE = 0.005
"""Between questions, in seconds.  One costs some 0.15 ms of a processor."""

SHORTEST_DOUBT = 1.0
"""A machine that is busy with other things can leave a queue waiting for as long."""

MOST_LINES = 16
"""As many questions can wait at once, one on each connection."""

_LONGEST_SLEEP = 0.25
"""A server that is told to stop waits for connections that stay open."""


class _Line:
    """A connection, which is kept: under overload a new one would wait to be accepted, and could reach another worker.

    It is `proven` once this worker has answered on it.  `asked` is when the question without an answer was sent.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.is_proven = False
        self.asked: float | None = None


class Watch:
    """Asks `address` for as long as `wanted` says."""

    def __init__(
        self,
        address: tuple[str, int],
        deadline: float,
        wanted: Callable[[], bool],
        relieve: Callable[[], object] = lambda: None,
    ) -> None:
        """`deadline` in seconds, from arrival to reply.  `relieve` is called now and then while no thread is free."""
        self.has_been_late = False  # some question has waited too long for its answer since the start
        self._address, self._limit, self._wanted = address, deadline / 3, wanted
        self._pause = max(self._limit / 4, SHORTEST_PAUSE)
        self._give_up = max(2 * deadline, SHORTEST_DOUBT)
        self._relieve, self._relieved = relieve, 0.0
        self._secret = secrets.token_hex(8)
        self._lines: list[_Line] = []
        self._waiting: deque[float] = deque()  # when the questions were sent that no thread has got yet

    def start(self) -> None:
        """On a thread that ends with the process."""
        threading.Thread(target=self._run, name="overload", daemon=True).start()

    def is_late(self) -> bool:
        """Whether what gets to a thread at this moment has waited too long.  Called for each request."""
        try:
            return bool(self._waiting) and time.monotonic() - self._waiting[0] > self._limit
        except IndexError:  # it was got just now
            return False

    def hear(self, question: str) -> bool:
        """A thread got this question (a query string); false if another worker, or somebody else, asks."""
        secret, _, sent = question.partition("=")
        if secret != self._secret:
            return False
        with suppress(ValueError):
            self._note(float(sent))
        return True

    def _note(self, sent: float) -> None:
        """What was sent until then waits no longer, for the queue is first in, first out."""
        with suppress(IndexError):  # another thread was quicker
            while self._waiting[0] <= sent:
                self._waiting.popleft()

    def _run(self) -> None:
        due = 0.0
        while self._wanted():
            now = time.monotonic()
            if now >= due:
                self._ask(now)
                due = now + self._pause
            self._take_answers(min(due - time.monotonic(), _LONGEST_SLEEP))
            self._judge(time.monotonic())
        self._hang_up()

    def _ask(self, now: float) -> None:
        """On a new line as long as there are not enough, else on that which was free for longest."""
        line = self._new_line() or self._take_free_line()
        if line is None:
            return
        self._lines.append(line)
        line.asked = now
        if line.is_proven:
            self._waiting.append(now)
        try:
            line.connection.sendall(f"GET {PATH}?{self._secret}={now!r} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        except OSError:
            self._drop(line)

    def _new_line(self) -> _Line | None:
        """None if there are enough, if one is still to be proven, or if none is to be had: refusing is no cure then."""
        if len(self._lines) == MOST_LINES or not all(line.is_proven for line in self._lines):
            return None
        try:
            return _Line(socket.create_connection(self._address, timeout=1))
        except OSError:
            return None

    def _take_free_line(self) -> _Line | None:
        """Off the list; the one that has been free for longest stands first."""
        line = next((line for line in self._lines if line.asked is None), None)
        if line is not None:
            self._lines.remove(line)
        return line

    def _take_answers(self, seconds: float) -> None:
        """Waits for one for as long at most."""
        poll = select.poll()
        lines = {line.connection.fileno(): line for line in self._lines}
        for descriptor in lines:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _event in poll.poll(max(0.0, seconds) * 1000):
            line = lines[descriptor]
            try:
                answer = line.connection.recv(4096)
            except OSError:
                answer = b""
            if line.asked is None or not answer.startswith(b"HTTP/1.1 204 "):  # closed, or another worker's
                self._drop(line)
            else:
                self._note(line.asked)
                line.asked, line.is_proven = None, True

    def _judge(self, now: float) -> None:
        """Refusing keeps any queue short.  A question that has no answer even so waits for something else: then
        nothing is refused until there is an answer.
        """
        age = now - min((line.asked for line in self._lines if line.asked is not None), default=now)
        self.has_been_late |= age > self._limit
        if age > self._limit + 1 and now > self._relieved + 1:
            self._relieved = now
            self._relieve()
        if age > self._give_up and any(line.is_proven for line in self._lines):
            self._hang_up()

    def _drop(self, line: _Line) -> None:
        self._lines.remove(line)
        line.connection.close()
        if line.asked is not None:
            with suppress(ValueError, IndexError):  # a thread has got it, or gets one just now
                self._waiting.remove(line.asked)

    def _hang_up(self) -> None:
        for line in self._lines:
            line.connection.close()
        self._lines.clear()
        self._waiting.clear()
