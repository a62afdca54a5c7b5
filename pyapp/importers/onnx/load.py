"""Reads an .onnx file into a checked ModelProto and its tensors into numpy, without running anything.

A tensor's bytes may lie in a file beside the model; that file must be within the model's own folder, and every length
is compared with what is there before memory is taken.
"""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems import ImportRefusedError

MAX_FILE_BYTES = 2**31 - 1
"""protobuf's own limit; larger models keep their tensors in files beside."""

MAX_TENSOR_ELEMENTS = 2**29
"""Of one tensor: 2 GiB of float32."""

MAX_DIMENSIONS = 32

_MAGIC = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the model; fetch the file itself with `git lfs pull`"),
    (b"PK\x03\x04", "is a zip archive, such as PyTorch's .pt or Keras' .keras; expected an ONNX model"),
    (b"\x89HDF\r\n", "is an HDF5 file, such as Keras' .h5; expected an ONNX model"),
    (b"\x80\x04", "is a pickle; expected an ONNX model"),
    (b"ORTM", "is onnxruntime's own format; expected the .onnx file that it was made of"),
)


def load_model(path: Path) -> Any:
    """The ModelProto.  Raises ImportRefusedError for what is no ONNX model, OSError for what cannot be read."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ImportRefusedError(
            f"{path.name} has {size:,} bytes, more than protobuf allows (2 GiB); save it with external data"
        )
    content = path.read_bytes()
    for magic, says in _MAGIC:
        if content.startswith(magic) or magic == content[4:8]:
            raise ImportRefusedError(f"{path.name} {says}")
    model = ModelProto()
    try:
        model.ParseFromString(content)
        _check_texts(model.graph)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportRefusedError(
            f"{path.name} is not an ONNX model, or is cut off: it cannot be read as protobuf ({error})"
        ) from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise ImportRefusedError(f"{path.name} is not an ONNX model: it holds no graph")
    if not model.opset_import:
        raise ImportRefusedError(f"{path.name} is not a whole ONNX model: it says no opset (opset_import)")
    return model


def _check_texts(graph: Any) -> None:
    """Names that are no UTF-8 come as bytes."""
    names = [entry.name for entry in (*graph.input, *graph.output, *graph.initializer)]
    for node in graph.node:
        names += (node.name, node.op_type, node.domain, *node.input, *node.output)
        names += (attribute.name for attribute in node.attribute)
    for name in names:
        if isinstance(name, bytes):
            name.decode("utf-8")


def array_of(tensor: Any, folder: Path) -> NDArray[Any]:
    """The numbers or texts of a TensorProto.  Raises ValueError saying what is wrong with it."""
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    name = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in TensorProto.DataType.values() else "?"
    if name in ("?", "UNDEFINED") or tensor.HasField("segment"):
        raise ValueError(f"has no element type that is known ({tensor.data_type})")
    shape = tuple(tensor.dims)
    if len(shape) > MAX_DIMENSIONS or any(dim < 0 for dim in shape) or prod(shape) > MAX_TENSOR_ELEMENTS:
        raise ValueError(f"has the shape {list(shape)[:8]}; expected at most {MAX_TENSOR_ELEMENTS:,} elements")
    count = prod(shape)
    if name == "STRING":
        if len(tensor.string_data) != count:
            raise ValueError(f"has {len(tensor.string_data)} texts; its shape {list(shape)} needs {count}")
        texts = [text.decode("utf-8") for text in tensor.string_data]
        return np.array(texts, dtype=object).reshape(shape)
    dtype = np.dtype(np.uint16) if name == "BFLOAT16" else np.dtype(tensor_dtype_to_np_dtype(tensor.data_type))
    if dtype.kind not in "fiub" or name.startswith(("FLOAT8", "FLOAT4", "INT4", "UINT4", "INT2", "UINT2")):
        raise ValueError(f"is of {name}; expected floats, whole numbers, truth values or texts")
    if tensor.data_location == TensorProto.EXTERNAL:
        raw = _external(tensor, folder, count * dtype.itemsize)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        return _widen(_typed(tensor, name, count, dtype), name).reshape(shape)
    if len(raw) != count * dtype.itemsize:
        raise ValueError(f"has {len(raw):,} bytes; its shape {list(shape)} of {name} needs {count * dtype.itemsize:,}")
    little = np.frombuffer(raw, dtype=dtype.newbyteorder("<"))
    return _widen(little.astype(dtype, copy=False), name).reshape(shape)


def _typed(tensor: Any, name: str, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """From the fields that hold numbers one by one."""
    field = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data"}.get(name)
    field = field or ("uint64_data" if name in ("UINT32", "UINT64") else "int32_data")
    values = getattr(tensor, field)
    if len(values) != count:
        raise ValueError(f"has {len(values)} numbers; its shape {list(tensor.dims)} needs {count}")
    array = np.array(values, dtype=np.float32 if name == "FLOAT" else np.float64 if name == "DOUBLE" else None)
    if name == "FLOAT16":  # its bits, as whole numbers
        return array.astype(np.uint16).view(np.float16)
    return array.astype(dtype)


def _widen(array: NDArray[Any], name: str) -> NDArray[Any]:
    """bfloat16 is the upper half of a float32."""
    return (array.astype(np.uint32) << 16).view(np.float32) if name == "BFLOAT16" else array


def _external(tensor: Any, folder: Path, needed: int) -> bytes:
    """The tensor's bytes in a file beside the model."""
    where = {entry.key: entry.value for entry in tensor.external_data}
    location = where.get("location", "")
    root = folder.resolve()
    relative = Path(location)
    if not location or "\0" in location or relative.is_absolute() or ".." in relative.parts or "\\" in location:
        raise ValueError(f"lies in {location[:200]!r}; expected a file within the model's own folder")
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"lies in {location!r}, which leads out of the model's folder")
    if not path.is_file():
        raise ValueError(f"lies in {location!r}, and there is no such file beside the model; put it there")
    try:
        offset, length = int(where.get("offset", "0")), int(where.get("length", str(needed)))
    except ValueError:
        raise ValueError(f"its offset and length in {location!r} must be whole numbers") from None
    size = path.stat().st_size
    if offset < 0 or length != needed or offset + length > size:
        raise ValueError(
            f"is said to be {length:,} bytes at {offset:,} of {location!r}, which has {size:,}; "
            f"its shape needs {needed:,}"
        )
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(needed)
