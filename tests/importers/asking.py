"""Asks an imported package for rows, the way a client does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from pyapp import engine
from pyapp.importers import Imported


def load(found: Imported, folder: Path) -> engine.Model:
    """The package, written and loaded."""
    version = folder / "model" / "1"
    version.mkdir(parents=True, exist_ok=True)
    (version / "model.json").write_text(json.dumps(found.manifest, allow_nan=False))
    save_file(found.tensors, version / "weights.safetensors")
    return engine.Model.load(version, plan_cache="")


def ask(found: Imported, rows: list[Any], folder: Path) -> NDArray[np.float64]:
    """[rows, outputs]; of one score for two labels both."""
    return answers(load(found, folder), rows)


def answers(model: engine.Model, rows: list[Any]) -> NDArray[np.float64]:
    """One request of /classify; AssertionError with the engine's words if it is refused."""
    body = json.dumps(rows, allow_nan=False).encode()
    status, _, reply = engine.Engine().handle(model, "classify", body, "application/json")
    assert status == 200, reply.decode()
    results = json.loads(reply)["results"]
    values = [result.get("scores", result.get("values", result.get("value"))) for result in results]
    return np.asarray(values, np.float64).reshape(len(rows), -1)


def refusal(model: engine.Model, row: Any) -> tuple[int, str]:
    """Status and words for one row that is refused."""
    body = json.dumps(row).encode()
    status, _, reply = engine.Engine().handle(model, "classify", body, "application/json")
    assert status != 200
    return status, str(json.loads(reply)["error"])
