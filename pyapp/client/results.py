"""What comes back, for programs and, by `_repr_html_`, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

SHOWN_ROWS = 20


class Row(dict[str, Any]):
    """The answer for one row: `label`, `score`, `scores` and the like, as the server gives them, also as attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """A member."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the answer has no {name}; it has {', '.join(self)}") from None

    def __repr__(self) -> str:
        """`Row(label='7', score=0.98)`"""
        return f"Row({', '.join(f'{name}={_short(value)}' for name, value in self.items())})"


@dataclass(frozen=True, slots=True)
class Answers(Sequence[Row]):
    """What `classify` gives: a row for each row that was sent.  Of a single one, `answers.label` and so on work too."""

    rows: tuple[Row, ...]
    model: str
    version: int
    request_id: str = ""
    """For `feedback`."""

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        """A row, or some."""
        return self.rows[index]

    def __len__(self) -> int:
        """Rows."""
        return len(self.rows)

    def __getattr__(self, name: str) -> Any:
        """A member of the only row."""
        if name.startswith("_") or len(self.rows) != 1:
            raise AttributeError(f"{name} is of a row, and there are {len(self.rows)}; take answers[i].{name}")
        return getattr(self.rows[0], name)

    def __repr__(self) -> str:
        """`<Answers of mnist 2: Row(…)>`"""
        return f"<Answers of {self.model} {self.version}: {_some(self.rows)}>"

    def _repr_html_(self) -> str:
        columns = list(dict.fromkeys(name for row in self.rows[:SHOWN_ROWS] for name in row))
        cells = [[i, *(_cell(row.get(name, "")) for name in columns)] for i, row in enumerate(self.rows[:SHOWN_ROWS])]
        return _table(f"{self.model}, version {self.version}", ["", *columns], cells, len(self.rows))


@dataclass(frozen=True, slots=True, eq=False)
class Prediction(Mapping[str, Any]):
    """What `predict` gives: arrays by the names of the model's outputs, the batch first."""

    outputs: dict[str, NDArray[Any]]
    model: str
    version: int

    @property
    def array(self) -> NDArray[Any]:
        """The only output.  Raises ValueError if there are several."""
        if len(self.outputs) != 1:
            raise ValueError(f"the model has several outputs: take one of {', '.join(self.outputs)}")
        return next(iter(self.outputs.values()))

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An output."""
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        """The outputs' names."""
        return iter(self.outputs)

    def __len__(self) -> int:
        """How many outputs."""
        return len(self.outputs)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The only output, so that numpy takes the prediction for it."""
        import numpy as np

        return np.array(self.array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """`<Prediction of mnist 2: scores float32 [1, 10]>`"""
        parts = [f"{name} {array.dtype} {list(array.shape)}" for name, array in self.outputs.items()]
        return f"<Prediction of {self.model} {self.version}: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        cells: list[list[Any]] = []
        for name, array in self.outputs.items():
            cells += [[name, i, _cell(row.tolist())] for i, row in enumerate(array[:SHOWN_ROWS])]
        rows = max((len(array) for array in self.outputs.values()), default=0)
        return _table(f"{self.model}, version {self.version}", ["output", "row", "values"], cells, rows)


class Models(list[dict[str, Any]]):
    """What is served, as /api/models has it: of each model `name`, `default`, `labels`, `versions` (newest first)."""

    def __repr__(self) -> str:
        """`<Models: mnist 2, pets 1>`"""
        listed = [f"{model['name']} {model['default']}" for model in self]
        return f"<Models: {', '.join(listed) or 'none'}>"

    def _repr_html_(self) -> str:
        cells = [
            [
                model["name"],
                version["version"],
                version["state"],
                "answers" if version["version"] == model["default"] else "",
                ", ".join(label for label, number in model["labels"].items() if number == version["version"]),
                version["reason"] or version.get("description", ""),
            ]
            for model in self
            for version in model["versions"]
        ]
        return _table("models", ["model", "version", "state", "", "labels", ""], cells, len(cells), len(cells))


@dataclass(frozen=True, slots=True)
class Decided:
    """What is decided about a model after a change, and what it comes to."""

    model: str
    default: int | None
    """The version that answers where none is asked for."""
    labels: dict[str, int]
    routing: dict[str, Any] = field(repr=False)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _some(rows: Iterable[Row]) -> str:
    listed = list(rows)
    return ", ".join(map(repr, listed[:3])) + (f", … {len(listed)} rows" if len(listed) > 3 else "")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value[:12])) + (" …" if len(value) > 12 else "")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_cell(part)}" for name, part in value.items())
    return str(value)


def _table(title: str, columns: Sequence[str], rows: list[list[Any]], total: int, shown: int = SHOWN_ROWS) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    more = f" · {total} rows, {shown} shown" if total > shown else ""
    return f"<table><caption>{escape(title)}{more}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
