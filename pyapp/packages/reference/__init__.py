"""What a package answers, computed plainly by numpy in double precision, independent of the C core.

Importers make samples with it where the source framework's own outputs are not at hand, and tests compare the engine
with it.  It is slow and simple; nothing is served by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blocks import read_inputs
from .layers import run_layers
from .steps import run_step

__all__ = ["evaluate"]


def evaluate(
    manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], rows: Sequence[Any]
) -> NDArray[np.float64]:
    """All outputs, float64 [rows, outputs].  `rows` are as a client sends them: numbers, records, lists, texts.

    Raises ValueError for a value that the package refuses.
    """
    blocks = read_inputs(manifest["inputs"], rows)
    for step in manifest.get("preprocess", ()):
        run_step(blocks, step, tensors)
    values = {name: block.numbers() for name, block in blocks.items() if block.is_numbers()}
    run_layers(values, manifest["layers"], tensors, len(rows))
    return np.concatenate([values[output["layer"]] for output in manifest["outputs"]], axis=1)
