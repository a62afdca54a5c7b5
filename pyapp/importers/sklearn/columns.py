"""What each column of the model's input must be, gathered from all steps that read it.

A model is walked twice: the first time to find the columns' types and categories, the second time to write the steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .tree import RefusedError

MISSING, UNKNOWN = "missing", "unknown"

Mark = tuple[str, int]
"""(MISSING or UNKNOWN, column): a number that is NaN where that column is missing, or of an unknown category."""


@dataclass(slots=True)
class Column:
    """One column of the input."""

    name: str
    kind: str | None = None
    """"number", "boolean", "category" or "text", once a step has needed it as such."""
    values: dict[str, None] = field(default_factory=dict)
    """Categories that any step knows, in order of appearance."""
    strict: list[set[str]] = field(default_factory=list)
    """What those steps accept that fail on everything else."""
    refused: set[str] = field(default_factory=set)
    """MISSING and UNKNOWN, as far as the source framework raises an error for it."""

    @property
    def categories(self) -> list[str]:
        """Those that every strict step accepts."""
        return [value for value in self.values if all(value in accepted for accepted in self.strict)]


class Columns:
    """The input: a table's columns, plain numbers, or one text."""

    def __init__(self, names: Sequence[str] | None, count: int) -> None:
        """`names`: None if the model was fitted on an array without names."""
        self.named = names is not None
        self.columns = [Column(name) for name in (names or [f"x{i}" for i in range(count)])]
        self.is_text = False
        """The input is one text."""
        self.exact = False
        """Steps need double precision, categories or missing values: a table, though there are no names."""
        self.reads = 0
        """How many steps and layers read the input itself."""
        self.notes: dict[str, None] = {}

    @property
    def is_table(self) -> bool:
        """True for a table, False for a tensor or a text."""
        return not self.is_text and (self.named or self.exact)

    @property
    def is_plain(self) -> bool:
        """All columns are numbers and read once, so that the steps may work in place."""
        return self.reads == 1 and all(column.kind == "number" for column in self.columns)

    def need(self, index: int, kind: str) -> None:
        """A step needs the column to be of that type."""
        column = self.columns[index]
        if {column.kind, kind} == {"number", "boolean"}:
            kind = "boolean"  # whose number is 1 or 0
        elif column.kind not in (None, kind):
            raise RefusedError(
                f"column {column.name} is a {kind} here and a {column.kind} elsewhere; give each its own column"
            )
        column.kind = kind
        if kind != "number":
            self.exact = True

    def category(self, index: int, values: Iterable[str], strict: bool) -> None:
        """A step encodes the column; `strict`: it fails on values other than these."""
        self.need(index, "category")
        column = self.columns[index]
        values = dict.fromkeys(values)
        column.values.update(values)
        if strict and set(values) not in column.strict:
            column.strict.append(set(values))
            column.refused.add(UNKNOWN)

    def refuse(self, marks: Iterable[Mark]) -> None:
        """The source framework fails for these."""
        for kind, index in marks:
            self.columns[index].refused.add(kind)

    def note(self, text: str) -> None:
        """For the user to read."""
        self.notes[text] = None

    def manifest(self) -> list[dict[str, Any]]:
        """The columns of a table, as docs/package.md has them."""
        return [self._entry(column) for column in self.columns if column.kind is not None or not self.named]

    @property
    def unused(self) -> list[str]:
        """Names of columns that no step reads, whose type nobody knows: they are not sent."""
        return [column.name for column in self.columns if self.named and column.kind is None]

    def _entry(self, column: Column) -> dict[str, Any]:
        kind = column.kind or "number"
        entry: dict[str, Any] = {"name": column.name, "type": kind}
        if kind == "category":
            entry["categories"] = column.categories
            entry["unknown"] = "error" if UNKNOWN in column.refused else "ignore"
        # A column that no step reads may be left out; a missing text is an error in the framework.
        if kind != "text" and MISSING not in column.refused:
            entry["missing"] = "nan"
        return entry
