"""python -m pyapp.importers.sklearn.describe FILE: loads a pickle that the user trusts.  Run by `trusted` only.

--tree OUT writes the model as plain data in the layout of a .skops file (`skops_file` reads it);
--rows IN --answers OUT asks it for rows.  Nothing else imports
scikit-learn; this does, and runs what the file holds.
"""

import argparse
import importlib
import io
import json
import sys
import warnings
import zipfile
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any

import numpy as np

_DEPTH = 60


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="describe")
    parser.add_argument("file", type=Path)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--answers", type=Path)
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load(arguments.file)
        if arguments.tree:
            with zipfile.ZipFile(arguments.tree, "w") as archive:
                schema = Describer(archive).node(model) | {"protocol": 2}
                archive.writestr("schema.json", json.dumps(schema))
        if arguments.rows:
            asked = json.loads(arguments.rows.read_text())
            arguments.answers.write_text(json.dumps(answers(model, **asked)))


def load(path: Path) -> Any:
    """The object in the file; ends the process with one line that says why not."""
    for module in ("sklearn", "joblib"):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            name = "scikit-learn" if module == "sklearn" else module
            sys.exit(f"{name} is not installed; pickles need the version that they were saved with: pip install {name}")
    try:
        return importlib.import_module("joblib").load(path)
    except ModuleNotFoundError as error:
        sys.exit(f"it needs the module {error.name}, which is not installed")
    except Exception as error:  # whatever the file's code raises
        reason = (str(error).splitlines() or ["no reason given"])[0]
        sys.exit(f"{type(error).__name__}: {reason}; is it a pickle of this version of scikit-learn?")


class Describer:
    """Writes objects as nodes, and their arrays as members of the archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """`archive`: open for writing."""
        self._archive = archive
        self._count = 0

    def node(self, value: Any, depth: int = 0) -> dict[str, Any]:
        """A node as skops has it.  What is nested too deeply, or in itself, is left out."""
        kind = type(value)
        head = {"__class__": kind.__name__, "__module__": kind.__module__}
        if depth > _DEPTH:
            return head | {"__loader__": "NestedTooDeeply"}
        if value is None or kind in (bool, int, float, str):
            return head | {"__loader__": "JsonNode", "content": json.dumps(value)}
        if isinstance(value, np.generic):
            return self.node(value.item(), depth) if value.dtype.kind in "biufUS" else head | {"__loader__": "Scalar"}
        if isinstance(value, np.ndarray):
            return self._array(value, depth)
        if isinstance(value, dict):
            return self._dict(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            loader = "TupleNode" if isinstance(value, tuple) else "ListNode"
            return head | {"__loader__": loader, "content": [self.node(item, depth + 1) for item in value]}
        if isinstance(value, slice):
            content = {key: self._end(getattr(value, key)) for key in ("start", "stop", "step")}
            return head | {"__loader__": "SliceNode", "content": content}
        if isinstance(value, np.ufunc):
            return {"__class__": value.__name__, "__module__": "numpy", "__loader__": "FunctionNode"}
        if isinstance(value, FunctionType | BuiltinFunctionType | MethodDescriptorType | type) or (
            callable(value) and hasattr(value, "__name__")
        ):
            module = getattr(value, "__module__", None) or "builtins"
            return {"__class__": value.__name__, "__module__": module, "__loader__": "FunctionNode"}
        if hasattr(value, "tocoo") and hasattr(value, "nnz"):
            return self._sparse(value)
        return self._object(value, head, depth)

    def _end(self, value: Any) -> Any:
        return value.item() if isinstance(value, np.generic) else value

    def _object(self, value: Any, head: dict[str, Any], depth: int) -> dict[str, Any]:
        kept = head["__module__"].split(".")[0] in ("sklearn", "imblearn")
        state = value.__getstate__() if kept and hasattr(value, "__getstate__") else None
        if not isinstance(state, dict):
            return head | {"__loader__": "ObjectNode"}
        return head | {"__loader__": "ObjectNode", "content": self._dict(state, depth)}

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        keys = [key.item() if isinstance(key, np.generic) else key for key in value]
        types = [{"__class__": type(key).__name__, "__module__": "builtins", "__loader__": "TypeNode"} for key in keys]
        listed = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": types}
        content = {str(key): self.node(item, depth + 1) for key, item in zip(keys, value.values(), strict=True)}
        return {
            "__class__": "dict",
            "__module__": "builtins",
            "__loader__": "DictNode",
            "content": content,
            "key_types": listed,
        }

    def _array(self, value: np.ndarray[Any, Any], depth: int) -> dict[str, Any]:
        head = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}
        if value.dtype == object:
            nested = [self.node(item, depth + 1) for item in value.reshape(-1)]
            return head | {"type": "json", "content": nested, "shape": self.node(value.shape, depth), "flat": True}
        if value.dtype.hasobject or value.dtype.names is not None:
            return head | {"__loader__": "StructuredArray"}
        return head | {"type": "numpy", "file": self._member(value, "npy")}

    def _sparse(self, value: Any) -> dict[str, Any]:
        save = importlib.import_module("scipy.sparse").save_npz
        buffer = io.BytesIO()
        save(buffer, value.tocsr(), compressed=False)
        name = self._name("npz")
        self._archive.writestr(name, buffer.getvalue())
        return {"__class__": "csr_matrix", "__module__": "scipy.sparse", "__loader__": "SparseMatrixNode", "file": name}

    def _member(self, value: np.ndarray[Any, Any], suffix: str) -> str:
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        name = self._name(suffix)
        self._archive.writestr(name, buffer.getvalue())
        return name

    def _name(self, suffix: str) -> str:
        self._count += 1
        return f"{self._count}.{suffix}"


def answers(model: Any, inputs: list[dict[str, Any]], rows: list[Any], method: str) -> list[list[float]]:
    """What the model's method gives for the rows, two columns for a binary decision."""
    found = np.asarray(getattr(model, method)(_frame(inputs[0], rows)), np.float64)
    if found.ndim == 1:
        found = np.stack([-found, found], axis=1) if method == "decision_function" else found[:, None]
    return [list(row) for row in found.tolist()]


def _frame(entry: dict[str, Any], rows: list[Any]) -> Any:
    """The rows as the model takes them."""
    if entry["kind"] == "text":
        return rows
    if entry["kind"] == "tensor":
        return np.asarray(rows, np.float64)
    names = [column["name"] for column in entry["columns"]]
    if names == [f"x{i}" for i in range(len(names))]:  # fitted on an array without names
        numeric = all(column["type"] in ("number", "boolean") for column in entry["columns"])
        return np.asarray([[row[name] for name in names] for row in rows], np.float64 if numeric else object)
    try:
        return importlib.import_module("pandas").DataFrame(rows, columns=names)
    except ModuleNotFoundError:
        if all(column["type"] == "number" for column in entry["columns"]):
            return np.asarray([[row[name] for name in names] for row in rows], np.float64)
        sys.exit("rows with named columns need pandas, which is not installed")


if __name__ == "__main__":
    main()
