"""Keras' layers as the engine's, but for preprocessing: dense, normalisation, merging, and what only moves numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import LAYERS, activate, row_axes
from .architecture import Layer, number
from .rows import Builder, Rows, UnservableError
from .weights import weight_names

MAX_EXPANDED = 1 << 24
"""Numbers of a kernel that is applied along the last axis of rows with several."""

Handler = Callable[[Builder, Layer, Sequence[Rows]], Rows]


def only(inputs: Sequence[Rows]) -> Rows:
    """The input of a layer that has one."""
    if len(inputs) != 1:
        raise UnservableError(f"has {len(inputs)} inputs; expected one")
    return inputs[0]


def named_weights(layer: Layer) -> dict[str, NDArray[Any]]:
    """By their usual names."""
    names = [name for name, _ in weight_names(layer)]
    if len(layer.weights) < len(names):
        raise UnservableError(
            f"the file has {len(layer.weights)} arrays of its weights; expected {len(names)}: {', '.join(names)}"
        )
    return dict(zip(names, layer.weights, strict=False))


def _dense(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    if "int" in policy(layer) or "float8" in policy(layer) or policy(layer) in ("gptq", "awq", "ternary"):
        raise UnservableError(f"is quantised ({policy(layer)}); import the model as it was before quantisation")
    weights = named_weights(layer)
    kernel, bias = weights["kernel"], weights.get("bias")
    width = rows.shape[-1] if rows.shape else 1
    units = layer.config.get("units", layer.config.get("output_dim", kernel.shape[-1]))
    if kernel.ndim != 2 or kernel.shape[1] != units or (bias is not None and bias.shape != (units,)):
        found = " and ".join(str(list(array.shape)) for array in (kernel, bias) if array is not None)
        raise UnservableError(f"its weights are {found}; expected a kernel [inputs, {units}] and a bias [{units}]")
    if kernel.shape[0] != width:
        raise UnservableError(f"it gets {width} value{'s' * (width != 1)}, but its weights want {kernel.shape[0]}")
    copies = rows.size // width
    if copies > 1:
        if kernel.size * copies * copies > MAX_EXPANDED:
            raise UnservableError(
                f"works on each of {copies} slices of a row of shape {list(rows.shape)}; put a Flatten before it"
            )
        kernel = np.kron(np.eye(copies, dtype=kernel.dtype), kernel)
        bias = None if bias is None else np.tile(bias, copies)
    read = [builder.read(part) for part in rows.parts] or [builder.read(rows)]
    made = Rows(builder.network.dense(layer.name, read, kernel, bias), (*rows.shape[:-1], int(units)))
    return activate(builder, made, layer.config.get("activation"), layer.name)


def policy(layer: Layer) -> str:
    """The name of its dtype policy: "float32", "mixed_float16" …"""
    value = layer.config.get("dtype")
    for _ in range(3):
        if isinstance(value, dict):
            inner = value.get("config", value)
            value = (inner.get("name") or inner.get("mode") or inner.get("source_name")) if inner else None
    return value if isinstance(value, str) else "float32"


def tiled(array: Any, axes: Sequence[int], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array along some axes of a row as one number for each number of the row."""
    array = np.asarray(array)
    sizes = [shape[axis] if axis in axes else 1 for axis in range(len(shape))]
    if array.size != np.prod(sizes):
        raise UnservableError(f"its weights have {array.size} numbers; its input has {sizes} along axis {list(axes)}")
    return np.broadcast_to(array.reshape(sizes), shape).reshape(-1)


def _batch_normalization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    if layer.config.get("mode", 0) != 0:
        raise UnservableError(f"has mode={layer.config['mode']}, which looks at the whole batch; expected mode=0")
    axes = row_axes(layer.config.get("axis", -1), len(rows.shape))
    keys = {"moving_mean": "mean", "moving_variance": "variance", "gamma": "gamma", "beta": "beta"}
    arrays: dict[str, Any] = {
        keys[name]: tiled(array, axes, rows.shape) for name, array in named_weights(layer).items()
    }
    epsilon = float(number(layer.config.get("epsilon"), 1e-3))
    return builder.add("batch_normalization", layer.name, [rows], rows.shape, epsilon=epsilon, **arrays)


def _layer_normalization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    if layer.config.get("rms_scaling"):
        raise UnservableError("has rms_scaling=True, which Keras gave up; use RMSNormalization")
    epsilon = float(number(layer.config.get("epsilon"), 1e-3))
    arrays = {key: array.reshape(-1) for key, array in named_weights(layer).items()}
    return _along(builder, layer, rows, "layer_normalization", epsilon=epsilon, **arrays)


def _rms_normalization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    epsilon = float(number(layer.config.get("epsilon"), 1e-7))
    gamma = named_weights(layer)["scale"].reshape(-1)
    return _along(builder, layer, only(inputs), "rms_normalization", epsilon=epsilon, gamma=gamma)


def _unit_normalization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    epsilon = 1e-12 if builder.major >= 3 else 1e-6
    return _along(builder, layer, only(inputs), "normalise", norm="l2", epsilon=epsilon)


def _along(builder: Builder, layer: Layer, rows: Rows, op: str, **parameters: Any) -> Rows:
    """An op on whole rows, along the axes of the layer."""
    axes = row_axes(layer.config.get("axis", -1), len(rows.shape))
    size = int(np.prod([rows.shape[axis] for axis in axes], dtype=np.int64))
    wrong = [key for key, value in parameters.items() if isinstance(value, np.ndarray) and value.size != size]
    if wrong:
        raise UnservableError(f"its {wrong[0]} has {parameters[wrong[0]].size} numbers; expected {size}")
    return builder.grouped(
        rows, layer.name, axes, lambda part, own: builder.add(op, own, [part], part.shape, **parameters)
    )


def _prelu(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    alpha = named_weights(layer)["alpha"]
    try:
        slope = np.broadcast_to(alpha.reshape((1,) * (len(rows.shape) - alpha.ndim) + alpha.shape), rows.shape)
    except ValueError:
        raise UnservableError(f"its alpha is {list(alpha.shape)}; its input is {list(rows.shape)}") from None
    activation = {"name": "prelu", "slope": np.ascontiguousarray(slope).reshape(-1)}
    made = builder.network.activate(builder.read(rows), activation, layer.name, fold=rows.alone)
    return Rows(made, rows.shape)


def _pass(_: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    return only(inputs)


def _flatten(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    index = np.arange(rows.size).reshape(rows.shape)
    if layer.config.get("data_format") == "channels_first" and len(rows.shape) > 1:
        index = np.moveaxis(index, 0, -1)
    return builder.select(rows, layer.name, index, (rows.size,))


def _reshape(_: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    target = layer.config.get("target_shape")
    try:
        shape = np.empty(rows.shape, np.bool_).reshape([-1 if size is None else size for size in target or ()]).shape
    except (ValueError, TypeError):
        raise UnservableError(f"makes {target} of {list(rows.shape)}, which does not fit") from None
    return replace(rows, shape=shape)


def _permute(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    dims = layer.config.get("dims")
    if not isinstance(dims, list) or sorted(dims) != list(range(1, len(rows.shape) + 1)):
        raise UnservableError(f"has dims={dims}; expected an order of the axes 1 to {len(rows.shape)}")
    index = np.arange(rows.size).reshape(rows.shape).transpose([axis - 1 for axis in dims])
    return builder.select(rows, layer.name, index, index.shape)


def _repeat_vector(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows, count = only(inputs), layer.config.get("n")
    if not isinstance(count, int) or len(rows.shape) != 1 or not 0 < count <= 1 << 16:
        raise UnservableError(f"has n={count} and an input of shape {list(rows.shape)}; expected a flat row")
    return builder.select(rows, layer.name, np.tile(np.arange(rows.size), count), (count, rows.size))


def _cropping(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    cropping = layer.config.get("cropping")
    pairs = [cropping] if layer.kind == "Cropping1D" else cropping
    first = 1 if layer.config.get("data_format") == "channels_first" else 0
    try:
        cuts = [slice(None)] * first + [
            slice(before, size - after)
            for (before, after), size in zip(pairs, rows.shape[first:], strict=False)  # type: ignore[arg-type]
        ]
    except (TypeError, ValueError):
        raise UnservableError(f"has cropping={cropping}; expected pairs of numbers") from None
    index = np.arange(rows.size).reshape(rows.shape)[tuple(cuts)]
    if index.size == 0:
        raise UnservableError(f"leaves nothing of {list(rows.shape)}")
    return builder.select(rows, layer.name, index, index.shape)


def _concatenate(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    return join(builder, layer, inputs, layer.config.get("axis", layer.config.get("concat_axis", -1)))


def join(builder: Builder, layer: Layer, inputs: Sequence[Rows], axis: Any) -> Rows:
    """The rows side by side along an axis of Keras."""
    if len(inputs) == 1:
        return inputs[0]
    ranks = {len(rows.shape) for rows in inputs}
    if len(ranks) != 1 or ranks == {0}:
        raise UnservableError(f"joins shapes {[list(rows.shape) for rows in inputs]}; expected as many axes of each")
    (own,) = row_axes(axis, len(inputs[0].shape)) if isinstance(axis, int) else [0]
    starts = np.cumsum([0, *(rows.size for rows in inputs)])
    pieces = [start + np.arange(rows.size).reshape(rows.shape) for rows, start in zip(inputs, starts, strict=False)]
    try:
        index = np.concatenate(pieces, own)
    except ValueError:
        raise UnservableError(f"joins shapes {[list(rows.shape) for rows in inputs]}, which do not fit") from None
    if len(index.shape) == 1 and any(rows.sparse for rows in inputs):
        return Rows("", index.shape, parts=tuple(part for rows in inputs for part in rows.parts or (rows,)))
    joined = builder.add("concatenate", layer.name, inputs, (index.size,))
    return builder.select(joined, f"{layer.name}_order", index, index.shape)


def merged(op: str) -> Handler:
    """A layer that takes several rows elementwise, broadcast as numpy does it."""

    def handler(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
        if op in ("subtract", "divide", "power") and len(inputs) != 2:
            raise UnservableError(f"has {len(inputs)} inputs; expected two")
        if len(inputs) == 1:
            return inputs[0]
        try:
            shape = np.broadcast_shapes(*(rows.shape for rows in inputs))
        except ValueError:
            raise UnservableError(f"has shapes {[list(rows.shape) for rows in inputs]}, which do not fit") from None
        spread = [rows if rows.size == 1 else builder.spread(rows, f"{layer.name}_in", shape) for rows in inputs]
        if all(rows.size == 1 for rows in spread) and int(np.prod(shape)) != 1:
            raise UnservableError("has nothing but constants")
        return builder.add(op, layer.name, spread, shape)

    return handler


def _dot(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    axes = layer.config.get("axes", layer.config.get("dot_axes", -1))
    flat = axes in (1, -1, [1, 1], [-1, -1], [1, -1], [-1, 1])
    if len(inputs) != 2 or not flat or any(len(rows.shape) != 1 for rows in inputs):
        raise UnservableError("multiplies matrices of the row; only the product of two flat rows can be served")
    if layer.config.get("normalize"):
        epsilon = 1e-12 if builder.major >= 3 else 1e-6
        inputs = [
            builder.add("normalise", f"{layer.name}_unit", [rows], rows.shape, norm="l2", epsilon=epsilon)
            for rows in inputs
        ]
    product = merged("multiply")(builder, replace(layer, name=f"{layer.name}_product"), inputs)
    return builder.add("reduce", layer.name, [product], (1,), function="sum")


def _merge(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    """Keras 1's layer for all of them."""
    mode = layer.config.get("mode", "sum")
    ops = {"sum": "add", "mul": "multiply", "ave": "average", "max": "maximum"}
    if "layers" in layer.config or not inputs:
        raise UnservableError("joins whole models within a Sequential; build it as a functional model")
    if mode == "concat":
        return _concatenate(builder, layer, inputs)
    if mode == "dot":
        return _dot(builder, layer, inputs)
    if isinstance(mode, str) and mode in ops:
        return merged(ops[mode])(builder, layer, inputs)
    raise UnservableError(f"has mode={mode!r}; expected sum, mul, concat, ave, max or dot")


def _activation_layer(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    return LAYERS[layer.kind](builder, only(inputs), layer.config, layer.name)


PASSED = [
    "InputLayer",
    "Identity",
    "Dropout",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "RandomContrast",
    "RandomBrightness",
]
"""Layers that do nothing when a model serves."""

HANDLERS: dict[str, Handler] = {
    "Dense": _dense,
    "BatchNormalization": _batch_normalization,
    "SyncBatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "RMSNormalization": _rms_normalization,
    "UnitNormalization": _unit_normalization,
    "PReLU": _prelu,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat_vector,
    "Cropping1D": _cropping,
    "Cropping2D": _cropping,
    "Cropping3D": _cropping,
    "Concatenate": _concatenate,
    "Add": merged("add"),
    "Multiply": merged("multiply"),
    "Average": merged("average"),
    "Maximum": merged("maximum"),
    "Minimum": merged("minimum"),
    "Subtract": merged("subtract"),
    "Dot": _dot,
    "Merge": _merge,
    **dict.fromkeys(LAYERS, _activation_layer),
    **dict.fromkeys(PASSED, _pass),
}
