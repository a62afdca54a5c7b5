"""Fitted scikit-learn models for the importer's tests: saved with skops, imported, and asked beside the original."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from numpy.typing import NDArray

from pyapp.importers import Imported, ImportOptions
from pyapp.importers.sklearn import read

Table = NDArray[Any]


def saved(model: Any, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.skops"
    skops.io.dump(model, path)
    return path


def imported(model: Any, folder: Path, **options: Any) -> Imported:
    return read(saved(model, folder), ImportOptions(**options))


def as_sent(rows: Any) -> list[Any]:
    """Rows of an array as a client sends them: null for what is missing."""
    return [
        row if isinstance(row, str) else [None if is_missing(value) else plain(value) for value in row] for row in rows
    ]


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def own_answers(model: Any, rows: Any, method: str) -> NDArray[np.float64]:
    """[rows, outputs] of the model itself, as packages answer them."""
    found = np.asarray(getattr(model, method)(rows), np.float64)
    if found.ndim == 1:
        found = np.stack([-found, found], axis=1) if method == "decision_function" else found[:, None]
    return found


def people(count: int, seed: int = 0, missing: float = 0.15) -> tuple[Table, NDArray[np.int64]]:
    """Object rows of age, income, country, rank (1, 2, 3), member (bool), remark; and a target of three classes."""
    rng = np.random.default_rng(seed)
    age, income = rng.normal(40, 12, count), rng.lognormal(3, 1, count)
    country = rng.choice(["France", "Germany", "Spain", "Italy", "Malta"], count, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    rank = rng.integers(1, 4, count)
    member = rng.random(count) < 0.5
    words = ["good", "bad", "Über", "ok", "never", "again", "the", "best", "a"]
    remark = [" ".join(rng.choice(words, rng.integers(0, 7))) for _ in range(count)]
    score = 0.05 * (age - 40) + 0.5 * (country == "France") - 0.4 * rank + 0.6 * member + rng.normal(0, 0.5, count)
    rows = np.empty((count, 6), dtype=object)
    columns = (age.tolist(), income.tolist(), country.tolist(), rank.tolist(), member.tolist(), remark)
    for i, column in enumerate(columns):
        rows[:, i] = column
    for i in range(3):
        rows[rng.random(count) < missing, i] = np.nan
    return rows, np.digitize(score, np.quantile(score, [0.33, 0.66]))


def numbers(count: int, columns: int = 5, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rows of numbers of different sizes, and a target of three classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, columns)) * rng.uniform(0.5, 20, columns) + rng.uniform(-30, 30, columns)
    score = (x - x.mean(axis=0)) / x.std(axis=0) @ rng.normal(size=columns)
    return x, np.digitize(score, np.quantile(score, [0.33, 0.66]))
