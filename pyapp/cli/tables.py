"""Tables for people: by rich (the `[cli]` extra) in a terminal, else in plain text that other programs can read."""

import sys
from collections.abc import Sequence

import click


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> None:
    """Under a line of headings; the columns named in `numbers` are aligned right."""
    texts = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _by_rich(columns, texts, numbers):
        return
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for row in (columns, *texts):
        cells = (
            cell.rjust(width) if name in numbers else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        )
        click.echo("  ".join(cells).rstrip())


def _by_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str]) -> bool:
    """False if rich is not installed."""
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError:
        return False
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)
    return True


_STYLES = {"AVAILABLE": "green", "FAILED": "bold red", "LOADING": "yellow", "*": "bold green"}
