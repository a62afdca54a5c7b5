"""ONNX models made in a line, and the packages that they become."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model_packages import write_package
from pyapp.engine import Model
from pyapp.importers import Imported, ImportOptions
from pyapp.importers.onnx import read

Array = NDArray[Any]
FLOAT = TensorProto.FLOAT


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Any) -> Any:
    return helper.make_node(op, inputs, outputs, domain=domain, name=f"{outputs[0]}_node", **attributes)


def model(
    nodes: Sequence[Any],
    shape: Sequence[int | str | None] = ("N", 4),
    weights: dict[str, Array] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    dtype: int = FLOAT,
    inputs: Sequence[Any] | None = None,
) -> Any:
    """A ModelProto with one input x (or those given) and outputs of shapes left open."""
    graph = helper.make_graph(
        nodes,
        "made",
        inputs or [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def imported(proto: Any, folder: Path, **options: Any) -> Imported:
    """What the model becomes; it is written to a file before."""
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return read(path, ImportOptions(**options))


def load(package: Imported, folder: Path) -> Model:
    """The package in the engine."""
    return Model.load(write_package(folder / "served" / "1", package.manifest, package.tensors))


def row_width(package: Imported) -> int:
    return sum(int(np.prod(entry["shape"])) for entry in package.manifest["inputs"])


def answers(proto: Any, rows: Array, folder: Path, **options: Any) -> Array:
    """What the engine answers to rows, flat."""
    return load(imported(proto, folder, **options), folder).predict(rows.reshape(len(rows), -1).astype(np.float32))


def reference(proto: Any, rows: Array) -> Array:
    """What the standard's own evaluator answers to them as one batch, flat."""
    from onnx.reference import ReferenceEvaluator

    with np.errstate(all="ignore"):
        result = ReferenceEvaluator(proto).run(None, {proto.graph.input[0].name: rows})
    return np.concatenate([np.asarray(part).reshape(len(rows), -1) for part in result], axis=1)


__all__ = ["Array", "answers", "imported", "load", "model", "node", "onnx", "reference", "row_width"]
