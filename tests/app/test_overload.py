"""When requests count as late: by how long questions wait for a thread, and never for want of any answer."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from pyapp import overload

DEADLINE = 0.6


class Server:
    """Takes connections and keeps them; answers each question after `delay` seconds, or never if that is None."""

    def __init__(self) -> None:
        self.delay: float | None = 0.0
        self.answer = b"HTTP/1.1 204 NO CONTENT\r\n\r\n"
        self.questions: list[str] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()[:2]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            while question := connection.recv(1024):
                since = time.monotonic()
                self.questions.append(question.decode().split()[1].removeprefix(overload.PATH + "?"))
                while not self.stopped.is_set() and (self.delay is None or time.monotonic() < since + self.delay):
                    self.stopped.wait(0.005)
                connection.sendall(self.answer)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watch(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[overload.Watch]:
    monkeypatch.setattr(overload, "SHORTEST_DOUBT", 0.6)
    watch = overload.Watch(server.address, DEADLINE, lambda: not server.stopped.is_set())
    watch.start()
    yield watch
    server.stopped.set()


def comes(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_answers_in_time_are_no_reason_to_refuse(server: Server, watch: overload.Watch) -> None:
    server.delay = DEADLINE / 20
    assert not comes(watch.is_late, 1)
    assert len(server.questions) > 5
    assert server.connections <= overload.MOST_LINES


def test_a_late_answer_is_noticed_before_it_comes_and_forgiven_after(server: Server, watch: overload.Watch) -> None:
    assert comes(lambda: len(server.questions) > 2)
    server.delay = None
    since = time.monotonic()
    assert comes(watch.is_late)
    assert time.monotonic() - since < DEADLINE  # there is still time to answer what has not waited for as long
    server.delay = 0.0
    assert comes(lambda: not watch.is_late(), 0.5)


def test_many_questions_wait_at_once_so_that_the_age_is_known_at_all_times(
    server: Server, watch: overload.Watch
) -> None:
    assert comes(lambda: len(server.questions) > 2 * overload.MOST_LINES)
    server.delay = DEADLINE * 0.6
    assert comes(watch.is_late)
    assert not comes(lambda: not watch.is_late(), 0.5)  # answers come all the time, each of them late


def test_no_answer_at_all_ends_the_refusing_until_there_is_one(server: Server, watch: overload.Watch) -> None:
    assert comes(lambda: len(server.questions) > 2)
    server.delay = None
    assert comes(watch.is_late)
    assert comes(lambda: not watch.is_late(), 3)
    assert not comes(watch.is_late, 1.5)
    server.delay = 0.0
    assert comes(lambda: len(server.questions) > 100)
    server.delay = DEADLINE * 0.6
    assert comes(watch.is_late)


def test_a_port_where_nobody_listens_is_no_reason_to_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()[:2]
    stopped = threading.Event()
    watch = overload.Watch(address, 0.03, lambda: not stopped.is_set())
    watch.start()
    assert not comes(watch.is_late, 0.3)
    stopped.set()


def test_what_another_worker_answers_says_nothing(server: Server, request: pytest.FixtureRequest) -> None:
    server.delay, server.answer = DEADLINE * 0.6, b"HTTP/1.1 404 NOT FOUND\r\n\r\n"
    watch: overload.Watch = request.getfixturevalue("watch")  # begins only now: no line of its is proven
    assert not comes(watch.is_late, 1.5)
    assert server.connections > 1  # each is tried once
    server.answer = b"HTTP/1.1 204 NO CONTENT\r\n\r\n"
    assert comes(watch.is_late)


def test_a_question_has_waited_when_a_thread_gets_it(server: Server, watch: overload.Watch) -> None:
    assert comes(lambda: len(server.questions) > 2)
    server.delay = None
    assert comes(watch.is_late)
    first = server.questions[-1].partition("=")[0]
    for foreign in ("", "=1", "0123456789abcdef=1e9", f"{first}0=1e9"):
        assert not watch.hear(foreign)
    assert watch.hear(f"{first}=x")
    assert watch.is_late()
    assert watch.hear(server.questions[-1])
    assert not watch.is_late()
