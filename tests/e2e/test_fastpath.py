"""The fast path against bare Flask on a real server: the same corpus over real connections."""

import http.client
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_packages import dense_network, write_package
from predict_cases import CASES, Case
from running_server import Server, free_port, running

BARE = "from pyapp import create_app\n\napp = create_app()\napp.wsgi_app = app.wsgi_app.flask\n"

Answer = tuple[int, list[tuple[str, str]], bytes]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """`python -m pyapp`, and the same server with the fast path taken off."""
    folder = tmp_path_factory.mktemp("servers")
    for version in (1, 2):
        manifest, tensors = dense_network((4, 3, 2), seed=version)
        manifest["inputs"][0]["name"] = "numbers"
        manifest["layers"][0]["inputs"] = ["numbers"]
        write_package(folder / "models" / "pets" / str(version), manifest, tensors)
    (folder / "bare.py").write_text(BARE)
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--working-dir"]
    command += [str(folder), "--blocking-threads", "8", "--port", str(port), "bare:app"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVING_MODELS", str(folder / "models"))
        patch.setenv("SERVING_MAX_BODY_BYTES", "1000")
        patch.setenv("PYTHONHASHSEED", "0")  # the order in Flask's Allow header
        with running(folder / "fast.log") as fast, running(folder / "bare.log", command, port) as bare:
            yield fast, bare


def ask(connection: http.client.HTTPConnection, case: Case) -> Answer:
    environ = case.open()
    headers = dict(case.headers)
    if "CONTENT_TYPE" in environ:
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    connection.request(case.method, case.url, environ["wsgi.input"].read(), headers)
    reply = connection.getresponse()
    body = reply.read()
    timed = ("date", "x-queue-us", "x-request-id")
    kept = [(name.lower(), value) for name, value in reply.getheaders() if name.lower() not in timed]
    times = [(name, re.sub(r"dur=[0-9.]+", "dur=", value)) for name, value in kept]
    return reply.status, times, body


def test_both_ways_give_the_same(servers: tuple[Server, Server]) -> None:
    fast, bare = servers
    with fast.connect() as quick, bare.connect() as slow:
        for case in CASES:
            if not case.environ:  # those are what no client can send
                assert ask(quick, case) == ask(slow, case), case
        assert ask(quick, CASES[0])[0] == 200
    for server in servers:
        assert "Traceback" not in Path(server.log).read_text()
