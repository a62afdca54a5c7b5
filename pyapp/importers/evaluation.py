"""How good a model is on rows of a CSV file: accuracy, or R² for a regression."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine

from .answers import Progress, answers
from .problems import ImportRefusedError
from .samples import rows_of


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome."""

    rows: int
    metric: str
    """accuracy or r2"""
    value: float


def evaluate(
    model: engine.Model, manifest: Mapping[str, Any], path: Path, target: str, progress: Progress | None = None
) -> Evaluation:
    """Runs the model on all other columns of the file.  Raises ImportRefusedError naming row and column."""
    lines = read_table(path, "--eval")
    if target not in lines[0]:
        raise ImportRefusedError(f"{path}: no column {target}; there are {', '.join(lines[0])}")
    wanted = [line.pop(target).strip() for line in lines]
    try:
        found = answers(model, rows_of(lines, manifest, path), progress)
    except engine.InputError as error:
        raise ImportRefusedError(f"{path}: {error}") from error
    if model.task == "classification":
        return Evaluation(len(lines), "accuracy", _accuracy(found, wanted, model.labels, path))
    return Evaluation(len(lines), "r2", _r2(found[:, 0].astype(np.float64), wanted, path))


def read_table(path: Path, option: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by the names in its header; at least one.  Raises ImportRefusedError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise ImportRefusedError(f"{path}: {error.strerror}; {option} takes a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportRefusedError(f"{path}: {error}; {option} takes a CSV file with a header") from error
    if not lines:
        raise ImportRefusedError(f"{path} has no rows; {option} takes a CSV file with a header")
    if any(None in line or None in line.values() for line in lines):
        raise ImportRefusedError(f"{path}: its rows don't have as many cells as the header")
    return lines


def _accuracy(found: NDArray[np.float32], wanted: Sequence[str], labels: Sequence[str], path: Path) -> float:
    columns = found.shape[1]
    if columns == 1 and len(labels) == 2:
        chosen = (found[:, 0] >= 0.5).astype(int)  # the score of the second label
    else:
        chosen = found[:, : len(labels) or columns].argmax(axis=1)
    known = {_same(label): i for i, label in enumerate(labels)}
    if not any(_same(text) in known for text in wanted):
        known = {_same(str(i)): i for i in range(len(labels))}  # the target may be given by number
    unknown = sorted({text for text in wanted if _same(text) not in known})
    if len(unknown) == len(set(wanted)):
        raise ImportRefusedError(f"{path}: the target is {unknown[0]!r} …; the labels are {', '.join(labels)}")
    right = sum(known.get(_same(text)) == int(index) for text, index in zip(wanted, chosen, strict=True))
    return right / len(wanted)


def _same(text: str) -> str:
    """1 and 1.0 are one label, and so are True and true."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.strip().lower()


def _r2(found: NDArray[np.float64], wanted: Sequence[str], path: Path) -> float:
    try:
        targets = np.array([float(text) for text in wanted])
    except ValueError as error:
        raise ImportRefusedError(f"{path}: the target of a regression must be numbers: {error}") from error
    spread = float(np.sum((targets - targets.mean()) ** 2))
    return 1 - float(np.sum((targets - found) ** 2)) / spread if spread else float("nan")
