"""The servers that are measured: how each is installed, started and asked, and what its processes use.

Ours and the floor run in this Python, a peer in a venv of its own (their requirements conflict): `set_up` makes it.
"""

import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
JSON = {"Content-Type": "application/json"}
TICK = os.sysconf("SC_CLK_TCK")

Row = NDArray[np.float32]


def _plain(row: str) -> str:
    return row


def _data(row: str) -> str:
    return f'{{"data": {row}}}'


def _rows(row: str) -> str:
    return f'{{"x": [{row}]}}'


def _open_inference(row: str) -> str:
    return f'{{"inputs": [{{"name": "x", "shape": [1, 784], "datatype": "FP32", "data": {row}}}]}}'


def _instances(row: str) -> str:
    return f'{{"instances": [{row}]}}'


def _scores(reply: Any) -> Any:
    return reply["scores"]


def _outputs(reply: Any) -> Any:
    return reply["outputs"][0]["data"]


@dataclass(frozen=True)
class Server:
    """One way to serve the network.  A row is the text of a JSON array of numbers."""

    name: str
    title: str
    path: str
    body: Callable[[str], str]
    scores: Callable[[Any], Any] | None  # the outputs in a reply; None: it computes nothing
    exact: bool = False  # the reply's numbers are, bit for bit, Model.predict's
    peer: bool = True  # has a venv of its own
    settings: dict[str, str] = field(default_factory=dict)

    def read(self, reply: bytes) -> Row:
        """The outputs in a reply."""
        assert self.scores is not None
        return np.array(self.scores(json.loads(reply)), np.float32).ravel()


UNBATCHED = {"SERVING_MAX_WAIT_US": "0", "SERVING_MAX_BATCH_ROWS": "1"}

SERVERS = [
    Server("ours", "Flask Serving", "/classify", _plain, _scores, exact=True, peer=False),
    Server(
        "unbatched",
        "Flask Serving, batching off",
        "/classify",
        _plain,
        _scores,
        exact=True,
        peer=False,
        settings=UNBATCHED,
    ),
    Server("ours-v1", "Flask Serving, TensorFlow Serving's URL", "/v1/models/network:predict", _instances,
           lambda reply: reply["predictions"][0], exact=True, peer=False),
    Server("ours-v2", "Flask Serving, Open Inference", "/v2/models/network/infer", _open_inference, _outputs,
           exact=True, peer=False),
    Server("floor", "granian, a WSGI callable that reads the body", "/", _plain, None, peer=False),
    Server("flask", "Flask + ONNX Runtime, gunicorn", "/predict", _data, _scores),
    Server("litserve", "LitServe, batching", "/predict", _data, _scores),
    Server("bentoml", "BentoML, batching", "/predict", _rows, lambda reply: reply),
    Server("mlserver", "MLServer, batching", "/v2/models/network/infer", _open_inference, _outputs),
    Server("triton", "Triton, dynamic batching", "/v2/models/network/infer", _open_inference, _outputs),
    Server("ray", "Ray Serve, serve.batch", "/predict", _data, _scores),
]  # fmt: skip

BY_NAME = {server.name: server for server in SERVERS}


def set_up(name: str, venvs: Path) -> None:
    """Makes the peer's venv, with what bench/requirements-<peer>.txt names."""
    folder = venvs / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    requirements = HERE / f"requirements-{name}.txt"
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements], check=True)


def is_set_up(server: Server, venvs: Path) -> bool:
    return not server.peer or (venvs / server.name / "bin" / "python").exists()


def versions(server: Server, venvs: Path) -> str:
    """Names and versions of what the server consists of, where it is installed."""
    names = ["granian"]
    if server.peer:
        lines = (HERE / f"requirements-{server.name}.txt").read_text().splitlines()
        names = [line.split("[")[0] for line in lines if line and not line.startswith("#")]
    code = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    done = subprocess.run([_python(server, venvs), "-c", code, *names], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _python(server: Server, venvs: Path) -> str:
    return str(venvs / server.name / "bin" / "python") if server.peer else sys.executable


def _free_port() -> int:
    """One below those that the kernel gives to clients, with two free ones behind it, as MLServer takes three."""
    while True:
        port = random.randrange(20000, 30000)
        try:
            for following in range(3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + following))
            return port
        except OSError:
            pass


def core_times(core: int) -> float:
    """Seconds that programs have used this core since the machine was started; interrupts are not programs."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            return sum(int(field) for field in line.split()[1:4]) / TICK  # user, nice, system
    raise ValueError(f"this machine has no core {core}")


def weather() -> str:
    """Kernel, and how busy the machine was in the last minute."""
    return f"{platform.system()} {platform.release()}; load average {os.getloadavg()[0]:.2f}"


class Running:
    """A started server on one core; leaving the block ends all its processes.

    `cold_start` is the time in seconds from its start to its first good reply.
    """

    def __init__(self, server: Server, venvs: Path, store: Path, core: int, settings: dict[str, str]) -> None:
        """`store` holds network/1, a model package, and network.onnx."""
        self.server, self.port = server, _free_port()
        self._mark = f"BENCH_MARK={uuid.uuid4().hex}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SERVING_")}
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
        environment |= {"SERVING_MODELS": str(store), "BENCH_MODEL": str(store / "network.onnx")}
        environment |= {"BENCH_FOLDER": str(store.parent)} | server.settings | settings
        environment |= dict([self._mark.split("=")])
        if not server.peer:  # what lies here is measured, not another installation
            environment["PYTHONPATH"] = str(HERE.parent)
        script = [str(HERE / "peers" / f"{server.name}_app.py"), str(self.port)]
        if server.name == "unbatched" or server.name.startswith("ours"):
            script = ["-m", "pyapp", "--port", str(self.port)]
        self._log = (store.parent / f"{server.name}.log").open("wb")
        command = ["taskset", "--cpu-list", str(core), _python(server, venvs), *script]
        self._begin = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=environment, cwd=store.parent, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self.cold_start = 0.0

    def __enter__(self) -> Self:
        return self

    def wait(self, row: str, seconds: float = 90) -> None:
        """Until it gives a good reply."""
        while time.perf_counter() - self._begin < seconds:
            try:
                if self.ask(row)[0] == 200:
                    self.cold_start = time.perf_counter() - self._begin
                    return
            except (OSError, HTTPException):
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"{self.server.name} does not answer; its log ends with\n{self.log()}")

    def ask(self, row: str) -> tuple[int, bytes]:
        """(status, reply) of one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.server.path, self.server.body(row), JSON)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def log(self) -> str:
        """The end of what it has printed."""
        return Path(self._log.name).read_text(errors="replace")[-2000:]

    def processes(self) -> list[int]:
        """All that were started for it, wherever they have put themselves."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # it has ended
                pass
        return found

    def cpu_seconds(self, processes: list[int]) -> float:
        """That these have used so far."""
        ticks = 0
        for process in processes:
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def memory(self) -> float:
        """MiB that they hold: proportional set size, which counts a shared page once."""
        kib = 0
        for process in self.processes():
            try:
                text = Path(f"/proc/{process}/smaps_rollup").read_text()
            except OSError:
                continue
            kib += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return kib / 1024

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        for process in self.processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        self._log.close()
