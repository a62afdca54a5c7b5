"""Safetensors: a header in JSON, then the numbers.  The order of its tensors means nothing."""

import json
import mmap
from pathlib import Path
from typing import Any

from .tensors import FormatError, Storage, Tensor, contiguous, width

MAX_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}


def begins_safetensors(head: bytes, file_size: int) -> bool:
    """Whether a file of that size that begins so is one."""
    return head[8:9] == b"{" and 8 < 8 + int.from_bytes(head[:8], "little") <= file_size


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name, and the texts under __metadata__.  Raises FormatError."""
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise FormatError(
            f"its header has {length} bytes, and the file {len(data)}; it is cut short, or no safetensors"
        )
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise FormatError("its header is no JSON object")
    metadata = header.pop("__metadata__", None)
    body = data[8 + length :]
    tensors = {name: _tensor(name, entry, body) for name, entry in header.items()}
    return tensors, metadata if isinstance(metadata, dict) else {}


def _tensor(name: str, entry: Any, body: memoryview) -> Tensor:
    try:
        kind, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        dtype = _DTYPES.get(kind, str(kind))
        if not all(type(number) is int for number in (start, end)) or not 0 <= start <= end <= len(body):
            raise FormatError(f"it is cut short: {len(body)} bytes of numbers; data_offsets are {start} to {end}")
        part = body[start:end]
        if kind not in _DTYPES:  # said where a layer needs it
            return Tensor(Storage(dtype, 0, lambda: part), 0, tuple(shape), (0,) * len(shape))
        tensor = contiguous(Storage(dtype, (end - start) // width(dtype), lambda: part), shape)
        if tensor.size * width(dtype) != end - start:
            raise FormatError(f"shape {shape} of {kind}; data_offsets span {end - start} bytes")
        return tensor
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"its tensor {name}: {error if isinstance(error, FormatError) else 'a broken entry'}"
        ) from None
