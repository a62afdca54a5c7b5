"""Looks through an HDF5 file's global heaps, where its texts lie, before the HDF5 library does.

The library walks from object to object by their sizes, and a size of 0 for free space keeps it in place for ever.
"""

import mmap
from pathlib import Path

from ..problems import ImportRefusedError

_SIGNATURE = b"GCOL\x01\0\0\0"  # the version and three bytes that are 0
_HEADER = 16  # bytes, of a heap and of each object: index 2, references 2, unused 4, size 8


def check_heaps(source: Path | bytes, name: str) -> None:
    """Raises ImportRefusedError naming the file `name` if a heap's sizes lead nowhere."""
    if isinstance(source, bytes):
        _check(source, name)
    elif source.stat().st_size > 0:
        with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check(content, name)


def _check(content: bytes | mmap.mmap, name: str) -> None:
    heap = content.find(_SIGNATURE)
    while heap >= 0:
        end = heap + int.from_bytes(content[heap + 8 : heap + _HEADER], "little")
        at = heap + _HEADER
        while at + _HEADER <= min(end, len(content)):
            size = int.from_bytes(content[at + 8 : at + _HEADER], "little")
            is_free = content[at : at + 2] == b"\0\0"
            if is_free and size < _HEADER:
                raise ImportRefusedError(f"{name} is damaged: the texts at byte {heap} have no end; download it again")
            at += size if is_free else _HEADER + (size + 7) // 8 * 8
        heap = content.find(_SIGNATURE, heap + len(_SIGNATURE))
