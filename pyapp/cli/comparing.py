"""`flask models compare`: how far two versions agree, on the traffic that there was or on the rows of a file."""

from pathlib import Path
from typing import Any

import click

from pyapp.packages import load
from pyapp.packages.store import StoreError
from pyapp.serving.compare import Comparison

from . import as_json, examples, models, print_json
from .opened import Opened, one_message, open_models, require_version
from .packages import progress
from .tables import print_table

CONFUSED = 20
"""Of the pairs of labels that the two disagree on, so many are shown, those with the most rows first."""


@models.command(
    "compare",
    with_appcontext=False,
    epilog=examples(
        "flask models compare mnist",
        "flask models compare mnist 1 2 --json",
        "flask models compare churn stable canary --data test.csv --target churned",
    ),
)
@click.argument("name")
@click.argument("first", required=False)
@click.argument("second", required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Rows to run both versions on: .csv with a header, or .jsonl."
)
@click.option("--target", help="The column of --data with the right answers.")
@as_json
def compare_command(
    name: str, first: str | None, second: str | None, data: Path | None, target: str | None, as_json: bool
) -> None:
    """How often two versions, given by number or label, agree, how far their scores are apart, and how long they take.

    Without --data: what shadows have shown (flask models shadow), of all pairs if none is given.  With it, both are run
    on the file's rows; if none is given, what answers by default and the newest other version.
    """
    if (first is None) != (second is None):
        raise click.UsageError("give both versions, or none")
    if target is not None and data is None:
        raise click.UsageError("--target is a column of --data")
    with one_message():
        opened = open_models(name, strict=data is None)
        numbers = (
            None if first is None or second is None else (_number(opened, name, first), _number(opened, name, second))
        )
        if data is not None:
            found = [_offline(opened, name, numbers or _two(opened, name), data, target, quiet=as_json)]
        else:
            found = _live(opened, name, numbers)
    if as_json:
        print_json({"model": name, "compared": found})
        return
    for report in found:
        _tell(name, report)
    if not found:
        others = [" and ".join(map(str, pair)) for pair in _compared(opened, name)]
        which = "These two were not" if others else f"No versions of {name} were"
        known = f" (but {', '.join(others)} were)" if others else ""
        click.echo(
            f"{which} compared yet{known}: flask models shadow {name} VERSION PERCENT begins it on the traffic, "
            "--data FILE does it on a file.",
            err=True,
        )


def _number(opened: Opened, name: str, target: str) -> int:
    """Of a version, or of what a label means."""
    if target.isascii() and target.isdecimal():
        return int(target)
    return opened.snapshot.find(name, label=target).version


def _two(opened: Opened, name: str) -> tuple[int, int]:
    entry = opened.entry(name)
    others = [number for number in sorted(entry.available, reverse=True) if number != entry.default]
    if entry.default is None or not others:
        raise StoreError(f"{name} has not two versions that can answer; flask models list {name} tells why")
    return entry.default, others[0]


def _live(opened: Opened, name: str, numbers: tuple[int, int] | None) -> list[dict[str, Any]]:
    """Of a pair, in whichever order it was compared; of all pairs without one."""
    records = opened.decisions.known_records()
    if records is None:
        return []
    pairs = _compared(opened, name) if numbers is None else [numbers, numbers[::-1]]
    sums = [(pair, records.comparison(name, *pair)) for pair in dict.fromkeys(pairs)]
    return [_report(pair, comparison) for pair, comparison in sums if comparison.requests]


def _compared(opened: Opened, name: str) -> list[tuple[int, int]]:
    records = opened.decisions.known_records()
    return records.compared(name) if records is not None else []


def _offline(
    opened: Opened, name: str, numbers: tuple[int, int], data: Path, target: str | None, quiet: bool
) -> dict[str, Any]:
    from .offline import compare, read_rows

    for number in numbers:
        require_version(opened.listing, name, number)
    rows = read_rows(data, target)
    first, second = (load(opened.store.fetch(name, n), name=name, version=n) for n in numbers)
    with progress(quiet) as tell:
        comparison, more = compare(first, second, rows, lambda done, total: tell("comparing", done, total))
    return {**_report(numbers, comparison), **more}


def _report(numbers: tuple[int, int], comparison: Comparison) -> dict[str, Any]:
    return {"versions": list(numbers), **comparison.report()}


def _tell(name: str, report: dict[str, Any]) -> None:
    first, second = report["versions"]
    click.echo(f"{name} {first} and {second}: {report['requests']:,} requests, {report['rows']:,} rows compared")
    if report["agreement"] is not None:
        distance = report["mean_distance"]
        click.echo(f"They agree on {report['agreement']:.2%}; scores are {distance:.3g} apart in the mean")
    rows = [_side(str(number), report, i) for i, number in enumerate((first, second))]
    columns = ["Version", "Errors", "Mean ms", "p50 ms ≤", "p99 ms ≤"]
    if report["accuracy"] or "mean_absolute_error" in report:
        columns.append("Accuracy" if report["accuracy"] else "Mean abs. error")
    print_table(columns, rows, columns)
    for key, number in (("first", first), ("second", second)):
        if report[key]["last_error"]:
            click.echo(f"The last error of {number}: {report[key]['last_error']}")
    _tell_distances(report)
    _tell_confusion(first, second, report["confusion"])


def _side(number: str, report: dict[str, Any], i: int) -> list[str]:
    side = report["second" if i else "first"]
    cells = [number, str(side["errors"]), *(_ms(side[key]) for key in ("mean_ms", "p50_ms", "p99_ms"))]
    if report["accuracy"]:
        cells.append(f"{report['accuracy'][i]:.2%}")
    elif "mean_absolute_error" in report:
        cells.append(f"{report['mean_absolute_error'][i]:.4g}")
    return cells


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _tell_distances(report: dict[str, Any]) -> None:
    rows = [
        (f"≤ {part['at_most']:g}" if part["at_most"] is not None else "more", f"{part['rows']:,}")
        for part in report["distance"]
        if part["rows"]
    ]
    if rows:
        click.echo()
        print_table(("Largest difference of a score", "Rows"), rows, ("Rows",))


def _tell_confusion(first: int, second: int, confusion: dict[str, dict[str, int]]) -> None:
    pairs = [(n, a, b) for a, row in confusion.items() for b, n in row.items() if a != b]
    if not pairs:
        return
    click.echo()
    pairs.sort(reverse=True)
    shown = [(a, b, f"{count:,}") for count, a, b in pairs[:CONFUSED]]
    print_table((f"{first} says", f"{second} says", "Rows"), shown, ("Rows",))
    if len(pairs) > CONFUSED:
        click.echo(f"… and {len(pairs) - CONFUSED} more pairs; --json has all")
