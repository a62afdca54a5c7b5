"""Tells by its content what a file is, whatever its name says."""

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

from .problems import ImportRefusedError
from .torch.legacy import begins_legacy
from .torch.safetensors import begins_safetensors

KNOWN = (
    "Keras (.keras, .h5, .weights.h5), ONNX (.onnx), scikit-learn (.skops, .joblib, .pkl) "
    "and PyTorch (.safetensors, .pt, .pth)"
)

_HEAD = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
_COMPRESSED = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"ZF0x",
    b"\x5d\0\0",
)
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Of its ModelProto: number and wire type."""
_ONNX_GRAPH, _LENGTH = 7, 2
MAX_FIELDS = 100_000


def importer_of(path: Path) -> str:
    """The package under pyapp.importers that reads it: keras, onnx, sklearn or torch.

    Raises ImportRefusedError that says what the file is instead, as far as that can be told.
    """
    if path.is_dir():
        raise ImportRefusedError(f"{path} is a folder: {_folder(path)}")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise ImportRefusedError(f"{path} can't be read: {error.strerror}") from error
    if not head:
        raise ImportRefusedError(f"{path} is empty")
    if _is_hdf5(path, head):
        return "keras"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(path)
    if begins_legacy(head) or begins_safetensors(head, size):
        return "torch"
    if _is_pickle(path, head):
        return "sklearn"
    other = _other(path, head)
    if not other and _is_onnx(path, size):
        return "onnx"
    if not other and path.suffix.lower() == ".onnx" and head[0] >> 3 in _ONNX_FIELDS:
        other = "is an ONNX model that is broken or cut short; copy or export it again"
    raise ImportRefusedError(f"{path} {other or _unknown(head)}")


def _is_hdf5(path: Path, head: bytes) -> bool:
    """Its signature stands at 0, or behind a block of the user's, at 512 or 1024 …"""
    return any(head[at : at + len(_HDF5)] == _HDF5 for at in (0, 512, 1024, 2048))


def _in_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        raise ImportRefusedError(
            f"{path} is a zip archive that is broken or cut short ({error}); copy it again"
        ) from error
    last = {name.rpartition("/")[2] for name in names}
    if "config.json" in names and {"model.weights.h5", "metadata.json"} & last:
        return "keras"
    if "schema.json" in names:
        return "sklearn"
    if {"data.pkl", "constants.pkl", "archive_format"} & last or any("exported_program" in name for name in names):
        return "torch"
    if names and all(name.endswith(".npy") for name in names):
        raise ImportRefusedError(
            f"{path} holds numpy arrays (.npz), and not what a network does with them; {_convert()}"
        )
    if "saved_model.pb" in last:
        raise ImportRefusedError(f"{path} is a zipped folder: {_saved_model()}")
    listed = ", ".join(names[:5]) or "nothing"
    raise ImportRefusedError(
        f"{path} is a zip archive, but none of a model that is known; it holds {listed}; {_expected()}"
    )


def _is_pickle(path: Path, head: bytes) -> bool:
    """A pickle, or joblib's compressed one."""
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 2:
        return True
    named = any(word in path.name.lower() for word in (".pkl", ".pickle", ".joblib", ".sav"))
    return named and (head.startswith(_COMPRESSED) or head[:1] in (b"c", b"(", b"]", b"}"))


def _is_onnx(path: Path, size: int) -> bool:
    """Whether it is a protobuf message with a ModelProto's fields, a graph among them; what they hold is skipped."""
    fields = set()
    with path.open("rb") as file:
        for _ in range(MAX_FIELDS):
            if file.tell() == size:
                return _ONNX_GRAPH in fields
            tag = _varint(file)
            value = _varint(file)
            if tag is None or value is None or _ONNX_FIELDS.get(tag >> 3) != tag & 7:
                return False
            fields.add(tag >> 3)
            if tag & 7 == _LENGTH:
                if value > size - file.tell():
                    return False
                file.seek(value, os.SEEK_CUR)
    return False


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def _other(path: Path, head: bytes) -> str:
    """What is often found under a model's name, or is a model that can be converted; "" if it is neither."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer, not the file itself; fetch it with: git lfs pull"
    if text[:9].lower() == b"<!doctype" or text[:5].lower() == b"<html":
        return "is a web page, perhaps of a login or an error; download the file itself"
    if text[:5] == b"<?xml" or text[:5] == b"<PMML":
        return f"is an XML file (PMML?); {_convert()}"
    if text[:1] == b"{":
        if b'"class_name"' in head or b'"keras_version"' in head:
            return "is a Keras architecture without weights; import the weights file with --architecture and this one"
        return f"is JSON; {_expected()}"
    if head[4:8] == b"TFL3":
        return "is a TensorFlow Lite model; import the Keras model that it was made of (.keras or .h5), or ONNX"
    if head.startswith(b"\x93NUMPY"):
        return f"is a numpy array, and not what a network does with it; {_convert()}"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it and import the model's file in it"
    if head.startswith(_COMPRESSED[:3]):
        return "is compressed; unpack it first"
    if head[:1] == b"\x0a" and (path.suffix == ".pb" or b"Placeholder" in head):
        return f"is a TensorFlow graph; {_saved_model()}"
    return ""


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return _saved_model()
    if (path / "model.json").exists() and (path / "weights.safetensors").exists():
        return "a model package already; copy it into the store as <name>/<version>"
    return f"give the model's file; {_expected()}"


def _saved_model() -> str:
    return "a TensorFlow SavedModel; load it with tf.keras.models.load_model and save it with model.save('model.keras')"


def _convert() -> str:
    return "export the model to ONNX, or see docs/importing.md"


def _expected() -> str:
    return f"expected a model's file of {KNOWN}"


def _unknown(head: bytes) -> str:
    start = head[:40]
    shown = start.decode("ascii") if start.isascii() and start.decode().isprintable() else start[:16].hex(" ")
    return f"is no file of a known kind; it begins with {shown!r}; {_expected()}"
