"""Computes the parts of a graph that do not depend on what is sent: shapes, reshaped weights, small arithmetic.

Only what exporters leave in their files, in numpy; the size of each result is known before it is made.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .load import MAX_TENSOR_ELEMENTS
from .node import Node
from .values import RefusedError

Array = NDArray[Any]


def fold(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """The outputs of a node whose inputs are all constant.  Raises RefusedError."""
    found = _FOLDS.get(node.op)
    if found is None or node.domain:
        raise RefusedError("computes a constant in a way that is not known here; simplify the file, as with onnxsim")
    try:
        with np.errstate(all="ignore"):
            result = found(node, *inputs)
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise RefusedError(f"its constants do not fit together: {error}") from error
    results = result if isinstance(result, list) else [result]
    return [np.asarray(array) for array in results]


def can_fold(op: str) -> bool:
    """Is there a rule for it?"""
    return op in _FOLDS


def _limited(shape: Sequence[int]) -> tuple[int, ...]:
    whole = tuple(int(dim) for dim in shape)
    if any(dim < 0 for dim in whole) or prod(whole) > MAX_TENSOR_ELEMENTS or len(whole) > 32:
        raise RefusedError(f"makes a constant of the shape {list(whole)[:8]}, which is too large")
    return whole


def _elementwise(function: Callable[..., Array]) -> Callable[..., Array]:
    def rule(node: Node, *inputs: Array) -> Array:
        _limited(np.broadcast_shapes(*(array.shape for array in inputs)))
        if node.opset < 7 and len(inputs) == 2:
            inputs = (inputs[0], node.aligned(inputs[1], inputs[0].ndim))
        result = np.asarray(function(*inputs))
        floats = [array.dtype for array in inputs if array.dtype.kind == "f"]
        return result.astype(floats[0]) if floats and result.dtype.kind == "f" else result

    return rule


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise RefusedError("divides whole numbers by 0")
    return np.asarray(np.trunc(a / b).astype(a.dtype)) if a.dtype.kind == "i" else a // b


def _axes(node: Node, given: Array | None) -> list[int] | None:
    axes = given.reshape(-1).tolist() if given is not None else node.attribute("axes")
    return None if axes is None else [int(axis) for axis in axes]


def _reshape(node: Node, data: Array, shape: Array | None = None) -> Array:
    target = [int(dim) for dim in (shape.tolist() if shape is not None else node.attribute("shape", []))]
    if not node.attribute("allowzero", 0):
        target = [data.shape[i] if dim == 0 else dim for i, dim in enumerate(target)]
    return data.reshape(target)


def _squeeze(node: Node, data: Array, axes: Array | None = None) -> Array:
    where = _axes(node, axes)
    return np.squeeze(data, None if where is None else tuple(where))


def _unsqueeze(node: Node, data: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(data, tuple(_axes(node, axes) or ()))


def _transpose(node: Node, data: Array) -> Array:
    return np.transpose(data, node.attribute("perm"))


def _flatten(node: Node, data: Array) -> Array:
    axis = node.attribute("axis", 1)
    axis = axis + data.ndim if axis < 0 else axis
    return data.reshape(prod(data.shape[:axis]), -1)


def _cast(node: Node, data: Array) -> Array:
    return data.astype(node.cast_dtype())


def _concat(node: Node, *inputs: Array) -> Array:
    _limited([sum(array.size for array in inputs)])
    return np.concatenate(inputs, node.attribute("axis", 1))


def _gather(node: Node, data: Array, indices: Array) -> Array:
    axis = node.attribute("axis", 0)
    _limited([data.size // max(1, data.shape[axis]) * indices.size])
    return np.take(data, indices.astype(np.int64), axis)


def _slice(node: Node, data: Array, *more: Array | None) -> Array:
    return data[slices(node, data.shape, more)]


def slices(node: Node, shape: Sequence[int], more: Sequence[Array | None]) -> tuple[slice, ...]:
    """Of a Slice node over a tensor of that shape; `more`: its inputs after the first."""
    given = [None if array is None else [int(number) for number in array.reshape(-1)] for array in more]
    starts, ends, axes, steps = [*given, None, None, None, None][:4]
    if starts is None or ends is None:
        starts, ends, axes = node.attribute("starts", []), node.attribute("ends", []), node.attribute("axes")
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    result = [slice(None)] * len(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0 or not -len(shape) <= axis < len(shape):
            raise RefusedError(f"slices axis {axis} with step {step} of a tensor with {len(shape)} axes")
        stop: int | None = end
        if step < 0 and end < -shape[axis]:
            stop = None  # down to the first one
        result[axis] = slice(start, stop, step)
    return tuple(result)


def _expand(node: Node, data: Array, shape: Array) -> Array:
    target = np.broadcast_shapes(data.shape, tuple(int(dim) for dim in shape))
    return np.broadcast_to(data, _limited(target)).copy()


def _tile(node: Node, data: Array, repeats: Array) -> Array:
    _limited([int(a) * int(b) for a, b in zip(data.shape, repeats, strict=True)])
    return np.tile(data, tuple(int(number) for number in repeats))


def _constant_of_shape(node: Node, shape: Array) -> Array:
    value = node.attribute("value")
    fill = np.zeros(1, np.float32) if value is None else node.array(value)
    return np.full(_limited(shape.tolist()), fill.reshape(-1)[0], dtype=fill.dtype)


def _range(node: Node, start: Array, limit: Array, delta: Array) -> Array:
    a, b, c = start.item(), limit.item(), delta.item()
    if c == 0:
        raise RefusedError("counts in steps of 0")
    _limited([max(0, int((b - a) / c) + 1)])
    return np.arange(a, b, c, dtype=start.dtype)


def _split(node: Node, data: Array, sizes: Array | None = None) -> list[Array]:
    axis = node.attribute("axis", 0)
    return list(np.split(data, np.cumsum(split_sizes(node, data.shape[axis], sizes))[:-1], axis))


def split_sizes(node: Node, length: int, given: Array | None) -> list[int]:
    """How a Split node cuts an axis of that length."""
    sizes = given.reshape(-1).tolist() if given is not None else node.attribute("split")
    if sizes is None:
        count = node.attribute("num_outputs", node.output_count)
        each = -(-length // count)
        sizes = [each] * (count - 1) + [length - each * (count - 1)]
    whole = [int(size) for size in sizes]
    if any(size < 0 for size in whole) or sum(whole) != length:
        raise RefusedError(f"splits {length} numbers into {whole[:20]}")
    return whole


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def rule(node: Node, data: Array, axes: Array | None = None) -> Array:
        where = _axes(node, axes)
        if not where and node.attribute("noop_with_empty_axes", 0):
            return data
        keep = bool(node.attribute("keepdims", 1))
        return np.asarray(function(data, axis=tuple(where) if where else None, keepdims=keep))

    return rule


def _clip(node: Node, data: Array, low: Array | None = None, high: Array | None = None) -> Array:
    least = node.attribute("min") if low is None else low
    most = node.attribute("max") if high is None else high
    return data if least is None and most is None else np.clip(data, least, most)


def _matmul(node: Node, a: Array, b: Array) -> Array:
    _limited([a.size // max(1, a.shape[-1]) * (b.size // max(1, b.shape[-2] if b.ndim > 1 else b.shape[0]))])
    return np.asarray(np.matmul(a, b))


def _where(node: Node, condition: Array, a: Array, b: Array) -> Array:
    _limited(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition, a, b)


def _constant(node: Node) -> Array:
    value = node.attribute("value")
    if value is not None:
        return node.array(value)
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
                        ("value_ints", np.int64), ("value_string", object), ("value_strings", object)):  # fmt: skip
        if node.has(name):
            return np.array(node.attribute(name), dtype=dtype)
    raise RefusedError("holds no tensor that is served; expected a dense one")


def _shape(node: Node, data: Array) -> Array:
    return np.array(data.shape[node.attribute("start", 0) : node.attribute("end")], dtype=np.int64)


_FOLDS: dict[str, Callable[..., Array | list[Array]]] = {
    "Constant": _constant,
    "Identity": lambda node, data: data,
    "Dropout": lambda node, data, *_: [data] * node.output_count,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Flatten": _flatten,
    "Cast": _cast,
    "CastLike": lambda node, data, like: data.astype(like.dtype),
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Split": _split,
    "Expand": _expand,
    "Tile": _tile,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Shape": _shape,
    "Size": lambda node, data: np.array(data.size, dtype=np.int64),
    "MatMul": _matmul,
    "Where": _where,
    "Clip": _clip,
    "ReduceSum": _reduction(np.sum),
    "ReduceMean": _reduction(np.mean),
    "ReduceMax": _reduction(np.max),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(_divide),
    "Mod": _elementwise(np.mod),
    "Pow": _elementwise(np.power),
    "Max": _elementwise(lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays))),
    "Min": _elementwise(lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays))),
    "Sum": _elementwise(lambda *arrays: np.add.reduce(np.broadcast_arrays(*arrays))),
    "Neg": _elementwise(np.negative),
    "Abs": _elementwise(np.abs),
    "Sqrt": _elementwise(np.sqrt),
    "Exp": _elementwise(np.exp),
    "Log": _elementwise(np.log),
    "Floor": _elementwise(np.floor),
    "Ceil": _elementwise(np.ceil),
    "Reciprocal": _elementwise(np.reciprocal),
    "Equal": _elementwise(np.equal),
    "Greater": _elementwise(np.greater),
    "Less": _elementwise(np.less),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "Not": _elementwise(np.logical_not),
}
