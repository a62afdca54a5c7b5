"""Tells what a file given as a Keras model is, and opens it: HDF5, a .keras zip, or neither, and then why."""

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..problems import ImportRefusedError
from .hdf5 import ALWAYS, EXPANSION, Group, Hdf5

MAX_DEPTH = 200
"""Of nested JSON; a nested model takes about 10 levels."""
MAX_JSON = 1 << 28
"""Bytes."""

_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")


@dataclass(slots=True)
class KerasFile:
    """What a file holds, before it is understood."""

    name: str
    sha256: str
    config: dict[str, Any] | None
    """The model's, as to_json() writes it; None in a file of weights alone."""
    training: dict[str, Any]
    """compile()'s arguments, as far as known."""
    version: str | None
    hdf5: Hdf5
    legacy: Group | None
    """The group whose `layer_names` list the layers, as Keras wrote HDF5 from 1 on; None if `hdf5.root` is of the later
    form, with layers/CLASS/vars/N."""
    assets: dict[str, str] = field(default_factory=dict)
    """Texts beside the weights, by path ("layers/string_lookup/vocabulary.txt")."""


def open_file(path: Path) -> KerasFile:
    """Raises ImportRefusedError, saying what the file is if it is no Keras model; FileNotFoundError."""
    if path.is_dir():
        saved = "a SavedModel of TensorFlow" if (path / "saved_model.pb").exists() else "a folder"
        raise ImportRefusedError(
            f"{path.name} is {saved}; expected a .keras or .h5 file: model.save('{path.name}.keras') writes one"
        )
    with path.open("rb") as file:
        head = file.read(2048)
        sha256 = hashlib.file_digest(_rewound(file), "sha256").hexdigest()
    if head.startswith(b"PK"):
        return _open_zip(path, sha256)
    if _is_hdf5(head):
        return _open_hdf5(path, sha256)
    raise ImportRefusedError(f"{path.name} {_what(head)}; expected a Keras model: HDF5 (.h5) or a .keras file")


def holds_hdf5(path: Path) -> bool:
    """Whether that is a file which HDF5's library will read some of."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(2048)
    return head.startswith(b"PK") or _is_hdf5(head)


def read_json(text: str | bytes, name: str) -> dict[str, Any]:
    """An object of JSON, not too deep."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ImportRefusedError(f"{name} is not JSON: {reason}") from error
    if not isinstance(value, dict):
        raise ImportRefusedError(f"{name} is {type(value).__name__}; expected an object with class_name and config")
    if _deeper_than(value, MAX_DEPTH):
        raise ImportRefusedError(f"{name} is nested more than {MAX_DEPTH} levels deep; expected a model")
    return value


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _rewound(file: Any) -> Any:
    file.seek(0)
    return file


def _is_hdf5(head: bytes) -> bool:
    """The signature is at 0, or at 512, 1024 … behind a block of the user's."""
    signature = b"\x89HDF\r\n\x1a\n"
    return head.startswith(signature) or head[512:520] == signature or head[1024:1032] == signature


def _what(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"version https://git-lfs"):
        return (
            "is a Git LFS pointer, not the model; run `git lfs pull` where it was cloned, or download the file itself"
        )
    if not head:
        return "is empty"
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page (HTML), not the model; download the file itself (on GitHub: 'Raw')"
    if text.startswith((b"{", b"[")):
        return "is JSON, not a model with weights; give the weights' file, and this one as its architecture"
    if head[4:8] == b"TFL3":
        return "is a TensorFlow Lite model; import the Keras model it was converted from"
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return "is a Python pickle, which could run any code; save with model.save('name.keras')"
    if head.startswith(b"\x1f\x8b"):
        return "is compressed with gzip; unpack it first"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head[:256]):
        return f"is a text that starts with {head[:40].decode('utf-8', 'replace')!r}"
    return f"starts with the bytes {head[:8].hex(' ')}"


def _open_hdf5(path: Path, sha256: str) -> KerasFile:
    file = Hdf5(path, path.name)
    config = file.text(file.root, "model_config")
    training = file.text(file.root, "training_config")
    weights = file.group(file.root, "model_weights")
    legacy = weights if weights is not None else file.root
    return KerasFile(
        name=path.name,
        sha256=sha256,
        config=read_json(config, f"{path.name}: model_config") if config is not None else None,
        training=read_json(training, f"{path.name}: training_config") if training else {},
        version=file.text(file.root, "keras_version") or file.text(legacy, "keras_version"),
        hdf5=file,
        legacy=legacy if file.texts(legacy, "layer_names") is not None else None,
    )


def _open_zip(path: Path, sha256: str) -> KerasFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if "config.json" not in members:
                raise ImportRefusedError(f"{path.name} is a zip without config.json; expected a .keras file")
            if "model.weights.h5" not in members:
                raise ImportRefusedError(
                    f"{path.name} has no model.weights.h5; expected a .keras file as model.save('name.keras') writes it"
                )
            content: dict[str, bytes] = {}
            left = EXPANSION * path.stat().st_size + ALWAYS
            for name, info in members.items():
                if name in _MEMBERS or (name.startswith("assets/") and name.endswith(".txt")):
                    content[name] = _member(archive, info, left, path.name)
                    left -= len(content[name])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ImportRefusedError(f"{path.name} is damaged or cut short: {error}; copy or download it again") from error
    config = read_json(content["config.json"], f"{path.name}: config.json")
    metadata = read_json(content.get("metadata.json", b"{}"), f"{path.name}: metadata.json")
    compiled = config.get("compile_config")
    version = metadata.get("keras_version")
    return KerasFile(
        name=path.name,
        sha256=sha256,
        config=config,
        training=compiled if isinstance(compiled, dict) else {},
        version=version if isinstance(version, str) else None,
        hdf5=Hdf5(content["model.weights.h5"], f"{path.name}: model.weights.h5"),
        legacy=None,
        assets={
            name.removeprefix("assets/"): text.decode("utf-8", "replace")
            for name, text in content.items()
            if name.startswith("assets/")
        },
    )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int, name: str) -> bytes:
    limit = min(EXPANSION * info.compress_size + ALWAYS, left, MAX_JSON if info.filename.endswith(".json") else left)
    if info.file_size > limit:
        raise ImportRefusedError(
            f"{name}: {info.filename} claims {info.file_size} bytes, but {info.compress_size} are stored; "
            "a model does not compress like that"
        )
    with archive.open(info) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ImportRefusedError(f"{name}: {info.filename} unpacks to more than the {info.file_size} bytes it claims")
    return content
