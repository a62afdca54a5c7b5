"""What a version change does to those who are being served, and what versions leave behind in memory.

    python bench/version_changes.py [--rate 5000] [--changes 50] [--workers 2] [--versions 200]

A client process sends at fixed times (tests/steady_load.py) and compares every reply with what the version that it
names must answer, while versions are loaded, split, promoted, rolled back, sent corrupt, and deleted while they serve
(tests/version_changes.py).  Latency counts from when a request was due; "during" is from the beginning of a change
until all processes have noticed it, "without" the time after that until the next one: as much of it, and in turns, so
that both meet the same noise.  Then so many versions of 2 MB are loaded and unloaded one after the other.  Server and
load share the machine's cores.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

from machine import headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from model_packages import dense_network, write_package  # noqa: E402
from pyapp import engine  # noqa: E402
from pyapp.client import Client  # noqa: E402
from running_server import Server, free_port, running  # noqa: E402
from version_changes import NAME, Change, Controller, Result, Versions, forbidden, steady_load  # noqa: E402

SIZES = (128, 1024, 384, 10)  # 2.1 MB
TOKEN = "a-token-for-benchmarks"
GRACE = 1.4  # seconds: each process looks every second, and loads
CALM = 3.0


def serve(folder: Path, store: Path, workers: int, poll_seconds: int) -> AbstractContextManager[Server]:
    settings = {"SERVING_MODELS": store, "SERVING_WORKERS": workers, "SERVING_POLL_SECONDS": poll_seconds}
    os.environ |= {name: str(value) for name, value in settings.items()}
    os.environ |= {"SERVING_ADMIN_TOKEN": TOKEN, "PYTHONPATH": str(HERE.parent)}
    port = free_port()
    return running(folder / "log", [sys.executable, "-m", "pyapp", "--port", str(port)], port)


def change_under_load(folder: Path, options: argparse.Namespace) -> bool:
    versions = Versions(folder / "made", SIZES, 2 + options.changes // 8 + 1)
    store = folder / "models"
    store.mkdir()
    versions.put(store, 1)
    with (
        serve(folder, store, options.workers, 1) as server,
        Client(f"http://127.0.0.1:{server.port}", admin_token=TOKEN) as client,
        steady_load(folder, server.port, versions, options.rate, options.connections) as end,
    ):
        time.sleep(CALM)
        controller = Controller(client, store, versions, wait=2 * GRACE)
        controller.run(options.changes)
        time.sleep(CALM)
        result = end()
    return report(result, controller.changes, options)


def report(result: Result, changes: list[Change], options: argparse.Namespace) -> bool:
    latency = (result.done - result.due) * 1000
    begin, finish = result.due[0] + 1, result.due[-1]  # the first second opens connections
    during = np.zeros(len(latency), bool)
    for change in changes[1:]:
        during |= (result.due >= change.begun) & (result.due <= change.done + GRACE)
    calm = (result.due > begin) & ~during
    rate = len(latency) / (finish - result.due[0])
    faults, wrong = len(result.faults), forbidden(result, changes, GRACE)
    print(f"{len(changes) - 1} changes, {len(latency):,} replies, {rate:,.0f}/s (due {options.rate:,.0f}/s)")
    print(f"failed or inexact: {faults}; by a version that was not allowed: {len(wrong)}")
    for text in (*result.faults[:10], *wrong[:10]):
        print(f"  {text}")
    print(f"{'':24} {'replies':>9} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>8} {'max ms':>8}")
    line("without a change", latency[calm])
    line("during changes", latency[during])
    for what in dict.fromkeys(re.sub(r"[ \d,]+$", "", change.what) for change in changes[1:]):
        of_kind = np.zeros(len(latency), bool)
        for change in changes[1:]:
            if change.what.startswith(what):
                of_kind |= (result.due >= change.begun) & (result.due <= change.done + GRACE)
        line(f"  {what}", latency[of_kind])
    ratio = float(np.percentile(latency[during], 99) / np.percentile(latency[calm], 99))
    print(f"p99 during / without: {ratio:.2f} (at most 1.5)")
    return not faults and not wrong and ratio <= 1.5


def line(what: str, latency: NDArray[np.float64]) -> None:
    p50, p99, p999 = np.percentile(latency, [50, 99, 99.9])
    print(f"{what:24} {len(latency):9,} {p50:8.2f} {p99:8.2f} {p999:8.2f} {latency.max():8.2f}")


def memory(folder: Path, count: int) -> bool:
    """Whether memory stays flat after the first tenth."""
    store = folder / "many"
    write_package(store / NAME / "1", *dense_network(SIZES, seed=1))
    sizes = {}
    with (
        serve(folder, store, 1, 3600) as server,
        Client(f"http://127.0.0.1:{server.port}", admin_token=TOKEN) as client,
    ):
        for number in range(2, count + 2):
            write_package(store / ".incoming", *dense_network(SIZES, seed=number))
            (store / ".incoming").rename(store / NAME / str(number))
            assert client.reload()[NAME] == [number - 1, number]
            assert client.classify([0.5] * SIZES[0], NAME).version == number
            if (number - 1) % (count // 10) == 0:
                sizes[number - 1] = worker_mib(server)
    print("MiB of the worker after so many versions: " + ", ".join(f"{n}: {mib:.1f}" for n, mib in sizes.items()))
    values = list(sizes.values())
    return values[-1] < values[0] + 8


def worker_mib(server: Server) -> float:
    pid = server.process.pid
    [worker] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=5000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--versions", type=int, default=200)
    options = parser.parse_args()
    print(headline(engine.blas))
    with tempfile.TemporaryDirectory() as folder:
        good = [change_under_load(Path(folder), options)] if options.changes else []
        good += [memory(Path(folder), options.versions)] if options.versions else []
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
