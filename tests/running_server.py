"""A real server process for tests, asked over real connections."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
JSON = {"Content-Type": "application/json"}
GUNICORN = shutil.which("gunicorn", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")

COMMANDS = {  # of the servers of docs/operating.md, which read their port from PORT
    "granian": [sys.executable, "-m", "pyapp"],
    "gunicorn": [str(GUNICORN), "--config", str(ROOT / "gunicorn.conf.py"), "pyapp:create_app()"],
}

needs_gunicorn = pytest.mark.skipif(not GUNICORN, reason="gunicorn is not here")
BOTH = ["granian", pytest.param("gunicorn", marks=needs_gunicorn)]


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @contextmanager
    def connect(self) -> Iterator[http.client.HTTPConnection]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            yield connection

    def ask(self, method: str, url: str, body: Any = None) -> tuple[int, Any]:
        with self.connect() as connection:
            return ask(connection, method, url, body)


def ask(connection: http.client.HTTPConnection, method: str, url: str, body: Any = None) -> tuple[int, Any]:
    connection.request(method, url, body, JSON, encode_chunked=not isinstance(body, (bytes, str, type(None))))
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(log: Path, command: Sequence[str] = (), port: int = 0) -> Iterator[Server]:
    """`python -m pyapp`, or another command that serves on `port`, from when it is healthy until the block ends."""
    port = port or free_port()
    command = command or [sys.executable, "-m", "pyapp", "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        started = Server(process, port, log)
        try:
            wait_until_healthy(started)
            yield started
        finally:
            process.terminate()  # killing it would leave its worker behind
            process.wait(timeout=30)


def wait_until_healthy(server: Server) -> None:
    for _ in range(300):
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.ask("GET", "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the server did not start:\n{server.log.read_text()}")


def workers_of(server: Server) -> set[int]:
    """The PIDs of the processes that the main one has started and that are alive.  Linux."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children if is_alive(int(child))}


def is_alive(pid: int) -> bool:
    """Not so a zombie, which only waits for its parent to notice.  Linux."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(happened: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
