"""Ours and other model servers over HTTP, in one run: requests/s, latency, CPU, memory, cold start.

    python bench/serve.py                              ours, batching off, the floor, and the peers that are set up
    python bench/serve.py --setup triton               installs a peer: flask litserve bentoml mlserver triton ray
    python bench/serve.py --only ours flask --connections 32 --seconds 5

The server has core 0, wrk and this script core 1.  A request is a JSON body of 784 numbers with 4 decimals (5.4 KB), a
reply 10 scores.  All replies' statuses are counted; answers are compared with `Model.predict` (ours bit by bit, peers'
within 1e-4): all bodies before and after each run, some during it.  Peers compute with ONNX Runtime on one thread, and
batch up to 64 rows (bench/peers/).  Each round starts every server anew and they take turns; figures are medians of the
rounds.  A run is repeated where other programs, or slow moments of the machine, took more than --quiet of the server's
core; "others" and "pace" tell.  Where the machine's pace changes by the minute, --together compares a few more closely.
"per core" is requests per CPU second of all the server's processes: where other programs were at work it says more than
requests/s, which it equals on a core that the server has for itself and keeps busy.

"floor" is a WSGI callable under granian that only reads the body: what HTTP costs in the server that ours runs in.
Needs wrk, taskset, and onnx (bench/requirements.txt).
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from machine import headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

from load import Checker, Load, Meter, Pace, closed_loop  # noqa: E402
from servers import BY_NAME, SERVERS, Running, Server, is_set_up, set_up, versions, weather  # noqa: E402

from pyapp import engine  # noqa: E402

NETWORKS = {"small": (784, 128, 10), "large": (784, 1024, 1024, 10), "wide": (784, 2048, 2048, 10)}
PEERS = [server.name for server in SERVERS if server.peer]
SERVER_CORE, LOAD_CORE = 0, 1
ATTEMPTS = 3


@dataclass
class Figures:
    """Of one server with one network, a value per round."""

    runs: dict[int, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))  # by connections
    memory: list[float] = field(default_factory=list)
    cold_start: list[float] = field(default_factory=list)
    wrong: int = 0
    asked: int = 0

    def of(self, connections: int, what: str) -> float:
        """The median over the rounds; NaN if there was none."""
        values = [run[what] for run in self.runs[connections]]
        return median(values) if values else float("nan")


def one_run(
    running: Running, load: Load, connections: int, pace: Pace, options: argparse.Namespace
) -> dict[str, float]:
    """The quietest of some attempts; the first that is quiet enough ends them."""
    best: dict[str, float] | None = None
    for _ in range(ATTEMPTS):
        meter = Meter(running, SERVER_CORE, pace)
        result: dict[str, Any] = closed_loop(running, load, connections, options.seconds)
        usage = meter.read()
        answered = result["requests"] - result["bad"]
        result |= {"rate": answered / result["seconds"], "others": usage.others, "pace": usage.pace}
        result["disturbance"] = usage.disturbance()
        result["cpu"] = usage.server_cpu / max(1, result["requests"]) * 1e6
        result["per_core"] = 1e6 / result["cpu"] if result["cpu"] > 0 else float("nan")
        if best is None or result["disturbance"] < best["disturbance"]:
            best = result
        if best["disturbance"] <= options.quiet:
            break
    assert best is not None
    return best


def settings_of(server: Server, options: argparse.Namespace) -> dict[str, str]:
    """What --threads and --set say, for its environment."""
    threads = {} if server.peer else {"SERVING_THREADS": str(options.threads)}
    return threads | dict(pair.split("=", 1) for pair in options.set)


@contextmanager
def started(server: Server, load: Load, options: argparse.Namespace, figures: Figures) -> Iterator[Running]:
    """The server, warm; its answers are checked before and after, and now and then in between."""
    with Running(server, options.venvs, load.store, SERVER_CORE, settings_of(server, options)) as running:
        running.wait(load.rows[0])
        figures.cold_start.append(running.cold_start)
        checker = Checker(running, load)
        checker.ask_all()
        closed_loop(running, load, 16, 1)  # warm-up
        with checker:
            yield running
        checker.ask_all()
        figures.memory.append(running.memory())
        figures.wrong += checker.wrong + len(checker.broken)
        figures.asked += checker.asked


def measure(
    servers: list[Server], load: Load, pace: Pace, options: argparse.Namespace, figures: dict[str, Figures]
) -> None:
    """The servers one after the other, each alone, a round after the other."""
    for turn in range(options.rounds):
        for server in servers:
            print(f"{turn + 1}/{options.rounds} {server.name} …", file=sys.stderr, flush=True)
            try:
                with started(server, load, options, figures[server.name]) as running:
                    for connections in options.connections:
                        run = one_run(running, load, connections, pace, options)
                        figures[server.name].runs[connections].append(run)
            except RuntimeError as error:
                print(error, file=sys.stderr)


def measure_together(
    servers: list[Server], load: Load, pace: Pace, options: argparse.Namespace, figures: dict[str, Figures]
) -> None:
    """All servers are there at once and take turns every few seconds: what changes on the machine meets all of them."""
    with ExitStack() as stack:
        running = {s.name: stack.enter_context(started(s, load, options, figures[s.name])) for s in servers}
        for turn in range(options.rounds):
            print(f"{turn + 1}/{options.rounds} …", file=sys.stderr, flush=True)
            for connections in options.connections:
                for name, of in running.items():
                    figures[name].runs[connections].append(one_run(of, load, connections, pace, options))


def print_table(figures: dict[str, Figures], options: argparse.Namespace) -> None:
    for connections in options.connections:
        head = f"{connections} connections"
        print(f"\n  {head:18}  requests/s   per core     p50 µs     p99 µs   CPU µs/request   not 2xx   others   pace")
        for name, of in figures.items():
            if of.runs[connections]:
                bad = sum(int(run["bad"] + run["broken"]) for run in of.runs[connections])
                print(
                    f"  {name:18}{of.of(connections, 'rate'):12,.0f}{of.of(connections, 'per_core'):11,.0f}"
                    f"{of.of(connections, 'p50'):11,.0f}"
                    f"{of.of(connections, 'p99'):11,.0f}{of.of(connections, 'cpu'):17.1f}{bad:10}"
                    f"{of.of(connections, 'others'):9.0%}{of.of(connections, 'pace'):7.0%}"
                )
    print("\n  server              PSS MiB   cold start s   answers checked   wrong")
    for name, of in figures.items():
        if of.memory:
            print(f"  {name:18}{median(of.memory):9.0f}{median(of.cold_start):15.2f}{of.asked:18}{of.wrong:8}")


def print_ratios(figures: dict[str, Figures], options: argparse.Namespace) -> None:
    """Ours over each other, requests/s; above 1 we are ahead.  Then the others' p99 over ours."""
    if "ours" not in figures:
        return
    titles = {"rate": "requests/s, ours ÷ theirs", "per_core": "per core, ours ÷ theirs", "p99": "p99, theirs ÷ ours"}
    for what, title in titles.items():
        print(f"\n  {title:28}" + "".join(f"{f'at {c}':>9}" for c in options.connections))
        for name, of in figures.items():
            if name != "ours" and of.memory:
                cells = []
                for connections in options.connections:
                    ours, theirs = figures["ours"].of(connections, what), of.of(connections, what)
                    better, worse = (theirs, ours) if what == "p99" else (ours, theirs)
                    has_answered = of.of(connections, "rate") > 0
                    cells.append(f"{better / worse:9.2f}" if has_answered else f"{'none':>9}")
                print(f"  {name:28}" + "".join(cells))


def chosen(options: argparse.Namespace) -> list[Server]:
    if options.only:
        return [BY_NAME[name] for name in options.only]
    usual = ["ours", "unbatched", "floor", *PEERS]
    return [BY_NAME[name] for name in usual if is_set_up(BY_NAME[name], options.venvs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(BY_NAME), default=[], metavar="SERVER")
    parser.add_argument("--network", nargs="+", choices=sorted(NETWORKS), default=["small", "large"])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16, 32, 64, 256])
    parser.add_argument("--seconds", type=int, default=3, help="of one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", action="store_true", help="the servers take turns within a round; few of them")
    parser.add_argument("--threads", type=int, default=16, help="of ours and of the floor")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="further settings of the servers")
    parser.add_argument(
        "--quiet", type=float, default=0.1, help="what others may take of the core in a run, and of its pace"
    )
    parser.add_argument("--venvs", type=Path, default=Path("build/bench-venvs"), help="where the peers are installed")
    parser.add_argument("--setup", nargs="+", choices=PEERS, default=[], metavar="PEER", help="install, and end")
    options = parser.parse_args()
    options.venvs = options.venvs.resolve()
    for peer in options.setup:
        set_up(peer, options.venvs)
    if options.setup:
        return
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: bin/need wrk")
    servers = chosen(options)
    os.sched_setaffinity(0, {LOAD_CORE})  # wrk inherits it
    print(headline(engine.blas))
    print(f"{weather()}; {options.rounds} rounds, {options.seconds:g} s a run; ours: {options.threads} threads, "
          f"settings {' '.join(options.set) or 'as they come'}")  # fmt: skip
    for server in servers:
        print(f"  {server.name:12}{server.title} ({versions(server, options.venvs)})")
    pace = Pace(SERVER_CORE)
    for network in options.network:
        sizes = NETWORKS[network]
        figures = {server.name: Figures() for server in servers}
        with tempfile.TemporaryDirectory() as folder:
            load = Load.write(Path(folder), sizes)
            (measure_together if options.together else measure)(servers, load, pace, options, figures)
        print(f"\n{'-'.join(map(str, sizes))}   ({weather()})")
        print_table(figures, options)
        print_ratios(figures, options)
        sys.stdout.flush()
    if any(of.wrong for of in figures.values()):
        sys.exit("wrong answers")


if __name__ == "__main__":
    main()
