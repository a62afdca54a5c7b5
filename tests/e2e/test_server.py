"""The app on real servers, over real connections, with the models that ship."""

import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyapp.config import Config
from pyapp.serving.registry import Registry
from running_server import BOTH, GUNICORN, Server, ask, free_port, running


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    command = {
        "granian": [sys.executable, "-m", "pyapp", "--port", str(port)],
        "gunicorn": [str(GUNICORN), "--bind", f"127.0.0.1:{port}", "--threads", "8", "pyapp:create_app()"],
    }[request.param]
    with running(tmp_path / "log", command, port) as started:
        yield started


@pytest.fixture(scope="module")
def examples() -> list[tuple[bytes, list[float]]]:
    """(request body, scores that the model gives for it outside of any server)"""
    registry = Registry(Config.read().models)
    registry.reload()
    model = registry.find()
    rows = np.random.default_rng(7).integers(0, 256, (64, model.features))
    scores = model.predict(rows.astype(np.float32))
    return [
        (json.dumps(row.tolist()).encode(), row_scores.tolist()) for row, row_scores in zip(rows, scores, strict=True)
    ]


def scores_of(reply: dict[str, Any]) -> list[float]:
    return [float(np.float32(score)) for score in reply["scores"]]


def test_answers_and_stops_when_told(server: Server, examples: list[tuple[bytes, list[float]]]) -> None:
    with server.connect() as connection:
        for body, scores in examples:
            status, reply = ask(connection, "POST", "/classify", body)
            assert (status, scores_of(reply)) == (200, scores)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=30) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_connection_outlives_refusals(server: Server, examples: list[tuple[bytes, list[float]]]) -> None:
    refusals: list[tuple[str, Any, int]] = [
        ("/classify", bytes(50_000_000), 413),
        ("/classify", b"[1, 2", 400),
        ("/classify?version=99999", bytes(1_000_000), 404),
        ("/nowhere", bytes(1_000_000), 404),
        ("/healthz", bytes(1_000_000), 405),
        ("/classify", (bytes(65_536) for _ in range(800)), 413),  # chunked
    ]
    good, scores = examples[0]
    with server.connect() as connection:
        for url, bad, expected in refusals:
            status, reply = ask(connection, "POST", url, bad)
            assert (status, next(iter(reply))) == (expected, "error")
            status, reply = ask(connection, "POST", "/classify", good)
            assert (status, scores_of(reply)) == (200, scores)


def test_a_chunked_body_is_taken(server: Server, examples: list[tuple[bytes, list[float]]]) -> None:
    body, scores = examples[1]
    pieces = (body[start : start + 100] for start in range(0, len(body), 100))
    status, reply = server.ask("POST", "/classify", pieces)
    assert (status, scores_of(reply)) == (200, scores)


def test_a_client_that_waits_for_leave_is_refused_at_once(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(
            b"POST /classify HTTP/1.1\r\nHost: here\r\nContent-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
        )
        reply = client.recv(1000)
        # gunicorn gives leave before the app is asked.
        assert reply.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 100 "))


def test_malformed_and_broken_off_requests_harm_nobody(
    server: Server, examples: list[tuple[bytes, list[float]]]
) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: here\r\n"
    for nonsense in (
        head + b"Content-Length: 500\r\n\r\n[1, 2",
        head + b"Content-Length: -1\r\n\r\n",
        head + b"Content-Length: many\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n[1]\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            reply = client.recv(65_536)
            assert not reply.startswith((b"HTTP/1.1 5", b"HTTP/1.1 2")), (nonsense, reply)
    body, scores = examples[2]
    status, reply = server.ask("POST", "/classify", body)
    assert (status, scores_of(reply)) == (200, scores)


def test_64_clients_get_right_answers(server: Server, examples: list[tuple[bytes, list[float]]]) -> None:
    end = time.monotonic() + 3
    answered, wrong = [0] * 64, []

    def client(number: int) -> None:
        try:
            with server.connect() as connection:
                while time.monotonic() < end or answered[number] == 0:
                    body, scores = examples[(number + answered[number]) % len(examples)]
                    status, reply = ask(connection, "POST", "/classify", body)
                    if status != 200 or scores_of(reply) != scores:
                        wrong.append((status, reply))
                    answered[number] += 1
        except Exception as error:
            wrong.append((0, repr(error)))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert min(answered) >= 1
