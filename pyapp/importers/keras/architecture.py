"""The layers of a Keras model and who reads whom, from the configurations that Keras 1, 2, 3 and tf.keras write."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..problems import ImportRefusedError

MAX_LAYERS = 4096

Config = dict[str, Any]


class Ref(NamedTuple):
    """One output of one call of a layer."""

    layer: str
    call: int
    output: int


@dataclass(slots=True)
class Call:
    """One use of a layer."""

    inputs: list[Any]
    """`Ref`s, and constants: numbers and lists of them."""
    options: dict[str, Any]
    """Other arguments; may hold `Ref`s."""


@dataclass(slots=True)
class Layer:
    """One layer of a model, or a model within."""

    kind: str
    """Keras' class."""
    name: str
    place: str
    """For messages: layers/2 (dense_1)."""
    config: Config
    custom: str | None
    """Whose class it is, if not Keras' own."""
    build_shape: tuple[int | None, ...] | None
    """What the layer was built for, without the batch, if the file says so."""
    calls: list[Call] = field(default_factory=list)
    inner: "Model | None" = None
    weights: list[NDArray[Any]] = field(default_factory=list)
    """In the order of Keras' get_weights()."""
    extra: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Those that have names: idf_weights."""
    assets: str = ""
    """The folder of its texts in a .keras file."""
    operation: bool = False
    """An operation of Keras 3, not a layer: x + y."""

    def leaves(self) -> "Iterator[Layer]":
        """All layers of the model within."""
        return self.inner.walk() if self.inner is not None else iter(())


@dataclass(slots=True)
class Model:
    """Sequential models are told as functional ones."""

    name: str
    layers: list[Layer]
    inputs: list[tuple[str, Ref]]
    """Names that a caller gives, and what they feed."""
    outputs: list[tuple[str, Ref]]

    def walk(self) -> Iterator[Layer]:
        """All layers, those of inner models after them."""
        for layer in self.layers:
            yield layer
            if layer.inner is not None:
                yield from layer.inner.walk()


def is_model(kind: Any, config: Any) -> bool:
    """Whether the configuration is that of a model whose layers are told."""
    return kind == "Sequential" or (isinstance(config, dict) and "layers" in config and "output_layers" in config)


def read_model(config: Config, source: str, place: str = "", depth: int = 0) -> Model:
    """The model whose to_json() that is.  Raises ImportRefusedError for what no Keras writes."""
    kind: Any = config.get("class_name")
    inside: Any = config.get("config")
    if depth > 16:
        raise ImportRefusedError(f"{source}: models are nested more than 16 deep")
    if not isinstance(kind, str):
        raise ImportRefusedError(f"{source}: there is no class_name; expected a model's configuration")
    if not is_model(kind, inside):
        raise ImportRefusedError(
            f"{source}: {kind} keeps its layers in Python code, not in the file; rebuild it as a Sequential or "
            "functional model with the same weights and save that"
        )
    if kind == "Sequential":
        return _read_sequential(config, source, place, depth)
    layers = [_read_layer(item, i, source, place, depth) for i, item in enumerate(_layers(inside, source))]
    known = {layer.name: layer for layer in layers}
    if len(known) < len(layers):
        raise _repeated(layers, source)
    for layer, item in zip(layers, inside["layers"], strict=True):
        layer.calls = [_read_call(node, source, layer) for node in _nodes(item)]
    inputs = _named_refs(inside.get("input_layers"), source)
    modern = any(isinstance(node, dict) and "args" in node for item in inside["layers"] for node in _nodes(item))
    outputs = _renumber(layers, _named_refs(inside["output_layers"], source), modern)
    model = Model(str(inside.get("name", kind.lower())), layers, inputs, outputs)
    for layer in layers:
        if layer.kind == "InputLayer" and not layer.calls:
            layer.calls = [Call([], {})]
    return model


def _nodes(item: Config) -> list[Any]:
    nodes = item.get("inbound_nodes")
    return nodes if isinstance(nodes, list) else []


def _read_sequential(config: Config, source: str, place: str, depth: int) -> Model:
    """Keras 1 has the list of layers as the config itself."""
    inside: Any = config.get("config")
    inside = {"layers": inside} if isinstance(inside, list) else inside
    if not isinstance(inside, dict):
        raise ImportRefusedError(f"{source}: the Sequential has no layers")
    layers = [_read_layer(item, i, source, place, depth) for i, item in enumerate(_layers(inside, source))]
    if len({layer.name for layer in layers}) < len(layers):
        raise _repeated(layers, source)
    if not layers:
        raise ImportRefusedError(f"{source}: the Sequential has no layers")
    if layers[0].kind != "InputLayer":
        first = layers[0]
        shape = first.config.get("batch_input_shape") or first.config.get("batch_shape")
        if shape is None and first.inner is not None:
            shape = _input_shape(first.inner)
        if shape is None and isinstance(first.config.get("input_dim"), int):
            shape = [None, first.config["input_dim"]]
        outer = config.get("build_config")
        built = outer.get("input_shape") if isinstance(outer, dict) else None
        shape = shape or inside.get("build_input_shape") or built
        if shape is None and first.build_shape is not None:
            shape = [None, *first.build_shape]
        dtype = first.config.get("dtype") if first.kind in ("TextVectorization", "StringLookup") else "float32"
        dtype = "string" if first.kind in ("TextVectorization", "StringLookup") else dtype
        name = f"{first.name}_input"
        layers.insert(
            0, Layer("InputLayer", name, first.place, {"batch_input_shape": shape, "dtype": dtype}, None, None)
        )
    layers[0].calls = [Call([], {})]
    for before, layer in pairwise(layers):
        layer.calls = [Call([Ref(before.name, 0, 0)], {})]
    name = str(inside.get("name", "sequential"))
    outputs = layers[-1].name
    return Model(name, layers, [(layers[0].name, Ref(layers[0].name, 0, 0))], [(outputs, Ref(outputs, 0, 0))])


def _input_shape(model: Model) -> Any:
    for layer in model.layers:
        if layer.name == model.inputs[0][1].layer:
            return layer.config.get("batch_input_shape") or layer.config.get("batch_shape")
    return None


def _layers(inside: Config, source: str) -> list[Config]:
    layers = inside.get("layers")
    if not isinstance(layers, list) or not all(isinstance(item, dict) for item in layers):
        raise ImportRefusedError(f"{source}: layers is no list of layers")
    if len(layers) > MAX_LAYERS:
        raise ImportRefusedError(f"{source}: {len(layers)} layers; at most {MAX_LAYERS} can be served")
    return layers


def _repeated(layers: list[Layer], source: str) -> ImportRefusedError:
    seen: dict[str, str] = {}
    for layer in layers:
        if layer.name in seen:
            return ImportRefusedError(
                f"{source} cannot be served:\n  {layer.place}: the name {layer.name!r} is also that of "
                f"{seen[layer.name]}; names repeat when the same layers were added twice.  Keras refuses such a model "
                "too: build it again and save it"
            )
        seen[layer.name] = layer.place
    raise AssertionError("no name repeats")


def _read_layer(item: Config, index: int, source: str, place: str, depth: int) -> Layer:
    kind, inside = item.get("class_name"), item.get("config")
    if not isinstance(kind, str):
        raise ImportRefusedError(f"{source}: layers/{index} has no class_name")
    kind = kind.rsplit(">", 1)[-1]
    config = inside if isinstance(inside, dict) else {}
    name = str(config.get("name") or item.get("name") or f"{kind.lower()}_{index + 1}")
    own = f"{place}layers/{index} ({name})"
    build = item.get("build_config")
    shape = build.get("input_shape") if isinstance(build, dict) else None
    module = str(item.get("module"))
    operation = ".ops" in module or ".activations" in module
    layer = Layer(kind, name, own, config, _custom(item), batchless(shape), operation=operation)
    if is_model(kind, inside):
        layer.inner = read_model(item, source, f"{own}/", depth + 1)
    return layer


def _custom(item: Config) -> str | None:
    """The name under which a class that isn't Keras' is registered."""
    registered, module = item.get("registered_name"), item.get("module")
    if (
        isinstance(registered, str)
        and ">" in registered
        and not registered.startswith(("keras", "Keras", "TensorFlow"))
    ):
        return registered
    if ">" in str(item.get("class_name")) and not str(item["class_name"]).startswith(("keras", "Keras")):
        return str(item["class_name"])
    if isinstance(module, str) and not re.match(r"(keras|tf_keras|tensorflow\.(python\.)?keras)\b", module):
        return f"{module}.{item.get('class_name')}"
    return None


def batchless(shape: Any) -> tuple[int | None, ...] | None:
    """A shape of Keras without the batch; None if it is no shape."""
    if isinstance(shape, dict) and isinstance(shape.get("items"), list | tuple):  # tf.keras' TensorShape
        shape = shape["items"]
    if not isinstance(shape, list | tuple) or len(shape) < 1:
        return None
    if not all(size is None or (isinstance(size, int) and not isinstance(size, bool)) for size in shape):
        return None
    return tuple(shape[1:])


def _read_call(node: Any, source: str, layer: Layer) -> Call:
    """Keras 3: {"args", "kwargs"}; before: a list of [layer, call, output, options] or a nest of these."""
    if isinstance(node, dict) and ("args" in node or "kwargs" in node):
        arguments, options = node.get("args") or [], node.get("kwargs") or {}
        if not isinstance(arguments, list) or not isinstance(options, dict):
            raise ImportRefusedError(f"{source}: {layer.place}: the inputs are of no form that Keras writes")
        return Call(
            [inner for item in arguments for inner in _flat(_keras_tensors(item))],
            {key: _keras_tensors(value) for key, value in options.items()},
        )
    if isinstance(node, list) and node and isinstance(node[0], str):
        node = [node]
    entries = list(node.values()) if isinstance(node, dict) else node
    if not isinstance(entries, list):
        raise ImportRefusedError(f"{source}: {layer.place}: the inputs are of no form that Keras writes")
    inputs: list[Any] = []
    options = {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) < 3 or not isinstance(entry[0], str):
            raise ImportRefusedError(f"{source}: {layer.place}: {entry!r} names no input")
        if entry[0] == "_CONSTANT_VALUE":
            inputs.append(entry[2])
        else:
            inputs.append(_ref(entry))
        if len(entry) > 3 and isinstance(entry[3], dict):
            options.update({key: _options_ref(value) for key, value in entry[3].items()})
    return Call(inputs, options)


def _keras_tensors(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        history = value.get("config", {}).get("keras_history")
        return _ref(history) if isinstance(history, list) else None
    if isinstance(value, list | tuple):
        return [_keras_tensors(item) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return [_keras_tensors(item) for item in value.values()]
    return value


def _options_ref(value: Any) -> Any:
    """tf.keras' operations have other tensors among their options, as [layer, call, output]."""
    is_ref = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int)
    return _ref(value) if is_ref else value


def _ref(entry: Any) -> Ref:
    if len(entry) < 3 or not all(isinstance(number, int) for number in entry[1:3]):
        raise ImportRefusedError(f"{entry!r} names no layer's output; expected [name, call, output]")
    return Ref(str(entry[0]), int(entry[1]), int(entry[2]))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _is_entry(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


def _entries(value: Any) -> Iterator[tuple[str | None, Ref]]:
    if _is_entry(value):
        yield None, _ref(value)
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            for _, ref in _entries(item):
                yield str(key), ref


def _named_refs(value: Any, source: str) -> list[tuple[str, Ref]]:
    found = [(key or ref.layer, ref) for key, ref in _entries(value)]
    if not found:
        raise ImportRefusedError(f"{source}: the model has no input_layers or output_layers")
    names = [name for name, _ in found]
    return [(name if names.count(name) == 1 else f"{name}_{i}", ref) for i, (name, ref) in enumerate(found)]


def _renumber(layers: list[Layer], ends: list[tuple[str, Ref]], modern: bool) -> list[tuple[str, Ref]]:
    """Calls of inner models are counted from 1 where their own definition is 0; here all from 0.

    Keras 3 does that for functional models among the outputs only, earlier versions everywhere.
    """
    inner = {layer.name: layer for layer in layers if layer.inner is not None and layer.calls}
    if modern:
        shifted = {name for name, layer in inner.items() if layer.kind != "Sequential"}
    else:
        refs = [ref for layer in layers for call in layer.calls for ref in call_refs(call)] + [ref for _, ref in ends]
        shifted = {ref.layer for ref in refs if ref.layer in inner and ref.call >= len(inner[ref.layer].calls)}

    def mend(value: Any) -> Any:
        if isinstance(value, Ref):
            return value._replace(call=value.call - 1) if value.layer in shifted and value.call > 0 else value
        return [mend(item) for item in value] if isinstance(value, list) else value

    for call in [call for layer in layers if not modern for call in layer.calls]:
        call.inputs = mend(call.inputs)
        call.options = {key: mend(value) for key, value in call.options.items()}
    return [(name, mend(ref)) for name, ref in ends]


def call_refs(call: Call) -> Iterator[Ref]:
    """All that the call reads."""
    for value in [*call.inputs, *call.options.values()]:
        for item in _flat(value):
            if isinstance(item, Ref):
                yield item


def number(value: Any, default: float | None = None) -> Any:
    """A number or an array of them, in the forms in which Keras wraps them; the default for null."""
    for _ in range(4):
        if isinstance(value, Mapping):
            inner = value.get("config")
            value = inner.get("value") if isinstance(inner, Mapping) else value.get("value", value.get("items"))
    if value is None:
        return default
    return np.asarray(value, np.float64) if isinstance(value, list | tuple) else value
