"""Clients that keep a server under load, and tell of every request what became of it."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from running_server import JSON, Server


@dataclass(frozen=True, slots=True)
class Lost:
    """A request that was sent whole and never answered."""

    sent: float  # time.monotonic() when its last byte had been handed to the connection
    reused: bool  # the connection had carried a request before
    error: str


@dataclass
class Load:
    """What the clients saw so far."""

    answers: Counter[int] = field(default_factory=Counter)  # by HTTP status
    wrong: list[bytes] = field(default_factory=list)  # 200, but not the expected bytes
    refused: int = 0  # connections that could not be made, or broke before a request had been sent
    lost: list[Lost] = field(default_factory=list)
    last_answer: float = 0.0

    def lost_before(self, moment: float) -> list[Lost]:
        return [lost for lost in self.lost if lost.sent < moment]


@contextmanager
def load(server: Server, body: bytes, expected: bytes, *, kept: int = 0, new: int = 0) -> Iterator[Load]:
    """`kept` clients that keep their connections and `new` ones with a connection per request, until the block ends."""
    seen, lock, stop = Load(), threading.Lock(), threading.Event()

    def client(keep: bool) -> None:
        connection, reused = None, False
        while not stop.is_set():
            sent = 0.0
            try:
                if connection is None:
                    connection, reused = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30), False
                    connection.connect()
                connection.request("POST", "/classify?model=mnist", body, JSON)
                sent = time.monotonic()
                reply = connection.getresponse()
                text = reply.read()
                with lock:
                    seen.answers[reply.status] += 1
                    seen.last_answer = time.monotonic()
                    if reply.status == 200 and text != expected:
                        seen.wrong.append(text)
                reused = True
                closing = reply.will_close or not keep
            except (OSError, http.client.HTTPException) as error:
                with lock:
                    if sent:
                        seen.lost.append(Lost(sent, reused, repr(error)))
                    else:
                        seen.refused += 1
                closing = True
                time.sleep(0.01)
            if closing and connection is not None:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    threads = [threading.Thread(target=client, args=(i < kept,)) for i in range(kept + new)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
