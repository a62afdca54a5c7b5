"""The zip archives of torch.save, since torch 1.6: a pickle, and a file for each storage."""

import struct
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from . import pickles
from .rebuild import CALLS, persistent_id
from .tensors import FormatError, Storage

MAX_PICKLE_BYTES = 64 << 20
SAVE_THE_STATE_DICT = "save the state_dict instead: torch.save(model.state_dict(), 'model.pt')"
EXPORT_TO_ONNX = "or export to ONNX: torch.onnx.export(model, (example_row,), 'model.onnx')"


_BROKEN = (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, RuntimeError, ValueError, struct.error)


class _Archive:
    """Stays open for as long as a storage may have to be read."""

    def __init__(self, path: Path) -> None:
        self._file_size = path.stat().st_size
        try:
            self._zip = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise FormatError(f"its zip archive is broken or cut short ({error}); copy it again") from error
        self._entries = {entry.filename: entry for entry in self._zip.infolist()}
        self.storage = cache(self._storage)  # tied weights share one
        self._root = self._find_root()
        order = bytes(self.read("byteorder", 16)).strip() if f"{self._root}byteorder" in self._entries else b"little"
        if order not in (b"little", b"big"):
            raise FormatError(f"its byteorder is {order!r}; expected little or big")
        self._byte_order = "<" if order == b"little" else ">"

    def _find_root(self) -> str:
        """The folder that all lies in, as "archive/"."""
        tops = {name.split("/", 1)[1] for name in self._entries if "/" in name}
        if {"constants.pkl", "bytecode.pkl"} & tops or any(name.startswith("code/") for name in tops):
            raise FormatError(
                "this is a TorchScript archive, and its code is not run; "
                f"load it with torch.jit.load and {SAVE_THE_STATE_DICT}, {EXPORT_TO_ONNX}"
            )
        if "archive_format" in tops or any("exported_program" in name for name in self._entries):
            raise FormatError(f"this is a program of torch.export; {SAVE_THE_STATE_DICT}, {EXPORT_TO_ONNX}")
        roots = [name.removesuffix("data.pkl") for name in self._entries if name.split("/")[-1] == "data.pkl"]
        if not roots:
            raise FormatError("a zip archive without data.pkl, so not one of torch.save")
        return min(roots, key=len)

    def read(self, name: str, limit: int) -> memoryview:
        """A file's bytes.  torch compresses nothing, so no file can have more bytes than the archive."""
        entry = self._entries.get(self._root + name)
        if entry is None:
            raise FormatError(f"its archive lacks {name}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > min(limit, self._file_size):
            raise FormatError(f"{name} in its archive is compressed or too large; torch.save writes no such")
        try:
            return memoryview(self._zip.read(entry))
        except _BROKEN as error:
            raise FormatError(f"{name} in its archive is broken ({error}); copy the file again") from error

    def _storage(self, dtype: str, key: str, count: int) -> Storage:
        content = cache(lambda: self.read(f"data/{key}", self._file_size))
        return Storage(dtype, count, content, self._byte_order)


def read_zip(path: Path) -> Any:
    """What torch.save stored, with `Tensor`s in it.  Raises FormatError, also for TorchScript and exported programs."""
    archive = _Archive(path)

    def persistent(value: Any) -> Storage:
        dtype, key, count, _ = persistent_id(value)
        return archive.storage(dtype, key, count)

    return pickles.load(BytesIO(archive.read("data.pkl", MAX_PICKLE_BYTES)), CALLS, persistent)
