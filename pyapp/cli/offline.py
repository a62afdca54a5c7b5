"""Two versions on the rows of a file: each row is a request to both, as a client would send it."""

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine
from pyapp.importers.answers import flat, plain, record
from pyapp.importers.problems import ImportRefusedError
from pyapp.importers.samples import rows_of
from pyapp.serving.answers import Answers, mismatch
from pyapp.serving.compare import Comparison, Side

MAX_BODY_BYTES = 1 << 30

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Of a file, with the truth where it is known."""

    path: Path
    rows: list[Any]
    """Of a CSV file: cells by column, as texts; of a JSONL file: inputs, as a client sends them."""
    truths: list[str] = field(default_factory=list)

    def inputs(self, manifest: Mapping[str, Any]) -> list[Any]:
        """As that model takes them.  Raises ImportRefusedError naming row and column."""
        if self.path.suffix == ".csv":
            return rows_of(self.rows, manifest, self.path)
        inputs = manifest["inputs"]
        if not all(item["kind"] == "tensor" for item in inputs):
            return [record(row, inputs) for row in self.rows]
        try:
            return [flat(row, inputs) if isinstance(row, dict) else row for row in self.rows]
        except (KeyError, TypeError, ValueError) as error:
            expected = ", ".join(item["name"] for item in inputs)
            raise ImportRefusedError(f"{self.path}: {error}; expected numbers, or objects with {expected}") from error


def read_rows(path: Path, target: str | None) -> Rows:
    """The rows of a .csv file with a header, or of a .jsonl file; `target` is the column with the truth.

    A line of JSONL is an input, or {"input": …} as in samples.jsonl; with a target, an object that has it beside the
    rest of the input, or beside "input".  Raises ImportRefusedError or OSError.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise ImportRefusedError(f"{path}: --data takes a file named .csv or .jsonl")
    try:
        rows = _csv(path) if path.suffix == ".csv" else _jsonl(path)
    except (ValueError, RecursionError, csv.Error) as error:
        raise ImportRefusedError(f"{path}: {error}") from error
    if not rows:
        raise ImportRefusedError(f"{path} has no rows")
    truths = [_take(row, target, f"{path}, row {i}") for i, row in enumerate(rows, 1)] if target is not None else []
    if path.suffix == ".jsonl":
        rows = [row["input"] if isinstance(row, dict) and "input" in row else row for row in rows]
    return Rows(path, rows, truths)


def _csv(path: Path) -> list[Any]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("its rows don't have as many cells as the header")
    return list(rows)


def _jsonl(path: Path) -> list[Any]:
    rows = []
    for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise ValueError(f"line {i}: {error}; expected JSON") from error
    return rows


def _take(row: Any, target: str, place: str) -> str:
    if not isinstance(row, dict) or target not in row:
        there = ", ".join(map(str, row)) if isinstance(row, dict) else "only a bare input"
        raise ImportRefusedError(f"{place}: no {target}; there is {there}")
    return str(row.pop(target)).strip()


def compare(
    first: engine.Model, second: engine.Model, data: Rows, tell: Callable[[int, int], None]
) -> tuple[Comparison, dict[str, list[float]]]:
    """What the two make of the rows, and for a regression with truths the `mean_absolute_error` of each.

    Raises ImportRefusedError if the two can't be compared, or a version takes none of the rows.
    """
    if reason := mismatch(*(Answers.of(model, np.empty((0, model.outputs), np.float32)) for model in (first, second))):
        raise ImportRefusedError(f"{first.name} {first.version} and {second.version} can't be compared: {reason}")
    comparison = Comparison()
    runner = engine.Engine(max_body_bytes=MAX_BODY_BYTES)
    both: list[list[Outputs]] = []
    spent: list[list[float]] = []
    try:
        for i, (model, side) in enumerate(((first, comparison.first), (second, comparison.second))):
            rows = data.inputs(json.loads(model.manifest))
            outputs, took = _ask(runner, model, rows, side, partial(_tell_part, tell, i, len(rows)))
            both.append(outputs)
            spent.append(took)
    finally:
        runner.close()
    answered = [i for i, pair in enumerate(zip(*both, strict=True)) if all(len(outputs) for outputs in pair)]
    if not answered:
        side = comparison.first if comparison.first.errors else comparison.second
        raise ImportRefusedError(f"{data.path}: no row can be answered by both: {side.last_error}")
    for i in answered:
        comparison.took(spent[0][i], spent[1][i])
    ours, theirs = (np.concatenate([outputs[i] for i in answered]) for outputs in both)
    truths = [data.truths[i] for i in answered] if data.truths else []
    known = _known(truths, first.labels, second.labels, data.path) if first.labels and truths else None
    comparison.add(Answers.of(first, ours), Answers.of(second, theirs), known)
    comparison.requests = len(data.rows)
    return comparison, _mean_errors(ours, theirs, truths, data.path) if truths and not first.labels else {}


def _ask(
    runner: engine.Engine, model: engine.Model, rows: Sequence[Any], side: Side, tell: Callable[[int], None]
) -> tuple[list[Outputs], list[float]]:
    """Outputs [1, columns] of each row, [0, columns] where it is refused; milliseconds of each."""
    outputs, took = [], []
    if rows:  # the first request pays for the engine's memory
        runner.handle(model, "classify", json.dumps([plain(rows[0])]).encode(), "application/json", raw=True)
    for i, row in enumerate(rows, 1):
        body = json.dumps([plain(row)]).encode()
        begun = time.perf_counter()
        status, _, reply = runner.handle(model, "classify", body, "application/json", raw=True)
        took.append((time.perf_counter() - begun) * 1000)
        if status == 200:
            outputs.append(np.frombuffer(reply, np.float32).reshape(1, -1))
        else:
            outputs.append(np.empty((0, model.outputs), np.float32))
            side.errors += 1
            side.last_error = f"row {i}: {_reason(reply)}"
        tell(i)
    return outputs, took


def _tell_part(tell: Callable[[int, int], None], part: int, rows: int, done: int) -> None:
    """Of two parts with as many rows each."""
    tell(part * rows + done, 2 * rows)


def _reason(reply: bytes) -> str:
    try:
        return str(json.loads(reply)["error"])
    except (ValueError, KeyError, TypeError):
        return reply.decode("utf-8", "replace")


def _known(truths: Sequence[str], first: Sequence[str], second: Sequence[str], path: Path) -> list[str]:
    """The truths as the versions write their labels: 1.0 is 1, and true is True; or by number, if none is a label."""
    labels = list(dict.fromkeys([*first, *second]))
    known = {_same(label): label for label in labels} | {label: label for label in labels}
    found = [known.get(truth, known.get(_same(truth))) for truth in truths]
    if not any(found):
        if not all(a == b for a, b in zip(first, second, strict=False)):
            raise ImportRefusedError(
                f"{path}: the target is {truths[0]!r} …, and the versions number their labels "
                f"differently; write the labels: {_listed(labels)}"
            )
        known = {_same(str(i)): label for i, label in enumerate(first if len(first) > len(second) else second)}
        found = [known.get(_same(truth)) for truth in truths]
    if not any(found):
        raise ImportRefusedError(f"{path}: the target is {truths[0]!r} …; the labels are {_listed(labels)}")
    return [label or truth for label, truth in zip(found, truths, strict=True)]


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels[:20])


def _same(text: str) -> str:
    try:
        return repr(float(text))
    except ValueError:
        return text.strip().lower()


def _mean_errors(first: Outputs, second: Outputs, truths: Sequence[str], path: Path) -> dict[str, list[float]]:
    try:
        right = np.array([float(truth) for truth in truths])
    except ValueError as error:
        raise ImportRefusedError(f"{path}: the target of a regression must be numbers: {error}") from error
    return {"mean_absolute_error": [float(np.abs(side[:, 0] - right).mean()) for side in (first, second)]}
