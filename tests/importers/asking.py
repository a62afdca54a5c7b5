"""Asks an imported package for rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from numpy_package import answers

from pyapp.importers import Imported


def ask(found: Imported, rows: list[Any], folder: Path) -> NDArray[np.float64]:
    """[rows, outputs]; of one score for two labels both."""
    got = answers(found.manifest, found.tensors, rows)
    return both(found, got)


def both(found: Imported, got: NDArray[np.float64]) -> NDArray[np.float64]:
    labels = found.manifest["outputs"][0].get("labels", [])
    return np.hstack([1 - got, got]) if got.shape[1] == 1 and len(labels) == 2 else got
