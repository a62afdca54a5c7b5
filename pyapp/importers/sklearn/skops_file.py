"""Reads a .skops file as plain data: a zip of schema.json and arrays.  Nothing in it is run or imported.

schema.json is a tree of nodes {"__class__", "__module__", "__loader__", "content" …}, one for each object.  They are
read when their value is asked for; sizes are checked before memory is taken for them.
"""

import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems import ImportRefusedError
from .tree import Name, Opaque, Sparse, Thing

PROTOCOLS = (0, 1, 2)

# What may be unpacked: this much of any file, and beyond it a multiple of the file's own size (weights hardly shrink).
_FREE_BYTES = 64 << 20
_RATIO = 100

_KEYS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda key: key in ("True", "true", "1"),
}
"""JSON has strings for keys; what they were, by the type's name."""


def read_skops(path: Path) -> Any:
    """The object in the file; mostly a Thing.  Raises ImportRefusedError for what is no such file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return SkopsFile(archive, path.name, path.stat().st_size).root()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, RecursionError):
            raise ImportRefusedError(f"{path.name}: schema.json is nested too deeply") from error
        raise ImportRefusedError(
            f"{path.name} is no intact .skops file ({error}); expected what skops.io.dump writes"
        ) from error


class SkopsFile:
    """An open file.  Members are kept in memory as far as they are used, so that it may be closed after `root`."""

    def __init__(self, archive: zipfile.ZipFile, source: str, size: int) -> None:
        """`source`: its name for messages; `size`: of the whole file in bytes."""
        self._archive = archive
        self._source = source
        self._left = _FREE_BYTES + _RATIO * size
        self._members = {info.filename: info for info in archive.infolist()}
        self._bytes: dict[str, bytes] = {}

    def root(self) -> Any:
        """The object."""
        if "schema.json" not in self._members:
            raise self._refused("it has no schema.json")
        try:
            schema = json.loads(self._read("schema.json"))
        except RecursionError as error:
            raise self._refused("schema.json is nested too deeply") from error
        except ValueError as error:
            raise self._refused(f"schema.json is not JSON: {error}") from error
        if not isinstance(schema, dict):
            raise self._refused("schema.json is no object")
        protocol = schema.get("protocol")
        if isinstance(protocol, bool) or protocol not in PROTOCOLS:
            raise self._refused(
                f"its protocol is {protocol!r}; known are {', '.join(map(str, PROTOCOLS))}. "
                "Save it again with a version of skops that writes one of these"
            )
        root = self.value(schema)
        self._keep_all(schema)
        return root

    def _refused(self, reason: str) -> ImportRefusedError:
        return ImportRefusedError(f"{self._source} is no intact .skops file: {reason}")

    def _keep_all(self, node: Any) -> None:
        """Reads the members that nodes refer to, still packed away until then, once each."""
        stack = [node]
        while stack:
            node = stack.pop()
            if isinstance(node, dict):
                if isinstance(node.get("file"), str) and node.get("__loader__") in ("NdArrayNode", "SparseMatrixNode"):
                    self._read(node["file"])
                stack.extend(value for value in node.values() if isinstance(value, dict | list))
            elif isinstance(node, list):
                stack.extend(value for value in node if isinstance(value, dict | list))

    def _read(self, name: str) -> bytes:
        if name not in self._bytes:
            info = self._members.get(name)
            if info is None:
                raise self._refused(f"{name} is missing")
            if info.file_size > self._left:
                raise self._refused(
                    f"{name} would unpack to {info.file_size} bytes, far more than a model of this size can hold"
                )
            with self._archive.open(info) as member:
                content = member.read(info.file_size + 1)
            if len(content) != info.file_size:
                raise self._refused(f"{name} has not the size that the archive states")
            self._left -= len(content)
            self._bytes[name] = content
        return self._bytes[name]

    def value(self, node: Any) -> Any:
        """What a node stands for."""
        if not isinstance(node, dict) or not isinstance(loader := node.get("__loader__"), str):
            raise self._refused(f"schema.json holds {str(node)[:40]!r} where a node is expected")
        make = getattr(self, f"_{loader}", None)
        if make is None:
            return Opaque(f"{_path(node)} ({loader})")
        try:
            return make(node)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ImportRefusedError):
                raise
            raise self._refused(f"a {loader} of {_path(node)} cannot be read: {error!r}") from error

    # One method for each loader, named after it.

    def _JsonNode(self, node: dict[str, Any]) -> Any:  # noqa: N802
        return json.loads(node["content"])

    def _ListNode(self, node: dict[str, Any]) -> list[Any]:  # noqa: N802
        return [self.value(item) for item in node["content"]]

    _SetNode = _ListNode

    def _TupleNode(self, node: dict[str, Any]) -> tuple[Any, ...]:  # noqa: N802
        return tuple(self._ListNode(node))

    def _DictNode(self, node: dict[str, Any]) -> dict[Any, Any]:  # noqa: N802
        types = self.value(node["key_types"])
        kinds = [kind.short if isinstance(kind, Name) else "str" for kind in types]
        if len(kinds) != len(node["content"]):
            kinds = ["str"] * len(node["content"])
        items = zip(node["content"].items(), kinds, strict=True)
        return {_KEYS.get(kind, str)(key): self.value(item) for (key, item), kind in items}

    def _DefaultDictNode(self, node: dict[str, Any]) -> Any:  # noqa: N802
        return self.value(node["content"]["main"])

    def _SliceNode(self, node: dict[str, Any]) -> slice:  # noqa: N802
        content = node["content"]
        return slice(content["start"], content["stop"], content["step"])

    def _FunctionNode(self, node: dict[str, Any]) -> Name:  # noqa: N802
        content = node.get("content")  # protocol 0 keeps the name there
        if isinstance(content, dict):
            return Name(f"{content['module_path']}.{content['function']}")
        return Name(_path(node))

    def _TypeNode(self, node: dict[str, Any]) -> Name:  # noqa: N802
        return Name(_path(node))

    def _ObjectNode(self, node: dict[str, Any]) -> Thing:  # noqa: N802
        content = node.get("content")
        attributes: Any = {}
        if isinstance(content, dict) and content.get("__loader__") == "DictNode":
            attributes = content["content"]
        if not isinstance(attributes, dict):
            raise TypeError("its attributes are no object")
        return Thing(_path(node), attributes, self.value)

    def _NdArrayNode(self, node: dict[str, Any]) -> Any:  # noqa: N802
        if node["type"] == "json":
            return self._objects(node)
        array = self._array(node["file"])
        return array if node["__class__"] == "ndarray" else array.reshape(()).item()

    def _objects(self, node: dict[str, Any]) -> NDArray[Any]:
        shape = self.value(node["shape"])
        items = self._ListNode(node)
        for _ in shape[1:] if not node.get("flat") else ():
            items = [value for row in items for value in row]
        if len(items) != math.prod(shape):
            raise ValueError(f"{len(items)} objects for the shape {shape}")
        array = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            array[i] = item
        return array.reshape(shape)

    def _DTypeNode(self, node: dict[str, Any]) -> Any:  # noqa: N802
        content = node["content"]
        if content.get("type") != "numpy":
            return np.dtype(object)
        return self._array(content["file"]).dtype

    def _MaskedArrayNode(self, node: dict[str, Any]) -> Any:  # noqa: N802
        return self.value(node["content"]["data"])

    def _SparseMatrixNode(self, node: dict[str, Any]) -> Sparse:  # noqa: N802
        content = self._read(node["file"])
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = SkopsFile(archive, self._source, len(content))
            parts = {name.removesuffix(".npy"): inner._array(name) for name in inner._members}
        kind = parts.pop("format").item()
        rows, columns = parts.pop("shape").tolist()
        return Sparse(kind.decode() if isinstance(kind, bytes) else str(kind), (rows, columns), parts)

    def _array(self, name: str) -> NDArray[Any]:
        """A .npy member.  Its header must say just as many bytes as there are."""
        stream = io.BytesIO(self._read(name))
        try:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read_header(stream)
        except ValueError as error:
            raise self._refused(f"{name} is no .npy file: {error}") from error
        if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
            raise self._refused(f"{name} holds {dtype}; expected numbers or text")
        rest = len(self._read(name)) - stream.tell()
        if any(size < 0 for size in shape) or math.prod(shape) * dtype.itemsize != rest:
            raise self._refused(f"{name} has {rest} bytes of data; {dtype} of shape {shape} does not fit that")
        if dtype.itemsize == 0:
            return np.zeros(shape, dtype)
        array = np.frombuffer(self._read(name), dtype, offset=stream.tell())
        return array.reshape(shape, order="F" if fortran else "C")


def _path(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"
