"""Runs through a Keras model layer by layer, as Keras would with numbers, and writes down what each layer does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..problems import Problems
from .architecture import Call, Layer, Model, Ref, call_refs
from .inputs import declare_inputs
from .layers import HANDLERS, Handler
from .operations import operation
from .preprocessing import handlers
from .rows import Builder, Rows, UnservableError
from .unserved import why_not


class Converter:
    """`outputs` are the rows of the model's outputs; None where a problem was found on the way."""

    def __init__(self, model: Model, builder: Builder, assets: Mapping[str, str], problems: Problems) -> None:
        """Converts at once; what cannot be served is added to `problems`."""
        self._builder = builder
        self._problems = problems
        self._handlers: dict[str, Handler] = {**HANDLERS, **handlers(assets)}
        self.unserved = False
        """Whether there is a layer of a kind that is not served."""
        for layer in model.walk():
            if layer.inner is None and (reason := self._unserved(layer)):
                problems.add(layer.place, reason)
                self.unserved = True
        self.outputs: list[Rows | None] = [None] * len(model.outputs)
        try:
            found = declare_inputs(builder, model, assets)
        except UnservableError as error:
            problems.add("inputs", str(error))
            return
        self.outputs = self._run(model, [found[ref] for _, ref in model.inputs])

    def _unserved(self, layer: Layer) -> str | None:
        if layer.custom is not None:
            return f"{layer.kind} is a class of one's own ({layer.custom}), whose code is not in the file; {_OWN}"
        if operation(layer) is not None or (layer.kind in self._handlers and not layer.operation):
            return None
        return why_not(layer)

    def _run(self, model: Model, inputs: Sequence[Rows | None]) -> list[Rows | None]:
        """The rows of the model's outputs for those of its inputs."""
        known: dict[Ref, Rows | None] = {}
        count = Counter(ref for layer in model.layers for call in layer.calls for ref in call_refs(call))
        count.update(ref for _, ref in model.outputs)

        def keep(ref: Ref, rows: Rows | None) -> None:
            known[ref] = None if rows is None else replace(rows, alone=rows.alone and count[ref] <= 1)

        for (_, ref), given in zip(model.inputs, inputs, strict=False):
            keep(ref, given)
        waiting = [(layer, i) for layer in model.layers for i in range(len(layer.calls))]
        while waiting:
            left = []
            for layer, i in waiting:
                call = layer.calls[i]
                if Ref(layer.name, i, 0) in known and layer.kind == "InputLayer":
                    continue
                if any(ref not in known for ref in call_refs(call)):
                    left.append((layer, i))
                    continue
                for number, rows in enumerate(self._call(layer, call, known)):
                    keep(Ref(layer.name, i, number), rows)
            if len(left) == len(waiting):
                for layer, i in left:
                    lost = next(ref.layer for ref in call_refs(layer.calls[i]) if ref not in known)
                    self._problems.add(layer.place, f"reads {lost!r}, which makes no such output")
                break
            waiting = left
        for _, ref in model.outputs:
            if ref not in known and not self._problems:
                self._problems.add("output_layers", f"there is no output {ref.output} of {ref.layer!r}")
        return [known.get(ref) for _, ref in model.outputs]

    def _call(self, layer: Layer, call: Call, known: Mapping[Ref, Rows | None]) -> list[Rows | None]:
        inputs = [known[item] if isinstance(item, Ref) else _constant(item) for item in call.inputs if item is not None]
        if layer.inner is not None:
            return self._run(layer.inner, inputs)
        if any(rows is None for rows in inputs) or self._unserved(layer):
            return [None]
        rows = [rows for rows in inputs if rows is not None]
        try:
            own = operation(layer)
            if own is not None:
                options = {
                    key: known[value] if isinstance(value, Ref) else value for key, value in call.options.items()
                }
                return [own(self._builder, layer, rows, options)]
            if any(isinstance(value, Ref) for value in call.options.values()):
                raise UnservableError(f"is called with {', '.join(call.options)}; only its input can be served")
            return [self._handlers[layer.kind](self._builder, layer, rows)]
        except UnservableError as error:
            self._problems.add(layer.place, f"{layer.kind} {error}")
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            self._problems.add(layer.place, f"{layer.kind} has a configuration that no Keras writes ({error})")
        return [None]


_OWN = "build the model of Keras' own layers, or export it to ONNX"


def _constant(value: Any) -> Rows:
    array = np.asarray(value, np.float64)
    return Rows("", tuple(array.shape), constant=array.reshape(-1))
