"""What a name of the graph stands for while the graph is read: a constant, rows that a layer makes, or a label.

Rows are described by the tensor's shape for a batch of one.  `axis` is the axis that grows with the batch; its length
is how much of it one row takes: usually 1, more after a reshape that merges the batch with what follows.  A network
that knows one row only has no such axis.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RefusedError(Exception):
    """The node cannot be served; says why and what to do."""


class MixedRowsError(RefusedError):
    """The node computes across the rows of a batch, so that axis 0 is no batch."""


class OneRowOnlyError(RefusedError):
    """The graph runs with a batch of one only, whatever its input declares."""


@dataclass(frozen=True, slots=True)
class Const:
    """A tensor that does not depend on what is sent."""

    array: NDArray[Any]
    of_batch: bool = False
    """It holds the batch size, which stands in it as the probe; good for shapes alone."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Numbers of each row, row-major."""

    source: str
    """The input, block or layer that they are rows of."""
    shape: tuple[int, ...]
    axis: int | None
    dtype: np.dtype[Any]
    columns: NDArray[np.intp] | None = None
    """Which of the source's numbers, in order; None: all of them."""
    shared: bool = False
    """Others read the source, too, so that it must stay as it is."""
    front: bool = False
    """The source is an input or a block of preprocessing: steps may change it."""
    limits: tuple[float, float] | None = None
    """Of whole numbers: the least and the greatest that can occur."""
    labels: tuple[str, ...] | None = None
    """Names of the columns, if the graph has them."""
    sums_to_one: bool = False

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return prod(self.shape)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Without the batch axis where it is only that."""
        if self.axis is not None and self.shape[self.axis] == 1:
            return self.shape[: self.axis] + self.shape[self.axis + 1 :]
        return self.shape


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of a table that are not numbers yet; shape [batch, columns]."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    axis: int | None


@dataclass(frozen=True, slots=True)
class Label:
    """The winning class of each row: an output that the server computes by itself from the scores."""

    scores: Rows | None
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Comes from a node that was refused."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """An output that exists in the file and that nobody may use, such as Dropout's mask."""

    reason: str


Value = Const | Rows | Cells | Label | Unknown | Nothing
