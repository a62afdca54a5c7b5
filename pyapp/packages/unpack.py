"""A model package that comes as a zip file: its three files, flat or in one folder, and nothing else."""

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

FILES = ("model.json", "weights.safetensors", "samples.jsonl")


class UnpackError(ValueError):
    """It is no package; the message says what is wrong and what was expected."""


def unpack(file: IO[bytes], folder: Path, max_bytes: int) -> None:
    """Writes the files into `folder`, which exists and is empty.  Raises UnpackError.

    Names are compared with those known, so that no path leads elsewhere; at most `max_bytes` are written, whatever the
    zip file says of itself.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            if sum(member.file_size for member in members.values()) > max_bytes:
                raise UnpackError(f"the files are larger than {max_bytes} bytes together")
            left = max_bytes
            for name, member in members.items():
                with archive.open(member) as source, (folder / name).open("xb") as target:
                    left -= _copy(source, target, left)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnpackError(f"the body is no zip file of a package: {error}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The package's files by name."""
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir():
            continue
        if len(path.parts) > 2 or path.name not in FILES or path.name in found:
            raise UnpackError(f"{member.filename!r} is in the zip file; expected {', '.join(FILES)}, once each")
        folders.add(path.parent)
        found[path.name] = member
    missing = [name for name in FILES[:2] if name not in found]
    if missing:
        raise UnpackError(f"{missing[0]} is missing in the zip file; expected {', '.join(FILES)}")
    if len(folders) > 1:
        raise UnpackError("the files are in several folders; expected one, or none")
    return found


def _copy(source: IO[bytes], target: IO[bytes], left: int) -> int:
    """Bytes copied; a member may be longer than it says."""
    shutil.copyfileobj(_Bounded(source, left), target)
    return target.tell()


class _Bounded:
    def __init__(self, source: IO[bytes], left: int) -> None:
        self._source, self._left = source, left

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size if size > 0 else 1 << 20)
        self._left -= len(piece)
        if self._left < 0:
            raise UnpackError("the files are longer than the zip file says")
        return piece
