"""The ways to start that files at the root name: the Procfile, .flaskenv, and what Heroku reads beside them."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def get(url: str, process: subprocess.Popen[str]) -> bytes:
    """The body, as soon as the server answers."""
    for _ in range(300):
        assert process.poll() is None, process.communicate()
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                body: bytes = reply.read()
                return body
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url}")


def serve(command: list[str], url: str, environment: dict[str, str]) -> tuple[bytes, int]:
    """The body of url from the server that `command` starts, and what the server ends with on SIGTERM."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FLASK_", "SERVING_"))}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            body = get(url, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    return body, process.returncode


def test_procfile_serves_on_the_port_of_the_environment() -> None:
    kind, _, command = (ROOT / "Procfile").read_text().strip().partition(": ")
    assert kind == "web"
    words = shlex.split(command)
    assert words[0] == "python"
    port = free_port()
    body, status = serve([sys.executable, *words[1:]], f"http://127.0.0.1:{port}/healthz", {"PORT": str(port)})
    assert json.loads(body)["status"] == "ok"
    assert status == 0


def test_flask_run_finds_the_app_by_flaskenv() -> None:
    port = free_port()
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    body, _ = serve(command, f"http://127.0.0.1:{port}/healthz", {})
    assert json.loads(body)["status"] == "ok"


def test_heroku_gets_a_python_that_the_project_supports() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    major, minor = map(int, version.split("."))
    assert (major, minor) >= tuple(int(part) for part in requires.removeprefix(">=").split("."))
    assert json.loads((ROOT / "app.json").read_text())["buildpacks"] == [{"url": "heroku/python"}]
    assert os.access(ROOT / "bin" / "post_compile", os.X_OK)
    # app.json makes an admin's token, so there must be what decisions need.
    assert "pip install --require-hashes -r requirements/heroku.lock\n" in (ROOT / "bin" / "post_compile").read_text()
