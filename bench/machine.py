"""What every measurement says first: the machine, the kernel that OpenBLAS chose, and how times are taken."""

import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median


def with_the_cpus_own_kernel() -> None:
    """Starts this script again without OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, which some machines set, on one thread.

    OpenBLAS reads them when it is loaded, so it has to be a new process.
    """
    changed = [name for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    one = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
    if changed or any(os.environ.get(name) != "1" for name in one):
        environment = {name: value for name, value in os.environ.items() if name not in changed} | one
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def cpu() -> str:
    """The CPU's name and how many of it there are."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = next(
        (line.split(": ")[1] for line in info.splitlines() if line.startswith("model name")), platform.machine()
    )
    return f"{name}, {os.cpu_count()} cores"


def headline(blas: str) -> str:
    return f"{cpu()}; Python {platform.python_version()}; {blas}"


def microseconds(call: Callable[[], object], rounds: int = 7, seconds: float = 0.02) -> float:
    """Median over rounds of the mean time of one call, each round lasting at least `seconds`."""
    return compare([call], rounds, seconds)[0]


def compare(calls: list[Callable[[], object]], rounds: int = 7, seconds: float = 0.02) -> list[float]:
    """As `microseconds`, for several sides: they take turns within each round, so that all meet the same noise."""
    repeats = []
    for call in calls:
        call()
        begin = time.perf_counter()
        call()
        repeats.append(max(1, int(seconds / max(time.perf_counter() - begin, 1e-7))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for side, (call, n) in enumerate(zip(calls, repeats, strict=True)):
            begin = time.perf_counter()
            for _ in range(n):
                call()
            times[side].append((time.perf_counter() - begin) / n * 1e6)
    return [median(side) for side in times]
