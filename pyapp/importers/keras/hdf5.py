"""Reads HDF5 files from strangers: nothing outside the file, nothing larger than the file has any right to hold.

HDF5 can point to other files (external links, external storage, virtual data sets), go round in circles (soft links),
and declare shapes that a few bytes fill up with zeros.  Keras writes none of these, so all are refused.
"""

from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems import ImportRefusedError
from .heaps import check_heaps

EXPANSION = 100
"""How many times as many bytes as the file has may be read from it; compressed weights are half their size or so."""
ALWAYS = 1 << 24
"""Bytes that may always be read, however small the file."""
MAX_NAMES = 1 << 16
"""Entries of an attribute that lists names."""

Group = Any


class Hdf5:
    """One open file.  Paths are those of HDF5 ("layers/dense/vars/0"); every error is an ImportRefusedError."""

    def __init__(self, source: Path | bytes, name: str) -> None:
        """`name`: what messages call the file."""
        self._name = name
        self._h5py = h5py()
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        self._budget = size * EXPANSION + ALWAYS
        check_heaps(source, name)
        try:
            self.root: Group = self._h5py.File(BytesIO(source) if isinstance(source, bytes) else source, "r")
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise ImportRefusedError(
                f"{name} is damaged or cut short: {_first_line(error)}; copy or download it again"
            ) from error

    def close(self) -> None:
        """Afterwards nothing can be read."""
        self.root.close()

    def group(self, group: Group, path: str) -> Group | None:
        """The group there; None if there is none."""
        found = self._find(group, path)
        return found if isinstance(found, self._h5py.Group) else None

    def names(self, group: Group) -> list[str]:
        """Of what the group holds, in the file's order."""
        try:
            if len(group) > MAX_NAMES:
                raise ImportRefusedError(f"{self._name}: {group.name} holds {len(group)} things; expected a model")
            return [str(name) for name in group]
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(group.name, error) from error

    def arrays(self, group: Group) -> Iterator[tuple[str, Any]]:
        """The data sets directly in the group, by name; `read` gives their numbers."""
        for name in self.names(group):
            found = self._find(group, name)
            if isinstance(found, self._h5py.Dataset):
                yield name, found

    def array(self, group: Group, path: str) -> Any:
        """The data set there, for `read`."""
        found = self._find(group, path)
        if not isinstance(found, self._h5py.Dataset):
            raise ImportRefusedError(f"{self._name} is damaged: there are no numbers at {group.name}/{path}")
        return found

    def read(self, dataset: Any) -> NDArray[Any]:
        """Its numbers: float16, float32, float64 as they are, bfloat16 as float32, integers as int64."""
        where = f"{self._name}: {dataset.name}"
        try:
            if dataset.external or dataset.is_virtual:
                raise ImportRefusedError(f"{where} lies in another file; expected all weights in this one")
            kind, shape, size = dataset.dtype, dataset.shape, dataset.size
            bfloat16 = kind.itemsize == 2 and kind.kind == "V" and kind.names is None  # what numpy lacks
            if shape is None or not (kind.kind in "fiub" or bfloat16) or kind.itemsize > 8:
                raise ImportRefusedError(f"{where} is of type {kind}; expected numbers")
            self._budget -= size * kind.itemsize
            stored = dataset.id.get_storage_size()
            if self._budget < 0 or size * kind.itemsize > stored * EXPANSION + 4096:
                raise ImportRefusedError(f"{where} claims to be {shape}, but the file has {stored} bytes of it")
            numbers: NDArray[Any] = np.asarray(dataset[()])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
            if isinstance(error, ImportRefusedError):
                raise
            raise self._damaged(dataset.name, error) from error
        if bfloat16:
            return (numbers.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return numbers.astype(kind.newbyteorder("=") if kind.kind == "f" else np.int64)

    def text(self, item: Any, key: str) -> str | None:
        """An attribute that is a text; None if there is no such."""
        found = self._attribute(item, key)
        if isinstance(found, bytes | np.bytes_):
            return bytes(found).decode("utf-8", "replace")
        return str(found) if isinstance(found, str) else None

    def texts(self, group: Group, key: str) -> list[str] | None:
        """An attribute that lists names, which Keras cuts into key0, key1 … if it is long; None if there is none."""
        found = self._attribute(group, key)
        if found is not None:
            return self._names_of(found, group, key)
        parts: list[str] = []
        for i in range(MAX_NAMES):
            part = self._attribute(group, f"{key}{i}")
            if part is None:
                return parts if i > 0 else None
            parts += self._names_of(part, group, key)
        raise ImportRefusedError(f"{self._name}: {group.name} has too many {key}")

    def _names_of(self, value: Any, group: Group, key: str) -> list[str]:
        if not isinstance(value, np.ndarray | list | tuple) or (isinstance(value, np.ndarray) and value.ndim != 1):
            raise ImportRefusedError(f"{self._name} is damaged: {key} of {group.name} is no list of names")
        items = value.tolist() if isinstance(value, np.ndarray) else list(value)
        if len(items) == 0:
            return []
        if not all(isinstance(item, bytes | str) for item in items):
            raise ImportRefusedError(f"{self._name} is damaged: {key} of {group.name} is no list of names")
        return [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in items]

    def _attribute(self, item: Any, key: str) -> Any:
        try:
            if key not in item.attrs:
                return None
            shape = item.attrs.get_id(key).shape
            if shape is not None and np.prod(shape, dtype=np.float64) > MAX_NAMES:
                raise ImportRefusedError(f"{self._name}: {key} of {item.name} has {shape} entries; expected a model")
            found = item.attrs[key]
            return [] if isinstance(found, self._h5py.Empty) else found
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
            if isinstance(error, ImportRefusedError):
                raise
            raise self._damaged(item.name, error) from error

    def _find(self, group: Group, path: str) -> Any:
        """What lies at the path, by hard links only; None if nothing does."""
        for part in path.split("/"):
            if part in ("", "."):
                continue
            if not isinstance(group, self._h5py.Group):
                return None
            try:
                link = group.get(part, getlink=True)
                if link is None:
                    return None
                if not isinstance(link, self._h5py.HardLink):
                    raise ImportRefusedError(
                        f"{self._name}: {group.name.rstrip('/')}/{part} is a link to somewhere else; "
                        "expected all weights in this file"
                    )
                group = group[part]
            except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                if isinstance(error, ImportRefusedError):
                    raise
                raise self._damaged(f"{group.name}/{part}", error) from error
        return group

    def _damaged(self, place: str, error: BaseException) -> ImportRefusedError:
        return ImportRefusedError(f"{self._name} is damaged at {place}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0] or type(error).__name__


def h5py() -> Any:
    """The module; ModuleNotFoundError says how to install it."""
    try:
        return import_module("h5py")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"reading a Keras model needs {error.name}: pip install 'flask-serving[import]'", name=error.name
        ) from error
