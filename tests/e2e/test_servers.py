"""The servers of docs/operating.md under load: told to stop, killed, orphaned; what clients see, what memory holds."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from http_load import Load, load
from model_packages import dense_network, write_package
from running_server import (
    BOTH,
    COMMANDS,
    GUNICORN,
    JSON,
    ROOT,
    Server,
    free_port,
    is_alive,
    needs_gunicorn,
    running,
    wait_until,
    workers_of,
)

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
BODY = json.dumps([i % 256 for i in range(784)]).encode()

both = pytest.mark.parametrize("kind", BOTH)
workers = pytest.mark.parametrize("count", [1, 2])

Start = Callable[..., AbstractContextManager[Server]]

FLASK = [sys.executable, "-m", "flask", "--app", "pyapp", "run"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    @contextmanager
    def start(kind: str, count: int = 1, **environ: str) -> Iterator[Server]:
        port = free_port()
        for name, value in {"SERVING_WORKERS": str(count), "PORT": str(port), **environ}.items():
            monkeypatch.setenv(name, value)
        command = [*FLASK, "--port", str(port)] if kind == "flask" else COMMANDS[kind]
        with running(tmp_path / f"log-{port}", command, port) as server:
            yield server

    return start


def answer_of(server: Server, body: bytes = BODY) -> bytes:
    with server.connect() as connection:
        connection.request("POST", "/classify", body, JSON)
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text
        return text


def ranks_of(pid: int) -> dict[int, tuple[int, int]]:
    """Scheduling policy and niceness, by the numbers of its threads."""
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    return {tid: (os.sched_getscheduler(tid), os.getpriority(os.PRIO_PROCESS, tid)) for tid in threads}


def name_of(pid: int, tid: int) -> str:
    return Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip()


def check_answers(seen: Load, at_least: int) -> None:
    assert seen.wrong == []
    assert set(seen.answers) == {200}
    assert seen.answers[200] >= at_least


@both
@workers
def test_sigterm_under_load_loses_no_request(start: Start, kind: str, count: int) -> None:
    with start(kind, count) as server, load(server, BODY, answer_of(server), kept=10, new=10) as seen:
        wait_until(lambda: seen.answers[200] >= 200)
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=25) == 0
        wait_until(lambda: seen.refused > 0)  # the port is closed, and the clients see that
    check_answers(seen, 200)
    assert seen.lost_before(told) == []
    assert seen.lost == []  # those who came later were refused, or answered
    assert "Traceback" not in server.log.read_text()


@LINUX
@both
def test_sigterm_to_every_process_at_once_loses_no_request(start: Start, kind: str) -> None:
    """As Heroku does it."""
    with start(kind, 2) as server, load(server, BODY, answer_of(server), kept=8, new=8) as seen:
        wait_until(lambda: seen.answers[200] >= 100)
        wait_until(lambda: len(workers_of(server)) == 2)
        for pid in (*workers_of(server), server.process.pid):
            os.kill(pid, signal.SIGTERM)
        assert server.process.wait(timeout=25) == 0
    check_answers(seen, 100)
    assert seen.lost == []


def test_flask_run_answers_until_it_is_told_to_stop(start: Start) -> None:
    with start("flask") as server, load(server, BODY, answer_of(server), new=8) as seen:
        wait_until(lambda: seen.answers[200] >= 100)
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=10)  # at once: it is for development
    check_answers(seen, 100)
    assert seen.last_answer < told + 5


@LINUX
@both
@workers
def test_a_killed_worker_is_replaced_and_the_load_goes_on(start: Start, kind: str, count: int) -> None:
    clients = 12
    with start(kind, count) as server:
        with load(server, BODY, answer_of(server), kept=clients // 2, new=clients // 2) as seen:
            wait_until(lambda: seen.answers[200] >= 100)
            wait_until(lambda: len(workers_of(server)) == count)
            before = workers_of(server)
            os.kill(min(before), signal.SIGKILL)
            killed = time.monotonic()
            wait_until(lambda: len(workers_of(server) - before) == 1)
            answered = seen.answers[200]
            wait_until(lambda: seen.answers[200] >= answered + 200)
        check_answers(seen, 300)
        # What the killed process had taken in, and no more: the requests of that moment, and connections in its queue.
        assert len(seen.lost) <= 2 * clients
        assert all(lost.sent < killed + 5 for lost in seen.lost)


@LINUX
@both
def test_workers_end_with_the_main_process(start: Start, kind: str) -> None:
    with start(kind, 2) as server:
        wait_until(lambda: len(workers_of(server)) == 2)
        orphans = workers_of(server)
        server.process.kill()
        server.process.wait(timeout=10)
        wait_until(lambda: not any(is_alive(pid) for pid in orphans))
        with pytest.raises(ConnectionRefusedError):
            answer_of(server)


@LINUX
def test_sighup_starts_workers_with_what_the_store_now_holds(start: Start, tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_package(store / "toy" / "1", *dense_network((4, 3)))
    with start("granian", SERVING_MODELS=str(store)) as server:
        body = b"[1, 2, 3, 4]"
        assert json.loads(answer_of(server, body))["version"] == 1
        write_package(store / "toy" / "2", *dense_network((4, 3)))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: json.loads(answer_of(server, body))["version"] == 2)
        # Both generations answer for a moment; then the old one is gone.
        wait_until(lambda: len(workers_of(server)) == 1)
        assert {json.loads(answer_of(server, body))["version"] for _ in range(20)} == {2}


@LINUX
def test_more_requests_share_a_batch_than_there_are_threads(start: Start, tmp_path: Path) -> None:
    """Each thread leaves its request to who computes (`pyapp/door.py`), and goes for the next."""
    store = tmp_path / "store"
    write_package(store / "large" / "1", *dense_network((784, 1024, 1024, 10)))
    rows: list[int] = []
    with start("granian", SERVING_MODELS=str(store), SERVING_THREADS="2") as server:
        expected = answer_of(server)

        def ask() -> None:
            with server.connect() as connection:
                for _ in range(20):
                    connection.request("POST", "/classify", BODY, JSON)
                    reply = connection.getresponse()
                    assert reply.read() == expected
                    rows.append(int(reply.headers["X-Batch-Rows"]))

        clients = [threading.Thread(target=ask) for _ in range(24)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert len(rows) == 480
    assert max(rows) > 4


@both
@LINUX
def test_what_waits_too_long_for_a_thread_is_refused(start: Start, kind: str) -> None:
    """The engine sees two requests at once here, which is no overload; the others wait in the server."""
    rows = json.dumps([[0.5] * 784] * 200).encode()
    with start(kind, SERVING_THREADS="2", SERVING_TIMEOUT_MS="300") as server:
        assert server.ask("POST", "/classify", BODY)[0] == 200
        (worker,) = workers_of(server)
        assert (os.SCHED_BATCH, 0) in ranks_of(worker).values()  # who answered interrupts nobody, and is an equal
        statuses: list[int] = []
        stop = threading.Event()

        def ask_on() -> None:
            with server.connect() as connection:
                while not stop.is_set():
                    connection.request("POST", "/classify", rows, JSON)
                    reply = connection.getresponse()
                    text = reply.read()
                    statuses.append(reply.status)
                    if reply.status == 503:
                        assert reply.headers["Retry-After"] == "1"
                        assert "overloaded" in json.loads(text)["error"]

        clients = [threading.Thread(target=ask_on) for _ in range(100)]
        for client in clients:
            client.start()
        wait_until(lambda: statuses.count(503) > 200 and statuses.count(200) > 200, 40)
        stop.set()
        for client in clients:
            client.join()
        assert set(statuses) == {200, 503}
        wait_until(lambda: server.ask("POST", "/classify", BODY)[0] == 200, 5)
        with server.connect() as stranger:  # who cannot say that nothing waits
            stranger.request("GET", "/.waited?0123456789abcdef=1")
            assert stranger.getresponse().status == 404
        # Threads that answer give way now; that which talks to the clients has the priority that it always had.
        ranks = ranks_of(worker)
        assert ranks[worker] == (os.SCHED_OTHER, 0)
        assert list(ranks.values()).count((os.SCHED_BATCH, 3)) >= 2
        if kind == "granian":
            assert (os.SCHED_OTHER, 0) in (rank for tid, rank in ranks.items() if name_of(worker, tid)[:5] == "tokio")


@needs_gunicorn
def test_clients_that_stall_lose_their_threads(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text((ROOT / "gunicorn.conf.py").read_text().replace("STALL_SECONDS = 60", "STALL_SECONDS = 2"))
    monkeypatch.setitem(COMMANDS, "gunicorn", [str(GUNICORN), "--config", str(config), "pyapp:create_app()"])
    with start("gunicorn", SERVING_THREADS="2") as server, ExitStack() as stack:
        stalled = [stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port)))) for _ in range(2)]
        for connection in stalled:
            connection.settimeout(20)
            connection.sendall(b"POST /classify HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n[1,")
        time.sleep(0.5)  # both threads wait for them now
        begin = time.monotonic()
        assert server.ask("GET", "/healthz")[0] == 200
        assert 0.5 < time.monotonic() - begin < 10
        for connection in stalled:
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def is_answered(server: Server) -> bool:
    try:
        return server.ask("GET", "/healthz")[0] == 200
    except http.client.RemoteDisconnected:  # it had waited for as long as those who are silent
        return False


@LINUX
def test_clients_that_stall_cannot_keep_all_threads_of_granian(start: Start, tmp_path: Path) -> None:
    with start("granian", SERVING_THREADS="4", SERVING_TIMEOUT_MS="1000") as server, ExitStack() as stack:
        idle = stack.enter_context(server.connect())
        idle.request("GET", "/healthz")
        assert idle.getresponse().read()
        stalled = [
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port)))) for _ in range(12)
        ]
        for connection in stalled:
            connection.settimeout(30)
            connection.sendall(b"POST /classify HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n[1,")
        time.sleep(3)  # all threads wait for them now
        begin = time.monotonic()
        wait_until(lambda: is_answered(server), 40)
        assert time.monotonic() - begin > 1
        assert all(connection.recv(1000) == b"" for connection in stalled)
        idle.request("GET", "/healthz")  # on the connection that only was idle
        assert idle.getresponse().status == 200
    assert "silent amid their requests" in (tmp_path / f"log-{server.port}").read_text()


def memory_of(server: Server) -> int:
    """Bytes of physical memory of all processes; what n of them share counts 1/n in each (PSS)."""
    total = 0
    for pid in (server.process.pid, *workers_of(server)):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
    return total


@LINUX
@both
def test_workers_share_the_weights(start: Start, kind: str, tmp_path: Path) -> None:
    sizes = {"small": (784, 16, 10), "large": (784, 4096, 4096, 1024, 10)}
    used = {}
    for name, shape in sizes.items():
        write_package(tmp_path / name / "digits" / "1", *dense_network(shape))
        with start(kind, 2, SERVING_MODELS=str(tmp_path / name)) as server:
            wait_until(lambda server=server: len(workers_of(server)) == 2)
            for _ in range(30):  # both workers have used all the weights: the kernel deals out connections
                answer_of(server)
            used[name] = memory_of(server)
    weights = 4 * int(np.sum(np.array(sizes["large"][:-1]) * np.array(sizes["large"][1:])))
    assert weights > 90e6
    assert 0.9 * weights < used["large"] - used["small"] < 1.3 * weights


def test_gunicorn_says_what_is_wrong_with_a_setting(tmp_path: Path) -> None:
    if not GUNICORN:
        pytest.skip("gunicorn is not here")
    done = subprocess.run(
        COMMANDS["gunicorn"],
        env={**os.environ, "SERVING_WORKERS": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "SERVING_WORKERS is 'many'; it must be a whole number from 1 to 256" in done.stderr
    assert "Traceback" not in done.stderr
