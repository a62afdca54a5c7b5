"""When requests count as late: by how long a question waits for its answer, and never for want of any."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pyapp import overload

DEADLINE = 0.6


class Server:
    """Takes connections; answers each after `delay` seconds, or never if that is None."""

    def __init__(self) -> None:
        self.delay: float | None = 0.0
        self.asked = 0
        self.stopped = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()[:2]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            self.asked += 1
            threading.Thread(target=self._answer, args=(connection, time.monotonic()), daemon=True).start()

    def _answer(self, connection: socket.socket, since: float) -> None:
        with connection:
            connection.recv(1024)
            while self.delay is None or time.monotonic() < since + self.delay:
                time.sleep(0.005)
            connection.sendall(b"HTTP/1.1 204 NO CONTENT\r\n\r\n")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watch(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[overload.Watch]:
    monkeypatch.setattr(overload, "SHORTEST_DOUBT", 0.6)
    watch = overload.Watch(server.address, DEADLINE, lambda: not server.stopped)
    watch.start()
    yield watch
    server.stopped = True


def comes(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_answers_in_time_are_no_reason_to_refuse(server: Server, watch: overload.Watch) -> None:
    server.delay = DEADLINE / 20
    assert not comes(lambda: watch.late, 1)
    assert server.asked > 5


def test_a_late_answer_is_noticed_before_it_comes_and_forgiven_after(server: Server, watch: overload.Watch) -> None:
    assert comes(lambda: server.asked > 2)
    server.delay = None
    since = time.monotonic()
    assert comes(lambda: watch.late)
    assert time.monotonic() - since < DEADLINE  # there is still time to answer what has not waited for as long
    server.delay = 0.0
    assert comes(lambda: not watch.late, 0.5)


def test_many_questions_wait_at_once_so_that_the_age_is_known_at_all_times(
    server: Server, watch: overload.Watch
) -> None:
    server.delay = DEADLINE * 0.6
    assert comes(lambda: watch.late)
    assert not comes(lambda: not watch.late, 0.5)  # answers come all the time, each of them late


def test_no_answer_at_all_ends_the_refusing_until_there_is_one(server: Server, watch: overload.Watch) -> None:
    server.delay = None
    assert comes(lambda: watch.late)
    assert comes(lambda: not watch.late, 3)
    assert not comes(lambda: watch.late, 1.5)
    server.delay = DEADLINE * 0.6
    assert comes(lambda: watch.late)


def test_a_port_where_nobody_listens_is_no_reason_to_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()[:2]
    stopped = threading.Event()
    watch = overload.Watch(address, 0.03, lambda: not stopped.is_set())
    watch.start()
    assert not comes(lambda: watch.late, 0.3)
    stopped.set()
