"""Refuses requests that have waited too long for a thread, which the engine cannot see.

A server accepts more connections than it has threads, and what waits for a thread waits in a queue of the server's
own (granian's and gunicorn's alike), whose length and age nobody can ask for.  So every worker asks itself: a thread
sends a small request now and then, over a connection of its own, which waits in that queue like all others.  The queue
is first in, first out, so the age of the oldest question without an answer is that of the requests that get to a thread
at present.  Once it is more than a third of a deadline, predict requests are refused with 503 before anything is
parsed, until it is a sixth: a refusal costs little, so the queue is soon short, and what is taken has time left.

The rest of the deadline is for the engine, which knows what waits in it and refuses by itself.
"""

import select
import socket
import threading
import time
from collections.abc import Callable

PATH = "/.waited"
"""Answered with 204 by the worker at once; it says nothing and does nothing, whoever asks."""

SHORTEST_PAUSE = 0.005
"""A question costs some 0.1 ms of a processor."""

SHORTEST_DOUBT = 1.0
"""A machine that is busy with other things can leave a queue waiting for as long."""

_QUESTION = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


class Watch:
    """Asks `address` for as long as `wanted` says; `late` is whether requests wait too long at present."""

    def __init__(
        self,
        address: tuple[str, int],
        deadline: float,
        wanted: Callable[[], bool],
        relieve: Callable[[], object] = lambda: None,
    ) -> None:
        """`deadline` in seconds, from arrival to reply.  `relieve` is called now and then while no thread is free."""
        self.late = False
        self._is_heard = True
        self._address, self._limit, self._wanted = address, deadline / 3, wanted
        self._pause = max(self._limit / 4, SHORTEST_PAUSE)
        self._give_up = max(2 * deadline, SHORTEST_DOUBT)
        self._relieve = relieve
        self._relieved = 0.0
        self._pending: dict[socket.socket, float] = {}  # when each was asked, the oldest first

    def start(self) -> None:
        """On a thread that ends with the process."""
        threading.Thread(target=self._run, name="overload", daemon=True).start()

    def _run(self) -> None:
        due = 0.0
        while self._wanted():
            now = time.monotonic()
            if now >= due:
                if self._is_heard or not self._pending:
                    self._ask(now)
                due = now + self._pause
            self._take_answers(due - time.monotonic())
            self._judge(time.monotonic())
        self._forget()

    def _ask(self, now: float) -> None:
        """On a connection of its own: one that stays open would hold up a server that stops."""
        try:
            connection = socket.create_connection(self._address, timeout=self._pause)
        except OSError:  # no answer to be had: whatever that is, refusing is no cure
            return
        try:
            connection.sendall(_QUESTION)
        except OSError:
            connection.close()
            return
        self._pending[connection] = now

    def _take_answers(self, seconds: float) -> None:
        """Waits for one for as long at most; a connection that broke is an answer too."""
        poll = select.poll()
        asked = {connection.fileno(): connection for connection in self._pending}
        for descriptor in asked:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _event in poll.poll(max(0.0, seconds) * 1000):
            connection = asked[descriptor]
            del self._pending[connection]
            connection.close()
            self._is_heard = True

    def _judge(self, now: float) -> None:
        """Refusing empties any queue.  A question that has no answer even so waits for something else, room for one
        more connection for example: then nothing is refused until there is an answer.
        """
        age = now - next(iter(self._pending.values()), now)
        if age > self._limit and now > self._relieved + 1:
            self._relieved = now
            self._relieve()
        if age > self._give_up:
            self._forget()
            self._is_heard = False
        self.late = self._is_heard and age > (self._limit / 2 if self.late else self._limit)

    def _forget(self) -> None:
        for connection in self._pending:
            connection.close()
        self._pending.clear()
