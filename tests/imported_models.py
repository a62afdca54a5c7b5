"""Imported models, asked as clients ask: what the tests of all importers of files with inputs beside them share."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine
from pyapp.importers import Imported
from pyapp.packages import write_package


def answers(imported: Imported, item: Path, folder: Path) -> NDArray[Any]:
    """What the engine answers to input.npy or input.jsonl of the item: [rows, outputs]."""
    model = engine.Model.load(write_package(folder / "model" / "1", imported.manifest, imported.tensors, []))
    if (item / "input.npy").exists():
        rows = np.load(item / "input.npy")
        return model.predict(rows.reshape(len(rows), -1).astype(np.float32))
    records = [json.loads(line) for line in (item / "input.jsonl").read_text(encoding="utf-8").splitlines()]
    kinds = {entry["name"]: entry["kind"] for entry in imported.manifest["inputs"]}
    if set(kinds.values()) == {"tensor"}:
        return model.predict(np.array([np.concatenate([record[name] for name in kinds]) for record in records]))
    running = engine.Engine()
    return np.array([_answer(running, model, r["text"] if "text" in kinds.values() else r) for r in records])


def _answer(running: engine.Engine, model: engine.Model, row: Any) -> list[float]:
    status, _, body = running.handle(model, "classify", json.dumps(row).encode(), "application/json")
    reply = json.loads(body)
    assert status == 200, reply
    found = reply["values"] if "values" in reply else [reply["value"]]
    return [float(number) for number in found]
