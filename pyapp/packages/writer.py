"""Writes a model package (docs/package.md): whole and checked, or not at all.

Needs jsonschema and safetensors, the `[import]` extra; they're loaded when a package is written, so that a server
without the extra may import this module.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATA_ALIGNMENT = 64
"""Bytes: the weights begin at a multiple of it, so that a memory-mapped file has them on a cache line."""

DTYPES = ("float16", "float32", "float64")
"""What numpy can hold of the dtypes that the engine reads."""

_ROWS_OF_TENSORS = ("bias", "mean", "variance", "gamma", "beta", "value")  # one number per column of their layer


def write_package(
    folder: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    samples: Iterable[Mapping[str, Any]],
) -> Path:
    """Writes one version of a model; returns its folder, which ends in <name>/<version> and must not exist yet.

    `manifest` becomes model.json.  `tensors` are float16, float32 or float64, by the names that the layers use, all of
    them and no other.  Each of `samples` is {"input": one row, as a client sends it (a record, for a table), "output":
    the numbers that the source framework answers}; there may be none.

    Readers see the folder complete or not at all: it is written beside its place, flushed to disk and renamed.  Raises
    ValueError naming file and field for what does not fit, FileExistsError if the version exists, ModuleNotFoundError
    without the `[import]` extra.
    """
    folder = Path(folder).absolute()
    if not (folder.name.isascii() and folder.name.isdigit() and int(folder.name) > 0 and folder.name[0] != "0"):
        raise ValueError(f"{folder}: the last part is the version; expected a positive integer, as in models/digits/1")
    if folder.exists():
        raise _exists(folder)
    _check_manifest(manifest)
    row, outputs = _check_tensors(manifest, tensors)
    files = {
        "model.json": _json(manifest, indent=2).encode() + b"\n",
        "weights.safetensors": _safetensors(tensors),
        "samples.jsonl": b"".join(_sample_lines(samples, row if _takes_numbers(manifest) else None, outputs)),
    }

    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary_sibling(folder) as temporary:
        for name, content in files.items():
            _write_file(temporary / name, content)
        _flush_folder(temporary)
        try:
            temporary.rename(folder)
        except OSError as error:
            if folder.exists():  # someone else wrote it meanwhile
                raise _exists(folder) from error
            raise
    _flush_folder(folder.parent)
    return folder


def _exists(folder: Path) -> FileExistsError:
    return FileExistsError(f"{folder} exists: a version never changes; write the next number")


def _extra(module: str) -> Any:
    """A module of the `[import]` extra."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"writing a model package needs {error.name}: pip install 'flask-serving[import]'", name=error.name
        ) from error


@cache
def _validator() -> Any:
    schema = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return _extra("jsonschema").Draft202012Validator(schema)


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    """Against schema.json.  Of several faults, the one that says most is reported."""
    plain = json.loads(_json(manifest))
    error = _extra("jsonschema").exceptions.best_match(_validator().iter_errors(plain))
    if error is not None:
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        raise ValueError(f"model.json{' at ' if pointer else ''}{pointer}: {error.message}")


def _check_tensors(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
    """That names and shapes of graph and tensors fit together.  Returns how many numbers a row of input and one of
    output have.
    """
    columns: dict[str, int] = {}  # of every input and layer so far, by name
    row = 0
    for i, entry in enumerate(manifest["inputs"]):
        _add_name(columns, entry["name"], f"/inputs/{i}", _encoded_columns(manifest, entry))
        row += int(np.prod(entry["shape"])) if entry["kind"] == "tensor" else len(entry.get("columns", "1"))
    for i, step in enumerate(manifest.get("preprocess", ())):
        if step["input"] not in [entry["name"] for entry in manifest["inputs"]]:
            raise ValueError(f"model.json at /preprocess/{i}/input: there is no input named {step['input']!r}")
    unused = set(tensors)
    for i, layer in enumerate(manifest["layers"]):
        place = f"/layers/{i}"
        widths = [_columns_of(columns, name, f"{place}/inputs/{j}") for j, name in enumerate(layer.get("inputs", ()))]
        width = _layer_columns(layer, widths, tensors, place)
        if layer["op"] == "dense":
            unused.discard(_check_tensor(tensors, layer["kernel"], (widths[0], width), f"{place}/kernel"))
        for key in _ROWS_OF_TENSORS:
            if layer.get(key) is not None:
                unused.discard(_check_tensor(tensors, layer[key], (width,), f"{place}/{key}"))
        activation = layer.get("activation")
        if isinstance(activation, Mapping) and "slope" in activation:
            unused.discard(_check_tensor(tensors, activation["slope"], (width,), f"{place}/activation/slope"))
        _add_name(columns, layer["name"], place, width)
    if unused:
        raise ValueError(f"weights.safetensors: no layer uses {', '.join(sorted(unused))}")
    outputs = 0
    for i, output in enumerate(manifest["outputs"]):
        width = _columns_of(columns, output["layer"], f"/outputs/{i}/layer")
        labels = output.get("labels")
        # Two labels of one column are those of no and yes.
        if labels is not None and len(labels) != width and (width, len(labels)) != (1, 2):
            raise ValueError(f"model.json at /outputs/{i}/labels: {len(labels)}; expected {width}, one per column")
        outputs += width
    return row, outputs


def _layer_columns(
    layer: Mapping[str, Any], widths: Sequence[int], tensors: Mapping[str, NDArray[Any]], place: str
) -> int:
    match layer["op"]:
        case "dense":
            return int(layer["units"])
        case "reduce":
            return 1
        case "concatenate":
            return sum(widths)
        case "select":
            for i, column in enumerate(layer["columns"]):
                if column >= widths[0]:
                    raise ValueError(f"model.json at {place}/columns/{i}: {column}; the input has {widths[0]} columns")
            return len(layer["columns"])
        case "constant":
            value = layer["value"]
            return tensors[value].size if value in tensors else 0  # that it isn't there is said with the tensors
    if len(set(widths) - {1}) > 1:
        raise ValueError(
            f"model.json at {place}/inputs: they have {widths} columns; expected the same of each, or one to be spread"
        )
    return max(widths)


def _takes_numbers(manifest: Mapping[str, Any]) -> bool:
    return all(entry["kind"] == "tensor" for entry in manifest["inputs"])


def _encoded_columns(manifest: Mapping[str, Any], entry: Mapping[str, Any]) -> int:
    """How many numbers of the network's row an input becomes."""
    if entry["kind"] == "tensor":
        return int(np.prod(entry["shape"]))
    columns = entry.get("columns", [{"name": None, "type": "text"}])
    widths = {column["name"]: 1 for column in columns}
    for step in manifest.get("preprocess", ()):
        if step["input"] != entry["name"]:
            continue
        if step["op"] == "count_words":
            widths[step.get("column")] = len(step["vocabulary"])
        elif step["op"] == "one_hot":
            for column in columns:
                if column["type"] == "category" and column["name"] in step.get("columns", widths):
                    indicators = len(column["categories"]) + (column.get("unknown") == "index")
                    widths[column["name"]] = indicators - (step.get("drop") == "first")
    return sum(widths.values())


def _add_name(columns: dict[str, int], name: str, place: str, width: int) -> None:
    if name in columns:
        raise ValueError(f"model.json at {place}/name: there is another input or layer named {name!r}")
    columns[name] = width


def _columns_of(columns: Mapping[str, int], name: str, place: str) -> int:
    if name not in columns:
        raise ValueError(f"model.json at {place}: there is no input or earlier layer named {name!r}")
    return columns[name]


def _check_tensor(tensors: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...], place: str) -> str:
    """The name, if there's such a tensor that the engine can use."""
    if name not in tensors:
        raise ValueError(f"model.json at {place}: there is no tensor {name!r} among {', '.join(sorted(tensors))}")
    tensor = tensors[name]
    if tensor.shape != shape:
        raise ValueError(f"weights.safetensors: {name} is {tensor.shape}; model.json at {place} expects {shape}")
    if tensor.dtype.newbyteorder("=").name not in DTYPES:
        raise ValueError(f"weights.safetensors: {name} is {tensor.dtype}; expected {', '.join(DTYPES)}")
    if not np.isfinite(tensor).all():
        raise ValueError(f"weights.safetensors: {name} holds a NaN or an infinity; expected finite numbers")
    return name


def _safetensors(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The file's bytes.  The header is padded with blanks, as the format allows, until the data is aligned."""
    plain = {
        name: np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<")) for name, tensor in tensors.items()
    }
    packed: bytes = _extra("safetensors.numpy").save(plain)
    header_end = 8 + int.from_bytes(packed[:8], "little")
    padding = -header_end % DATA_ALIGNMENT
    length = (header_end - 8 + padding).to_bytes(8, "little")
    return length + packed[8:header_end] + b" " * padding + packed[header_end:]


def _sample_lines(samples: Iterable[Mapping[str, Any]], row: int | None, outputs: int) -> Iterator[bytes]:
    """`row`: numbers of an input; None if inputs are records, rows of mixed values or texts."""
    for i, sample in enumerate(samples, 1):
        if set(sample) != {"input", "output"}:
            raise ValueError(f"samples.jsonl, line {i}: has {sorted(sample)}; expected input and output")
        line: dict[str, Any] = {}
        for key, size in (("input", row), ("output", outputs)):
            if size is None:
                line[key] = sample[key]
                continue
            numbers = np.asarray(sample[key])
            if numbers.size != size or numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
                raise ValueError(
                    f"samples.jsonl, line {i}: the {key} is {numbers.dtype}, shape {numbers.shape}; "
                    f"expected {size} finite numbers"
                )
            line[key] = _shortest(numbers)
        yield _json(line).encode() + b"\n"


def _shortest(numbers: NDArray[Any]) -> Any:
    """As nested lists, each float with the fewest digits that read back as the same value of its own dtype."""
    if numbers.dtype.kind == "f":
        numbers = np.array([float(str(number)) for number in numbers.flat]).reshape(numbers.shape)
    return numbers.tolist()


def _json(value: Mapping[str, Any], indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError) as error:
        raise ValueError(f"model.json: {error}; expected what JSON can hold") from error


@contextmanager
def _temporary_sibling(folder: Path) -> Iterator[Path]:
    """A new folder on the same file system, whose name no store takes for a version; gone afterwards."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # nothing is there any more if it was renamed


def _write_file(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """A new name is on disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
