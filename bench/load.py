"""Load for the servers of servers.py, and the check of their answers: what serve.py and open_loop.py share.

Closed loop: wrk, whose connections each send the next request when they have the last one's reply (load.lua).
Open loop: bench/open_loop.c, which sends at fixed times whatever comes back.
"""

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from networks import network, onnx_model, write_network
from servers import HERE, Row, Running, Server, core_times

from pyapp import engine

BODIES = 64


@dataclass(frozen=True)
class Load:
    """What is sent, and what must come back."""

    store: Path  # network/1 and network.onnx
    rows: list[str]  # JSON arrays of 784 numbers with 4 decimals
    expected: Row  # [BODIES, outputs], of Model.predict

    @classmethod
    def write(cls, folder: Path, sizes: tuple[int, ...]) -> "Load":
        """Model package, ONNX file, bodies and what they must give, under `folder`."""
        store = folder / "store"
        layers = network(sizes)
        write_network(store / "network" / "1", layers)
        (store / "network.onnx").write_bytes(onnx_model(layers).SerializeToString())
        numbers = np.random.default_rng(1).uniform(0, 1, (BODIES, sizes[0]))
        rows = ["[" + ", ".join(f"{value:.4f}" for value in row) + "]" for row in numbers]
        model = engine.Model.load(store / "network" / "1")
        return cls(store, rows, model.predict(np.array([json.loads(row) for row in rows], np.float32)))

    def bodies(self, server: Server) -> Path:
        """A file with one body a line."""
        path = self.store.parent / f"{server.name}.bodies"
        path.write_text("".join(server.body(row) + "\n" for row in self.rows))
        return path

    def is_right(self, server: Server, turn: int, status: int, reply: bytes) -> bool:
        """Whether that is the right reply to body number `turn`."""
        if status != 200 or server.scores is None:
            return status == 200
        scores, expected = server.read(reply), self.expected[turn]
        if server.exact:
            return bool(scores.tobytes() == expected.tobytes())
        return scores.shape == expected.shape and float(np.abs(scores - expected).max()) < 1e-4


class Checker:
    """Asks on its own, a few times a second while there is load, and compares what comes back."""

    def __init__(self, running: Running, load: Load, overloaded: bool = False) -> None:
        """`overloaded`: to be refused (503, 504) is a right answer too."""
        self.asked = self.wrong = 0
        self.broken: list[str] = []  # what went wrong on connections without an answer
        self._running, self._load, self._overloaded = running, load, overloaded
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask_now_and_then)

    def ask(self, turn: int) -> None:
        """One request, compared."""
        self.asked += 1
        try:
            status, reply = self._running.ask(self._load.rows[turn])
        except (OSError, HTTPException) as error:
            self.broken.append(repr(error))
            return
        refused = self._overloaded and status in (503, 504)
        self.wrong += not refused and not self._load.is_right(self._running.server, turn, status, reply)

    def ask_all(self) -> None:
        """Each body once."""
        for turn in range(BODIES):
            self.ask(turn)

    def _ask_now_and_then(self) -> None:
        while not self._stop.wait(0.1):
            self.ask(self.asked % BODIES)

    def __enter__(self) -> "Checker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Pace:
    """How fast a core is at the moment: the cores of a virtual machine, whose neighbours work, change by half within
    seconds, and nothing else tells.
    """

    def __init__(self, core: int) -> None:
        self._core, self._fastest = core, 0.0
        self._left, self._right = np.ones((256, 1024), np.float32), np.ones((1024, 1024), np.float32)

    def measure(self) -> float:
        """Of the fastest that was met so far; takes some 50 ms."""
        usual = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})
        begin = time.perf_counter()
        for _ in range(10):
            self._left @ self._right
        speed = 1 / (time.perf_counter() - begin)
        os.sched_setaffinity(0, usual)
        self._fastest = max(self._fastest, speed)
        return speed / self._fastest


@dataclass(frozen=True)
class Usage:
    """Of one run: CPU seconds of the server, what other programs took of its core (a share), and its core's pace."""

    server_cpu: float
    others: float
    pace: float

    def disturbance(self) -> float:
        """0: none."""
        return self.others + 1 - self.pace


class Meter:
    """Measures `Usage` from its making to `read`."""

    def __init__(self, running: Running, core: int, pace: Pace) -> None:
        self._running, self._core, self._pace = running, core, pace
        self._processes = running.processes()
        self._pace_before = pace.measure()
        self._cpu, self._busy, self._begin = self._now()

    def _now(self) -> tuple[float, float, float]:
        return self._running.cpu_seconds(self._processes), core_times(self._core), time.perf_counter()

    def read(self) -> Usage:
        """From the making until now."""
        cpu, busy, end = self._now()
        others = (busy - self._busy - (cpu - self._cpu)) / (end - self._begin)
        return Usage(cpu - self._cpu, max(0.0, others), min(self._pace_before, self._pace.measure()))


def closed_loop(running: Running, load: Load, connections: int, seconds: int) -> dict[str, Any]:
    """The figures of wrk: requests, seconds, bad (status ≥ 400), broken (connections), p50, p99, p999 in µs."""
    url = f"http://127.0.0.1:{running.port}{running.server.path}"
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "10s", "--script", str(HERE / "load.lua"), url, "--", str(load.bodies(running.server))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def build_open_loop(folder: Path) -> Path:
    """Compiles open_loop.c."""
    program = folder / "open_loop"
    subprocess.run(["cc", "-std=gnu11", "-O2", HERE / "open_loop.c", "-o", program], check=True)
    return program


def open_loop(
    program: Path,
    running: Running,
    load: Load,
    rate: float,
    connections: int,
    seconds: float,
    patience: float,
    deadline: float,
) -> dict[str, Any]:
    """Its figures (see open_loop.c); `patience` and `deadline` in seconds."""
    arguments = [running.port, running.server.path, load.bodies(running.server), rate, connections, seconds]
    arguments += [patience, deadline]
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))
