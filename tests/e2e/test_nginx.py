"""deploy/nginx.conf in front of a server."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from http_load import load
from running_server import JSON, Server, ask, free_port, running, wait_until_healthy

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SITE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
BODY = json.dumps([i % 256 for i in range(784)]).encode()

pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not here")

# What Debian's /etc/nginx/nginx.conf has around a site, in a folder of one's own.
AROUND = """
{user}
daemon off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "server.log") as server:
        yield server


@pytest.fixture
def nginx(backend: Server, tmp_path: Path) -> Iterator[Server]:
    port, site = free_port(), SITE.read_text()
    for standing, here in {"listen 80;": f"listen 127.0.0.1:{port};", ":5000;": f":{backend.port};"}.items():
        assert site.count(standing) == 1
        site = site.replace(standing, here)
    (tmp_path / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers may not write in this folder
    (tmp_path / "nginx.conf").write_text(AROUND.format(folder=tmp_path, user=user))
    log = tmp_path / "nginx.log"
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        server = Server(process, port, log)
        try:
            wait_until_healthy(server)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=10)


def test_answers_and_errors_come_through(backend: Server, nginx: Server) -> None:
    with nginx.connect() as connection:
        for body in (BODY, b"[1, 2", bytes(20_000_000), BODY):
            status, reply = ask(connection, "POST", "/classify", body)
            assert (status, reply) == backend.ask("POST", "/classify", body)
        assert ask(connection, "GET", "/nowhere")[0] == 404
    assert backend.ask("POST", "/classify", bytes(20_000_000))[0] == 413


def test_connections_to_the_server_are_kept(backend: Server, nginx: Server) -> None:
    with backend.connect() as connection:
        connection.request("POST", "/classify", BODY, JSON)
        expected = connection.getresponse().read()
    with load(nginx, BODY, expected, kept=4, new=4) as seen:
        while seen.answers.total() < 500:
            assert nginx.process.poll() is None
    assert (set(seen.answers), seen.wrong, seen.lost, seen.refused) == ({200}, [], [], 0)
    sockets = Path("/proc/net/tcp").read_text().splitlines()[1:]
    to_server = [line for line in sockets if line.split()[2].endswith(f":{backend.port:04X}")]
    assert len(to_server) < 100  # also those that are closing: with one per request there would be 500


def test_slow_clients_cost_the_server_nothing(backend: Server, nginx: Server) -> None:
    """More of them than the server has threads, each in the middle of its body; the next client is answered at once."""
    head = f"POST /classify HTTP/1.1\r\nHost: slow\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    with ExitStack() as slow:
        for _ in range(150):
            connection = slow.enter_context(socket.create_connection(("127.0.0.1", nginx.port), timeout=5))
            connection.sendall(head + BODY[:100])
        begin = time.monotonic()
        assert nginx.ask("POST", "/classify", BODY)[0] == 200
        assert time.monotonic() - begin < 2
