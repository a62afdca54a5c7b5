"""Writes a model package (docs/package.md): whole and checked, or not at all.

Needs jsonschema and safetensors, the `[import]` extra; they're loaded when a package is written, so that a server
without the extra may import this module.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine

from . import reader
from .store import flush, forget_removal

DATA_ALIGNMENT = 64
"""Bytes: the weights begin at a multiple of it, so that a memory-mapped file has them on a cache line."""

DTYPES = ("float16", "float32", "float64")
"""What numpy can hold of the dtypes that the engine reads."""


def write_package(
    folder: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    samples: Iterable[Mapping[str, Any]],
) -> Path:
    """Writes one version of a model; returns its folder, which ends in <name>/<version> and must not exist yet.

    `manifest` becomes model.json, with the digest of the weights.  `tensors` are float16, float32 or float64, by the
    names that layers and steps use, all of them and no other.  Each of `samples` is {"input": one row, as a client
    sends it (a record, for a table), "output": the numbers that the source framework answers}; there may be none.

    Readers see the folder complete or not at all: it is written beside its place, loaded there once by the engine,
    which checks it and computes the samples, flushed to disk and renamed.  Raises ValueError naming file and field for
    what does not fit, FileExistsError if the version exists, ModuleNotFoundError without the `[import]` extra.
    """
    folder = Path(folder).absolute()
    if not (folder.name.isascii() and folder.name.isdigit() and int(folder.name) > 0 and folder.name[0] != "0"):
        raise ValueError(f"{folder}: the last part is the version; expected a positive integer, as in models/digits/1")
    if folder.exists():
        raise _exists(folder)
    _check_manifest(manifest)
    _check_tensors(tensors)
    weights = _safetensors(tensors)
    files = {
        "model.json": _json(_with_digest(manifest, weights), indent=2).encode() + b"\n",
        "weights.safetensors": weights,
        "samples.jsonl": b"".join(_sample_lines(samples)),
    }

    with _parent(folder), _temporary_sibling(folder) as temporary:
        for name, content in files.items():
            _write_file(temporary / name, content)
        _check_by_loading(temporary, folder)
        _check_used(manifest, tensors)
        flush(temporary)
        try:
            temporary.rename(folder)
        except OSError as error:
            if folder.exists():  # someone else wrote it meanwhile
                raise _exists(folder) from error
            raise
    forget_removal(folder)
    flush(folder.parent)
    return folder


def _with_digest(manifest: Mapping[str, Any], weights: bytes) -> dict[str, Any]:
    """The manifest with the digest of its weights, before the provenance."""
    made = {key: value for key, value in manifest.items() if key not in ("weights_sha256", "provenance")}
    made["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    return {**made, "provenance": manifest["provenance"]} if "provenance" in manifest else made


def _check_by_loading(temporary: Path, folder: Path) -> None:
    """That names and shapes fit together, and that the samples are answered: by the one who will serve it."""
    try:
        reader.load(temporary, name=folder.parent.name, version=int(folder.name))
    except engine.Error as error:
        raise ValueError(str(error).replace(f"{temporary}/", "")) from error


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


def _check_tensors(tensors: Mapping[str, NDArray[Any]]) -> None:
    """That each is of a type that the engine reads, and finite."""
    for name, tensor in tensors.items():
        if tensor.dtype.newbyteorder("=").name not in DTYPES:
            raise ValueError(f"weights.safetensors: {name} is {tensor.dtype}; expected {', '.join(DTYPES)}")
        if not np.isfinite(tensor).all():
            raise ValueError(f"weights.safetensors: {name} holds a NaN or an infinity; expected finite numbers")


def _check_used(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    named = set(_strings([manifest["layers"], manifest.get("preprocess", ())]))
    unused = [name for name in tensors if name not in named]
    if unused:
        raise ValueError(f"weights.safetensors: no layer or step uses {', '.join(sorted(unused))}")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item)


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


def _sample_lines(samples: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for i, sample in enumerate(samples, 1):
        if set(sample) != {"input", "output"}:
            raise ValueError(f"samples.jsonl, line {i}: has {sorted(sample)}; expected input and output")
        yield (
            _json({key: _plain(sample[key]) for key in ("input", "output")}, f"samples.jsonl, line {i}").encode()
            + b"\n"
        )


def _plain(value: Any) -> Any:
    """For JSON: arrays as lists, each float with the fewest digits that read back as the same value of its dtype, and
    null for NaN.
    """
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        numbers = np.asarray(value)
        if numbers.dtype.kind == "f":
            numbers = np.array([float(str(number)) for number in numbers.flat]).reshape(numbers.shape)
        return _plain(numbers.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and value != value else value


def _json(value: Mapping[str, Any], file: str = "model.json", indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}; expected what JSON can hold") from error


@contextmanager
def _parent(folder: Path) -> Iterator[None]:
    """The model's own folder is there; if this is its first version and comes to nothing, it is gone afterwards."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        try:
            folder.parent.rmdir()
        except OSError:  # other versions are in it
            pass
        raise


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
