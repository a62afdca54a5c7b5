"""Single rows beside one client of huge requests: how long do they wait?

    python bench/fairness.py [--rows 10000] [--clients 4]

One process, one core, one executor slot, 784-1024-1024-10, JSON bodies through `Engine.handle`, no HTTP.  So many
clients send single rows, one after the other, first alone and then beside a client that sends the huge request without
a pause.  Every reply is the one to the same request alone, whose numbers are those of `Model.predict`.  A tile is 64
rows; p99 beside should be at most two tiles' time.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

from machine import headline, microseconds, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

import numpy as np  # noqa: E402
from networks import network, write_network  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from pyapp import engine  # noqa: E402

SIZES = (784, 1024, 1024, 10)
TILE = 64


class Asker:
    """One body that is sent over and over."""

    def __init__(self, served: engine.Engine, model: engine.Model, rows: NDArray[np.float64]) -> None:
        self.served, self.model = served, model
        self.body = json.dumps(rows.tolist()).encode()
        _, _, raw = served.handle(model, "classify", self.body, "application/json", raw=True)
        assert raw == model.predict(rows.astype(np.float32)).tobytes()
        self.reply = self.ask()
        self.times: list[float] = []

    def ask(self) -> bytes:
        """The reply's body."""
        status, _, reply = self.served.handle(self.model, "classify", self.body, "application/json")
        assert status == 200
        return reply

    def run(self, end: threading.Event) -> None:
        """Asks until the end, and notes how long each answer took."""
        while not end.is_set():
            begun = time.perf_counter()
            reply = self.ask()
            self.times.append(time.perf_counter() - begun)
            assert reply == self.reply


def rows_of(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Numbers of four decimals, as people send them."""
    return np.round(random.random((count, SIZES[0])), 4)


def measure(askers: list[Asker], seconds: float) -> None:
    end = threading.Event()
    threads = [threading.Thread(target=asker.run, args=(end,)) for asker in askers]
    for asker, thread in zip(askers, threads, strict=True):
        asker.times.clear()
        thread.start()
    time.sleep(seconds)
    end.set()
    for thread in threads:
        thread.join()


def say(what: str, times: list[float], tile_ms: float) -> float:
    p50, p99, worst = np.percentile(times, [50, 99, 100]) * 1e3
    print(
        f"{what:32}{len(times):7,} replies, p50 {p50:8.2f} ms, p99 {p99:8.2f} ms = {p99 / tile_ms:5.2f} tiles, "
        f"longest {worst:8.2f} ms"
    )
    return p99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    os.sched_setaffinity(0, {0})
    print(headline(engine.blas))
    with tempfile.TemporaryDirectory() as folder:
        model = engine.Model.load(write_network(Path(folder) / "1", network(SIZES)))
    served = engine.Engine(slots=1, max_request_rows=options.rows, max_body_bytes=1 << 30, max_queue_rows=1 << 20)
    random = np.random.default_rng(0)
    tile = random.random((TILE, SIZES[0]), np.float32)
    tile_ms = microseconds(lambda: model.predict(tile)) / 1e3
    singles = [Asker(served, model, rows_of(random, 1)) for _ in range(options.clients)]
    huge = Asker(served, model, rows_of(random, options.rows))
    print(f"a tile of {TILE} rows takes {tile_ms:.2f} ms; the huge body has {len(huge.body) / 1e6:.0f} MB")
    measure([huge], 2)
    say("huge requests alone", huge.times, tile_ms)
    measure(singles, 2)
    say("single rows alone", [t for asker in singles for t in asker.times], tile_ms)
    measure([*singles, huge], options.seconds)
    p99 = say("single rows beside huge ones", [t for asker in singles for t in asker.times], tile_ms)
    say("huge requests beside single rows", huge.times, tile_ms)
    print(f"p99 beside {'is' if p99 <= 2 * tile_ms else 'IS NOT'} within two tiles' time")


if __name__ == "__main__":
    main()
