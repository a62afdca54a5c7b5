"""The sockets of a process are found and shut as the kernel has them, and looking leaves nothing behind."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from pyapp import sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Pair:
    """A listener and both ends of some connections to it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self.listener.getsockname()[1]

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """(client, server)."""
        client = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
        client.settimeout(5)
        return client, self._stack.enter_context(self.listener.accept()[0])


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


def descriptors_of(file: int) -> int:
    """How many descriptors of this process lead where that one leads: threads of other tests open and close theirs."""
    place = Path(f"/proc/self/fd/{file}").readlink()  # such as pipe:[1234]
    places = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed in the meantime
            places.append(entry.readlink())
    return places.count(place)


def test_looking_leaves_no_descriptors_behind(pair: Pair) -> None:
    ends = pair.connect()
    reader, writer = os.pipe()  # is no socket
    try:
        for _ in range(3):
            names = [found.getsockname() for found in sockets.of_this_process()]
            assert {end.getsockname() for end in ends} <= set(names)
        assert descriptors_of(reader) == 2  # both ends of a pipe lead to the same
        assert [descriptors_of(end.fileno()) for end in (pair.listener, *ends)] == [1, 1, 1]
    finally:
        os.close(reader)
        os.close(writer)


def test_listeners_are_those_that_take_connections(pair: Pair) -> None:
    pair.connect()
    assert [1 for found in sockets.listeners() if found.getsockname() == pair.listener.getsockname()] == [1]


def test_as_many_connections_are_allowed_as_are_served() -> None:
    code = (
        "import resource as r; from pyapp import sockets; hard = r.getrlimit(r.RLIMIT_NOFILE)[1]\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (100, min(hard, 5000)))\n"
        "for wanted in (50, 1000, 10**6): sockets.allow(wanted); print(r.getrlimit(r.RLIMIT_NOFILE)[0], end=' ')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    few, enough, most = map(int, done.stdout.split())
    assert 100 <= few < 1000 < enough < most <= 5000


def test_only_who_is_silent_amid_a_request_is_shut(pair: Pair) -> None:
    (stalled, _), (served, of_served), (other, _) = pair.connect(), pair.connect(), Pair(pair._stack).connect()
    for client in (stalled, served, other):
        client.sendall(b"POST / HTTP/1.1\r\n")
    time.sleep(0.1)
    of_served.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    time.sleep(0.4)
    assert sockets.shut_stalled(pair.port, 10) == 0
    assert sockets.shut_stalled(pair.port, 0.3) == 1
    assert stalled.recv(100) == b""
    assert served.recv(100).startswith(b"HTTP/1.1 200")
    for client in (served, other):
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
