"""What torch.save wrote before torch 1.6: pickles one after another, and then the storages."""

from io import BytesIO
from pathlib import Path
from typing import Any

from . import pickles
from .rebuild import CALLS, persistent_id
from .tensors import FormatError, Storage, width

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


def begins_legacy(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") and (
        MAGIC.to_bytes(10, "little") in head[:32]
    )


def read_legacy(path: Path) -> Any:
    """What torch.save stored, with `Tensor`s in it.  Raises FormatError."""
    data = path.read_bytes()
    file = BytesIO(data)
    magic, protocol, system = (pickles.load(file, {}, lambda value: value) for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL or not isinstance(system, dict):
        raise FormatError("it begins as an old file of torch.save, and goes on otherwise")
    byte_order = "<" if system.get("little_endian", True) else ">"
    places: dict[str, tuple[int, int]] = {}  # where the bytes of a storage begin, and how many numbers it has

    def persistent(value: Any) -> Any:
        if isinstance(value, tuple) and value[:1] == ("module",):  # a class with its source text
            return value[1] if len(value) > 1 else None
        dtype, key, count, part = persistent_id(value)
        start = 0
        if part is not None:  # a storage that is a part of the one that lies in the file
            _, start, count = part
            if type(start) is not int or type(count) is not int or min(start, count) < 0:
                raise FormatError("a storage is a bad part of another")

        def read() -> memoryview:
            if key not in places:
                raise FormatError(f"it lacks the storage {key}")
            offset, numbers = places[key]
            first, last = (offset + number * width(dtype) for number in (start, numbers))
            return memoryview(data)[first:last]

        return Storage(dtype, count, read, byte_order)

    widths: dict[str, int] = {}

    def noting(value: Any) -> Any:
        storage = persistent(value)
        if isinstance(storage, Storage):
            if storage.dtype.lower() != storage.dtype:  # as ComplexFloat: what follows it could not be found
                raise FormatError(f"it holds numbers of type {storage.dtype}; save them as float32")
            widths[value[2]] = width(storage.dtype)
        return storage

    saved = pickles.load(file, CALLS, noting)
    keys = pickles.load(file, {}, lambda value: value)
    position = file.tell()
    for key in keys if isinstance(keys, list) else ():
        if not isinstance(key, str) or key not in widths:
            raise FormatError("it holds a storage that nothing uses")
        count = int.from_bytes(data[position : position + 8], "little" if byte_order == "<" else "big")
        places[key] = (position + 8, count)
        position += 8 + count * widths[key]
        if position > len(data):
            raise FormatError("it is cut short; copy it again")
    return saved
