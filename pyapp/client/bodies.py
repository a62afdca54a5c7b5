"""What a person has in hand (rows, arrays, tables, texts, pictures), as bodies of /classify."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SUFFIXES = {".csv": "text/csv", ".txt": "text/plain", ".json": "application/json"}

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}

Body = tuple[str, bytes]
"""Content type and bytes."""


def bodies(data: Any) -> list[Body]:
    """The requests that ask for all of it: one, or one for each picture of a list.

    Raises TypeError or ValueError for what JSON can't hold, OSError for a file that can't be read.
    """
    if _is_file(data):
        return [_of_file(data)]
    if isinstance(data, Sequence) and not isinstance(data, str) and len(data) and all(map(_is_file, data)):
        return [_of_file(item) for item in data]
    return [("application/json", json.dumps(plain(data), ensure_ascii=False).encode())]


def plain(data: Any) -> Any:
    """Lists, objects, numbers and texts of what numpy, pandas and the like hold; they need not be installed."""
    if isinstance(data, (str, int, float, bool, type(None))):
        return data
    if isinstance(data, dict):
        return {str(name): plain(value) for name, value in data.items()}
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # a pandas table; its missing values are null
        return [{str(name): _known(value) for name, value in row.items()} for row in data.to_dict("records")]
    if hasattr(data, "index") and hasattr(data, "to_dict"):  # one row of it
        return {str(name): _known(value) for name, value in data.to_dict().items()}
    if hasattr(data, "tolist"):
        return data.tolist()
    if hasattr(data, "__iter__"):
        return [plain(item) for item in data]
    raise TypeError(f"{type(data).__name__} can't be sent; expected rows, an array, records, texts or pictures")


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else plain(value)


def _is_file(data: object) -> bool:
    return isinstance(data, (bytes, bytearray, memoryview, Path))


def _of_file(data: Any) -> Body:
    """Bytes are those of a picture; a file's name says what it is."""
    if not isinstance(data, Path):
        return "image/*", bytes(data)
    suffix = data.suffix.lower()
    kind = _SUFFIXES.get(suffix) or _PICTURES.get(suffix) or "image/*"
    return kind, data.read_bytes()
