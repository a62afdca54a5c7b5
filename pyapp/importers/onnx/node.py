"""One node of the graph as rules see it: attributes with checked kinds, its opset, its place in words."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .load import array_of
from .values import RefusedError

STANDARD, ML = "", "ai.onnx.ml"


class Node:
    """Wraps a NodeProto."""

    def __init__(self, proto: Any, index: int, opset: int, folder: Path) -> None:
        """`index`: its place in the file; `opset`: the version of its domain that the file imports."""
        self.proto = proto
        self.op = str(proto.op_type)
        self.domain = "" if proto.domain == "ai.onnx" else str(proto.domain)
        self.opset = opset
        self.index = index
        self.inputs = [str(name) for name in proto.input]
        self.outputs = [str(name) for name in proto.output]
        self._folder = folder
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}

    @property
    def place(self) -> str:
        """As messages name it."""
        kind = f"{self.domain}.{self.op}" if self.domain else self.op
        named = f" {self.proto.name[:200]!r}" if self.proto.name else ""
        made = f", output {self.outputs[0][:200]!r}" if self.outputs and not named else ""
        return f"node {self.index} ({kind}{named}{made})"

    @property
    def name(self) -> str:
        """For the layer that it becomes."""
        return (self.proto.name or (self.outputs[0] if self.outputs else "") or self.op)[:200]

    @property
    def output_count(self) -> int:
        """How many outputs the file names."""
        return len(self.outputs)

    def has(self, name: str) -> bool:
        """Is the attribute there?"""
        return name in self._attributes

    def attribute(self, name: str, default: Any = None) -> Any:
        """A number, a text, a list of them, or a TensorProto."""
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        from onnx import AttributeProto
        from onnx.helper import get_attribute_value

        if attribute.ref_attr_name or attribute.type not in _KINDS(AttributeProto):
            raise RefusedError(f"its attribute {name} is of a kind that is not served")
        value = get_attribute_value(attribute)
        expected = type(default[0]) if isinstance(default, (list, tuple)) and default else type(default)
        if attribute.type == AttributeProto.STRING:
            return _text(value)
        if attribute.type == AttributeProto.STRINGS:
            return [_text(text) for text in value]
        if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS):
            return list(value)
        if isinstance(default, (int, float)) and not isinstance(value, (int, float)):
            raise RefusedError(f"its attribute {name} must be of type {expected.__name__}")
        return value

    def array(self, tensor: Any) -> NDArray[Any]:
        """Of an attribute that is a TensorProto."""
        try:
            return array_of(tensor, self._folder)
        except (ValueError, OSError) as error:
            raise RefusedError(f"its tensor {error}") from error

    def cast_dtype(self) -> np.dtype[Any]:
        """Where a Cast goes.  Raises RefusedError for types of less than a byte and the like."""
        from onnx import TensorProto
        from onnx.helper import tensor_dtype_to_np_dtype

        to = self.attribute("to")
        if isinstance(to, str):  # before opset 6
            to = TensorProto.DataType.Value(to) if to in TensorProto.DataType.keys() else 0  # noqa: SIM118
        if to == TensorProto.STRING:
            return np.dtype(object)
        if to == TensorProto.BFLOAT16:
            return np.dtype(np.float32)
        if to not in TensorProto.DataType.values() or to == 0:
            raise RefusedError(f"casts to a type that is not known ({to})")
        dtype = np.dtype(tensor_dtype_to_np_dtype(to))
        if dtype.kind not in "fiub":
            raise RefusedError(f"casts to {TensorProto.DataType.Name(to)}, which is not served")
        return dtype

    def aligned(self, array: NDArray[Any], rank: int) -> NDArray[Any]:
        """A second operand as opsets before 7 broadcast it: from `axis` on, instead of at the end."""
        if self.opset < 7 and self.attribute("broadcast", 0) and self.has("axis"):
            axis = self.attribute("axis", 0)
            axis = axis + rank if axis < 0 else axis
            return array.reshape(array.shape + (1,) * max(0, rank - axis - array.ndim))
        return array


def _text(value: bytes | str) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError as error:
        raise RefusedError(f"holds a text that is no UTF-8: {error}") from error


def _KINDS(kinds: Any) -> tuple[int, ...]:  # noqa: N802
    return (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.TENSOR, kinds.FLOATS, kinds.INTS, kinds.STRINGS)
