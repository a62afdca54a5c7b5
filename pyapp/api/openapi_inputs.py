"""What each model takes, as JSON schemas made from its manifest, with examples that it answers."""

import json
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyapp import engine
from pyapp.serving.snapshot import Snapshot

Schema = dict[str, Any]

FLOAT32 = 3.4028234663852886e38
MAX_EXAMPLE = 1000
"""Numbers in an example; a row of more has none."""

NUMBER: Schema = {"type": "number", "minimum": -FLOAT32, "maximum": FLOAT32}


class Body(NamedTuple):
    """A body, or a part of one."""

    schema: Schema
    example: Any
    """None: it would be too long."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What goes in, for each of the protocols."""

    model: engine.Model
    inputs: list[dict[str, Any]]
    """The manifest's."""

    @classmethod
    def of(cls, model: engine.Model) -> "ModelInput":
        """Of a loaded model."""
        return cls(model, json.loads(model.manifest)["inputs"])

    @property
    def takes_image(self) -> bool:
        """May a picture be sent?"""
        return any("image" in item for item in self.inputs)

    @property
    def is_plain(self) -> bool:
        """Tensors alone: no table, no text."""
        return all(item["kind"] == "tensor" for item in self.inputs)

    def row(self) -> Body:
        """One row of /classify: an array for tensors, a record for tables, a text."""
        if not self.is_plain:
            return _text() if self._is_text() else _record(self._columns())
        if len(self.inputs) == 1:
            return _tensor(self.inputs[0]["shape"])
        return _numbers(sum(math.prod(item["shape"]) for item in self.inputs))

    def classify(self) -> Body:
        """The JSON of /classify."""
        row = self.row()
        rows = {"anyOf": [row.schema, {"type": "array", "items": row.schema, "minItems": 1}]}
        data = {"type": "object", "properties": {"data": rows}, "required": ["data"], "additionalProperties": False}
        return Body({"title": self._title(), "anyOf": [*rows["anyOf"], data]}, row.example)

    def predict(self) -> Body:
        """The JSON of /v1: rows as `instances`, or columns as `inputs`."""
        row = self._instance()
        signature = {"signature_name": {"enum": ["serving_default"]}}
        rows = {"type": "array", "items": row.schema, "minItems": 1}
        instances = {"type": "object", "properties": {"instances": rows, **signature}, "required": ["instances"]}
        columns = self._columnar()
        inputs = {"type": "object", "properties": {"inputs": columns, **signature}, "required": ["inputs"]}
        example = {"instances": [row.example]} if self.is_plain and row.example is not None else None
        return Body({"title": self._title(), "anyOf": [instances, inputs]}, example)

    def infer(self) -> Body:
        """The JSON of /v2: a tensor for each input, its data flat or nested."""
        names = [item["name"] for item in self.inputs] if self.is_plain else []
        tensor = {
            "type": "object",
            "properties": {
                "name": {"type": "string", **({"enum": names} if names else {})},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
                "datatype": {"type": "string", "examples": ["FP32"]},
                "data": {"type": "array", "description": "row-major, flat or nested"},
                "parameters": {"type": "object"},
            },
            "required": ["name", "shape", "datatype"],
        }
        schema = {
            "title": self._title(),
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "inputs": {"type": "array", "items": tensor, "minItems": 1},
                "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}},
                "parameters": {"type": "object"},
            },
            "required": ["inputs"],
        }
        rows = [(item["name"], item["shape"], _tensor(item["shape"]).example) for item in self.inputs if self.is_plain]
        if not rows or any(example is None for *_, example in rows):
            return Body(schema, None)
        tensors = [
            {"name": name, "shape": [1, *shape], "datatype": "FP32", "data": [example]} for name, shape, example in rows
        ]
        return Body(schema, {"inputs": tensors})

    def _instance(self) -> Body:
        if not self.is_plain:
            row = self.row()
            return Body({"anyOf": [row.schema, {"type": "object"}, {"type": "array"}]}, row.example)
        named = {item["name"]: _tensor(item["shape"]) for item in self.inputs}
        record = _record({name: (row, True) for name, row in named.items()})
        if len(named) > 1:
            return record
        (row,) = named.values()
        return Body({"anyOf": [row.schema, record.schema]}, row.example)

    def _columnar(self) -> Schema:
        """A batch for each input, by name; of an only input also bare."""
        if not self.is_plain:
            return {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object", "minProperties": 1}]}
        batches = {
            item["name"]: {"type": "array", "items": _tensor(item["shape"]).schema, "minItems": 1}
            for item in self.inputs
        }
        named = _record({name: (Body(batch, None), True) for name, batch in batches.items()}).schema
        return named if len(batches) > 1 else {"anyOf": [named, *batches.values()]}

    def _is_text(self) -> bool:
        return len(self.inputs) == 1 and self.inputs[0]["kind"] == "text"

    def _columns(self) -> dict[str, tuple[Body, bool]]:
        """All columns of a record: what is taken, and whether it must be there."""
        columns: dict[str, tuple[Body, bool]] = {}
        for item in self.inputs:
            if item["kind"] == "table":
                columns |= {column["name"]: _column(column) for column in item["columns"]}
            elif item["kind"] == "text":
                columns[item["name"]] = _column({**item, "type": "text"})
            else:
                columns[item["name"]] = _numbers(math.prod(item["shape"])), True
        return columns

    def _title(self) -> str:
        return f"{self.model.name}, version {self.model.version}"


def inputs_of(snapshot: Snapshot) -> dict[str, ModelInput]:
    """By the name of their schemas: a model's default version, and under names of their own versions that differ."""
    found: dict[str, ModelInput] = {}
    for name, entry in snapshot.models.items():
        if entry.default is None:
            continue
        first = ModelInput.of(entry.available[entry.default])
        found[_free(name, found)] = first
        for number, model in entry.available.items():
            other = ModelInput.of(model)
            if other.inputs != first.inputs:
                found[_free(f"{name}_v{number}", found)] = other
    return found


def _free(name: str, taken: dict[str, ModelInput]) -> str:
    while name in taken:
        name += "_"
    return name


def _tensor(shape: list[int]) -> Body:
    """Nested as its shape says, or flat."""
    flat = _numbers(math.prod(shape))
    if len(shape) == 1:
        return flat
    nested, example = NUMBER, 1.0 if math.prod(shape) <= MAX_EXAMPLE else None
    for size in reversed(shape):
        nested = {"type": "array", "items": nested, "minItems": size, "maxItems": size}
        example = None if example is None else [example] * size  # type: ignore[assignment]
    return Body({"anyOf": [nested, flat.schema]}, example)


def _numbers(count: int) -> Body:
    schema = {"type": "array", "items": NUMBER, "minItems": count, "maxItems": count}
    return Body(schema, [1.0] * count if count <= MAX_EXAMPLE else None)


def _text() -> Body:
    return Body({"type": "string"}, "some text")


def _record(columns: dict[str, tuple[Body, bool]]) -> Body:
    schema = {
        "type": "object",
        "properties": {name: row.schema for name, (row, _) in columns.items()},
        "required": [name for name, (_, is_required) in columns.items() if is_required],
        "additionalProperties": False,
    }
    examples = {name: row.example for name, (row, _) in columns.items()}
    return Body(schema, None if None in examples.values() else examples)


def _column(column: dict[str, Any]) -> tuple[Body, bool]:
    """A column of a table, and whether it must be given."""
    kind, is_required = column["type"], column.get("missing", "error") == "error"
    schema: Schema
    match kind:
        case "number":
            schema, example = NUMBER, 1.0
        case "boolean":
            schema, example = {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]}, True
        case "category":
            categories = column["categories"]
            known = {"enum": categories} if column.get("unknown", "error") == "error" else {"examples": categories[:20]}
            schema, example = {"type": "string", **known}, categories[0]
        case _:
            schema, example = _text()
    return Body(schema if is_required else {"anyOf": [schema, {"type": "null"}]}, example), is_required
