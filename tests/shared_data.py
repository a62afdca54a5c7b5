"""Real models and data by others, where they lie beside the project; tests that need them are skipped elsewhere."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SHARED = Path(__file__).parents[2] / "shared" / "data"
TESTS_DATA = Path(__file__).parent / "data"

needs_shared_data = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")


def items(kind: str, root: Path = SHARED) -> list[Path]:
    """The folders of that kind ("keras", "onnx_refuse", …), in order; [] where there is no data."""
    folder = root / kind
    return sorted(item for item in folder.iterdir() if item.is_dir()) if folder.is_dir() else []


def meta(item: Path) -> dict[str, Any]:
    """What meta.json says of an item."""
    found: dict[str, Any] = json.loads((item / "meta.json").read_text(encoding="utf-8"))
    return found


def jsonl(path: Path) -> list[Any]:
    """One value a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def assert_close(found: NDArray[Any], expected: NDArray[Any], absolute: float = 1e-5, relative: float = 1e-4) -> None:
    """Within one or the other, as the data's README asks."""
    assert found.shape == expected.shape
    gap = np.abs(found.astype(np.float64) - expected)
    wrong = ~((gap <= absolute) | (gap <= relative * np.abs(expected)) | (np.isnan(found) & np.isnan(expected)))
    assert not wrong.any(), f"{int(wrong.sum())} of {wrong.size} differ, by up to {float(np.nanmax(gap)):.3g}"
