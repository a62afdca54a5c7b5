"""Latency and goodput against offered load, up to and past saturation: ours, and Flask + ONNX Runtime.

    python bench/open_loop.py --network large --plot docs/images/open_loop.svg

Requests are due at fixed times, whatever comes back, and latency counts from when they were due (bench/open_loop.c): no
coordinated omission.  Saturation is what the closed loop reaches at as many connections; offered are shares of it.
"goodput" is replies with 200 within the deadline, "refused" are 503 and 504, "unsent" those that waited for a free
connection for half the deadline and were given up by the client (a server that refuses in time frees connections).
The server has core 0, the load core 1.  A core's pace changes by half within seconds on a virtual machine, so the loads
take turns, round after round, and each figure is the median of its rounds.  Even so two loads meet different paces:
with `--beside 1` each is measured next to that share, before it or after it, and "kept" is goodput ÷ its goodput.

Past saturation three things should hold, and the last lines say whether, and how far: requests are refused (503) and
none is lost, goodput stays within 10 % of its peak, and p99 of the accepted stays below the deadline.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import takewhile
from math import inf
from pathlib import Path
from statistics import median

from machine import headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

from load import Checker, Load, Meter, Pace, build_open_loop, closed_loop, open_loop  # noqa: E402
from plot import Line, Panel, write_svg  # noqa: E402
from serve import LOAD_CORE, NETWORKS, SERVER_CORE, settings_of  # noqa: E402
from servers import BY_NAME, Running, Server, is_set_up, weather  # noqa: E402

from pyapp import engine  # noqa: E402

SHARES = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0]


@dataclass(frozen=True)
class Point:
    """Of one offered load: requests/s, and latencies in ms."""

    offered: float
    goodput: float
    refused: float
    unsent: float
    lost: float
    p50: float
    p99: float
    p999: float
    late: float  # the generator itself, at worst
    others: float  # share of the server's core that other programs took
    pace: float  # of that core, 1 is the fastest it was
    kept: float = 0.0  # goodput ÷ that of the load beside it, or else of the best


def measure_once(
    program: Path, running: Running, load: Load, rate: float, pace: Pace, options: argparse.Namespace
) -> Point:
    patience = options.deadline / 2e3
    meter = Meter(running, SERVER_CORE, pace)
    result = open_loop(program, running, load, rate, options.at_once, options.seconds, patience, options.deadline / 1e3)
    usage = meter.read()
    counted = options.seconds * 0.9  # the first tenth is not
    accepted = result["accepted"]
    other = sum(count for status, count in result["status"].items() if status not in ("200", "503", "504"))
    return Point(
        offered=result["due"] / counted,
        goodput=accepted["within"] / counted,
        refused=result["refused"]["count"] / counted,
        unsent=result["unsent"] / counted,
        lost=(result["broken"] + other) / counted,
        p50=accepted.get("p50", 0) / 1e3,
        p99=accepted.get("p99", 0) / 1e3,
        p999=accepted.get("p999", 0) / 1e3,
        late=result["late"] / 1e3,
        others=usage.others,
        pace=usage.pace,
    )


def measure_pair(measure: Callable[[float], Point], share: float, beside: float, is_first: bool) -> Point:
    """A load and, for `kept`, the one beside it: which of them comes first should change from round to round."""
    if is_first:
        point, other = measure(share), measure(beside)
    else:
        other, point = measure(beside), measure(share)
    return replace(point, kept=point.goodput / max(other.goodput, 1))


def typical(rounds: list[Point]) -> Point:
    """The median of each figure, but all that was lost."""
    figures = {field.name: median(getattr(point, field.name) for point in rounds) for field in fields(Point)}
    return Point(**figures | {"lost": sum(point.lost for point in rounds)})


def measure(server: Server, program: Path, load: Load, pace: Pace, options: argparse.Namespace) -> list[Point]:
    with Running(server, options.venvs, load.store, SERVER_CORE, settings_of(server, options)) as running:
        running.wait(load.rows[0])
        before = Checker(running, load)
        before.ask_all()
        closed_loop(running, load, 16, 1)  # warm-up
        saturation = options.saturation or max(
            (closed["requests"] - closed["bad"]) / closed["seconds"]
            for closed in (closed_loop(running, load, c, 3) for c in (32, 64))
        )
        rounds: list[list[Point]] = [[] for _ in options.shares]
        with Checker(running, load, overloaded=True) as during:

            def at(share: float) -> Point:
                return measure_once(program, running, load, saturation * share, pace, options)

            for turn in range(options.rounds):
                for share, seen in zip(options.shares, rounds, strict=True):
                    beside = options.beside
                    seen.append(measure_pair(at, share, beside, turn % 2 == 0) if beside else at(share))
        points = [typical(seen) for seen in rounds]
        if not options.beside:
            best = max(1.0, *(point.goodput for point in points))
            points = [replace(point, kept=point.goodput / best) for point in points]
        print(f"\n{server.title}: a share of 1 is {saturation:,.0f} requests/s")
        print(
            "  offered/s  goodput/s  refused/s  unsent/s  lost/s   p50 ms   p99 ms p99.9 ms late ms others  pace  kept"
        )
        for p in points:
            print(
                f"{p.offered:11,.0f}{p.goodput:11,.0f}{p.refused:11,.0f}{p.unsent:10,.0f}{p.lost:8,.1f}"
                f"{p.p50:9.2f}{p.p99:9.2f}{p.p999:9.2f}{p.late:8.2f}{p.others:7.0%}{p.pace:6.0%}{p.kept:6.2f}"
            )
        after = Checker(running, load)
        after.ask_all()
        checkers = (before, during, after)
        asked, wrong = sum(checker.asked for checker in checkers), sum(checker.wrong for checker in checkers)
        broken = [what for checker in checkers for what in checker.broken]
        print(f"  answers checked: {asked}, wrong: {wrong}, broken connections: {broken or 'none'}")
    return points


def say_what_holds(points: list[Point], deadline: float) -> None:
    """The peak is what `kept` compares with."""
    peak = median([point.goodput / point.kept for point in points if point.kept > 0] or [1.0])
    past = sorted((point for point in points if point.offered > 1.05 * peak), key=lambda point: point.offered)
    if not past:
        print("  saturation was not reached")
        return
    least, p99 = min(past, key=lambda point: point.kept), max(point.p99 or inf for point in past)
    enough = list(takewhile(lambda point: point.kept >= 0.9, past))
    far = max((point.offered for point in enough), default=peak) / peak
    lines = [
        ("refuses with 503, loses nothing", all(p.refused > 0 and p.lost == 0 for p in past), ""),
        (
            f"goodput stays within 10 % of its peak, {peak:,.0f}/s,",
            len(enough) == len(past),
            f"up to {far:.2f} times the peak; it is {least.kept:.0%} at {least.offered / peak:.2f} times",
        ),
        ("p99 of the accepted is below the deadline", p99 < deadline, f"{p99:.1f} of {deadline:g} ms"),
    ]
    for what, holds, figure in lines:
        print(f"  past saturation {what}: {'holds' if holds else 'DOES NOT HOLD'} {figure}")


def plot(path: Path, title: str, curves: dict[str, list[Point]], deadline: float) -> None:
    latencies, rates = [], []
    for colour, (name, points) in enumerate(curves.items()):
        for what, field, dash in (("p50", "p50", "dotted"), ("p99", "p99", "solid"), ("p99.9", "p999", "dashed")):
            values = [(point.offered, getattr(point, field)) for point in points]
            latencies.append(Line(f"{name}, {what}", values, colour, dash))
        rates.append(Line(f"{name}, goodput", [(p.offered, p.goodput) for p in points], colour))
        rates.append(Line(f"{name}, refused", [(p.offered, p.refused) for p in points], colour, "dashed"))
    panels = [
        Panel("latency of the accepted, ms", latencies, logarithmic=True, marks=[("deadline", deadline)]),
        Panel("requests/s", rates),
    ]
    write_svg(path, title, "offered requests/s", panels)
    print(f"  plot: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(BY_NAME), default=["ours", "flask"], metavar="SERVER")
    parser.add_argument("--network", choices=sorted(NETWORKS), default="small")
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES, help="of saturation, that are offered")
    parser.add_argument("--saturation", type=float, default=0, help="requests/s; 0: measured in a closed loop")
    parser.add_argument("--beside", type=float, default=0, metavar="SHARE", help="measure each load next to this one")
    parser.add_argument("--at-once", type=int, default=1024, help="connections")
    parser.add_argument("--deadline", type=float, default=100, help="ms")
    parser.add_argument("--seconds", type=int, default=2, help="of one run")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=16, help="of ours")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="further settings of the servers")
    parser.add_argument("--venvs", type=Path, default=Path("build/bench-venvs"), help="where the peers are installed")
    parser.add_argument("--plot", type=Path, help="the .svg to write")
    options = parser.parse_args()
    options.venvs, store_options = options.venvs.resolve(), options.set
    if not any(pair.startswith("SERVING_TIMEOUT_MS=") for pair in store_options):
        options.set = [*store_options, f"SERVING_TIMEOUT_MS={options.deadline:.0f}"]
    os.sched_setaffinity(0, {LOAD_CORE})
    sizes = "-".join(map(str, NETWORKS[options.network]))
    print(headline(engine.blas))
    print(f"{weather()}; {sizes}, {options.at_once} connections, {options.seconds:g} s a run, {' '.join(options.set)}")
    curves, pace = {}, Pace(SERVER_CORE)
    with tempfile.TemporaryDirectory() as folder:
        program = build_open_loop(Path(folder))
        load = Load.write(Path(folder), NETWORKS[options.network])
        for server in (BY_NAME[name] for name in options.only):
            if not is_set_up(server, options.venvs):
                print(f"{server.name} is not installed: bench/serve.py --setup {server.name}", file=sys.stderr)
                continue
            curves[server.title] = measure(server, program, load, pace, options)
            say_what_holds(curves[server.title], options.deadline)
    if options.plot:
        plot(options.plot, f"{sizes}, server on one core", curves, options.deadline)


if __name__ == "__main__":
    main()
