"""`python -m pyapp` before it serves: what it says when it cannot."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyapp import port
from running_server import running

HOLD = """
import socket, sys
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder() -> Iterator[tuple[int, int]]:
    """(PID, port) of another process that listens."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.kill()


def start(store: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyapp", *arguments],
        env={**os.environ, "SERVING_MODELS": str(store), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_port_in_use_says_by_whom_and_what_to_do(store: Path, holder: tuple[int, int]) -> None:
    pid, number = holder
    done = start(store, "--port", str(number))
    assert done.returncode == 1
    assert f"port {number} is in use" in done.stderr
    assert f"PID {pid}, {Path(f'/proc/{pid}/comm').read_text().strip()}: " in done.stderr
    assert "import socket" in done.stderr  # its command line
    assert f"kill {pid}" in done.stderr
    assert f"--port {number + 1}" in done.stderr
    assert f"PORT={number + 1} make run" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "Listening" not in done.stderr + done.stdout


def test_the_port_of_the_environment_counts_too(store: Path, holder: tuple[int, int]) -> None:
    done = start(store, PORT=str(holder[1]))
    assert done.returncode == 1
    assert f"kill {holder[0]}" in done.stderr


def test_all_addresses_collide_with_one(store: Path, holder: tuple[int, int]) -> None:
    assert f"PID {holder[0]}" in start(store, "--host", "0.0.0.0", "--port", str(holder[1])).stderr


FORK = """
import os, socket, sys, time
if os.fork():
    print(os.wait())
else:
    held = socket.create_server(("127.0.0.1", 0))
    print(held.getsockname()[1], flush=True)
    sys.stdin.read()
"""


def test_of_a_server_and_its_workers_the_server_is_the_one_to_stop() -> None:
    command = [sys.executable, "-c", FORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        number = int(server.stdout.readline())
        with pytest.raises(port.PortError) as caught:
            port.check_free("127.0.0.1", number)
        server.communicate()
    assert f"kill {server.pid}\n" in str(caught.value)
    assert str(caught.value).count("held by PID") == 1


def test_a_holder_that_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "holders", lambda _: [])
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(port.PortError, match="may not see") as caught:
        port.check_free("127.0.0.1", taken.getsockname()[1])
    assert "sudo lsof" in str(caught.value)


def test_holders_on_both_protocols() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert [process.pid for process in port.holders(taken.getsockname()[1])] == [os.getpid()]
    if socket.has_ipv6:
        try:
            taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("no IPv6 here")
        with taken:
            assert [process.pid for process in port.holders(taken.getsockname()[1])] == [os.getpid()]


def test_a_port_just_left_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)):
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first waits for a minute
    assert port.check_free("127.0.0.1", number) == number


def test_port_0_is_any_free_one() -> None:
    assert port.check_free("127.0.0.1", 0) > 1023


@pytest.mark.parametrize("number", ["-1", "65536", "http", "1.5"])
def test_ports_that_are_none(number: str, store: Path) -> None:
    done = start(store, "--port", number)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "--port" in done.stderr
    done = start(store, PORT=number)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"PORT is '{number}'; it must be a whole number from 0 to 65535" in done.stderr


def test_addresses_that_are_none_of_this_machine(store: Path) -> None:
    for host in ("192.0.2.1", "", "a..b"):
        done = start(store, "--host", host, "--port", "0")
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), (host, done.stderr)
        assert "is no address of this machine" in done.stderr


def test_privileged_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(port.PortError, match="port 80 is for privileged processes only; choose one from 1024"):
        port.check_free("127.0.0.1", 80)


def test_it_says_whose_models_it_serves(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_MODELS", str(store))
    with running(tmp_path / "log") as server:
        assert f"Models: {store}\n" in server.log.read_text()
