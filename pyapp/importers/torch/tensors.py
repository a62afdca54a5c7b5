"""Tensors as they lie in a file: shape and type are known, the numbers are read when a layer needs them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_NUMBER = 1 << 48
"""No size, stride or offset is as large."""

MAX_REPEATED = 1 << 24
"""Numbers in a tensor that is larger than its storage, as a view may repeat one number any number of times."""

_NUMPY = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "u2",  # the upper half of a float32
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint64": "u8",
    "uint32": "u4",
    "uint16": "u2",
    "uint8": "u1",
    "bool": "u1",
}


class FormatError(ValueError):
    """The file is broken, or holds what a file of tensors doesn't."""


def width(dtype: str) -> int:
    """Bytes of one number; 1 for a type that numpy lacks, whose tensors are not read."""
    return np.dtype(_NUMPY.get(dtype, "u1")).itemsize


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers of one type in the file."""

    dtype: str
    """torch's name of it: "float32", "bfloat16" …"""
    count: int
    read: Callable[[], memoryview]
    """All of its bytes."""
    byte_order: str = "<"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In numbers, not bytes."""

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    def array(self) -> NDArray[Any]:
        """The numbers, contiguous and in the machine's order; bfloat16 becomes float32.  Raises FormatError."""
        storage = self.storage
        if storage.dtype not in _NUMPY:
            raise FormatError(f"a tensor of {storage.dtype}; expected one of {', '.join(_NUMPY)}: save it as float32")
        dtype = np.dtype(storage.byte_order + _NUMPY[storage.dtype])
        data = storage.read()
        if len(data) < storage.count * dtype.itemsize:
            raise FormatError(f"a storage has {len(data)} bytes; expected {storage.count} numbers of {storage.dtype}")
        numbers = np.frombuffer(data, dtype, storage.count)
        byte_strides = [stride * dtype.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, byte_strides, writeable=False)
        array = np.ascontiguousarray(view, dtype.newbyteorder("=")).reshape(self.shape)
        if storage.dtype == "bfloat16":
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array


def view(storage: Storage, offset: Any, shape: Any, strides: Any) -> Tensor:
    """The tensor, if all of its numbers lie within the storage; nothing is read yet.  Raises FormatError."""
    shape, strides = _naturals(shape), _naturals(strides)
    if type(offset) is not int or not 0 <= offset < MAX_NUMBER or len(shape) != len(strides) or len(shape) > 32:
        raise FormatError("a tensor with a bad offset, shape or stride")
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    size = math.prod(shape)
    if size and (last >= storage.count or size > max(storage.count, MAX_REPEATED)):
        raise FormatError(f"a tensor of shape {list(shape)} does not fit its storage of {storage.count} numbers")
    return Tensor(storage, offset if size else 0, shape, strides)


def contiguous(storage: Storage, shape: Any) -> Tensor:
    """A tensor that is its whole storage, row by row."""
    shape = _naturals(shape)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return view(storage, 0, shape, strides)


def _naturals(numbers: Any) -> tuple[int, ...]:
    if not isinstance(numbers, tuple | list) or not all(
        type(number) is int and 0 <= number < MAX_NUMBER for number in numbers
    ):
        raise FormatError("a tensor's shape or stride is no row of natural numbers")
    return tuple(numbers)
