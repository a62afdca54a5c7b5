"""Products with constant matrices: dense layers."""

import numpy as np

from ..builder import Array, Builder
from ..graph import as_numpy, rule
from ..node import Node
from ..values import Const, MixedRowsError, RefusedError, Rows, Value
from .operands import number, rows_of, spread, together
from .shapes import transpose_rows


@rule("MatMul")
def matmul(builder: Builder, node: Node, a: Value, b: Value) -> Value:
    """A product with a constant on either side."""
    if isinstance(b, Const):
        return times(builder, node, rows_of(builder, node, a), number(b), None)
    if isinstance(a, Const):
        return _from_left(builder, node, number(a), rows_of(builder, node, b))
    raise RefusedError("multiplies two computed tensors, as attention does; only products with constants are served")


def times(builder: Builder, node: Node, rows: Rows, matrix: Array, bias: Array | None) -> Rows:
    """Rows · matrix (+ bias [columns]), numpy's rules of matmul."""
    depth = matrix.shape[-2] if matrix.ndim > 1 else matrix.shape[0] if matrix.ndim else 0
    rank = len(rows.shape)
    if rank == 0 or matrix.ndim == 0 or (rows.shape[-1] != depth and rows.axis != rank - 1):
        raise _no_fit(builder, rows, matrix, depth)
    if rows.axis == rank - 1:
        if rows.shape[-1] == depth:
            raise builder.one_row_only("multiplies along the batch, which fits one row only")
        raise MixedRowsError(f"multiplies along axis {rows.axis}, which is the batch")
    if matrix.ndim > 2 and matrix.shape[:-2] == (1,) * (matrix.ndim - 2) and rank >= matrix.ndim:
        matrix = matrix.reshape(matrix.shape[-2:])
    columns = matrix.shape[-1:] if matrix.ndim > 1 else ()
    if matrix.ndim <= 2:
        shape, axis = (*rows.shape[:-1], *columns), rows.axis
    else:
        shape, axis = _batched(rows, matrix, (*rows.shape[-2:-1], *columns), rows.shape[:-2], matrix.shape[:-2])
    if rows.width == depth and matrix.ndim <= 2:
        kernel = matrix.reshape(depth, -1)
    else:
        kernel = builder.linear(node, rows, lambda unit: np.matmul(unit, matrix.astype(np.float64)), shape)
        bias = None if bias is None else np.broadcast_to(bias, shape).reshape(-1)
    return builder.dense(node, rows, kernel, bias, shape, axis)


def _from_left(builder: Builder, node: Node, matrix: Array, rows: Rows) -> Rows:
    """Matrix · rows: the rows stand in columns."""
    rank = len(rows.shape)
    along = max(0, rank - 2)
    depth = matrix.shape[-1] if matrix.ndim else 0
    if rank == 0 or matrix.ndim == 0 or (rows.shape[along] != depth and rows.axis != along):
        raise _no_fit(builder, rows, matrix, depth)
    if rows.axis == along:
        raise MixedRowsError(f"multiplies along axis {rows.axis}, which is the batch")
    lines = matrix.shape[-2:-1]
    if matrix.ndim <= 2:
        shape, axis = (*rows.shape[:along], *lines, *rows.shape[along + 1 :]), rows.axis
        if not lines and axis is not None and axis > along:
            axis -= 1
    else:
        shape, axis = _batched(rows, matrix, (*lines, *rows.shape[along + 1 :]), rows.shape[:along], matrix.shape[:-2])
    kernel = builder.linear(node, rows, lambda unit: np.matmul(matrix.astype(np.float64), unit), shape)
    return builder.dense(node, rows, kernel, None, shape, axis)


def _batched(
    rows: Rows, matrix: Array, last: tuple[int, ...], own: tuple[int, ...], other: tuple[int, ...]
) -> tuple[tuple[int, ...], int | None]:
    """The shape of a product of stacks of matrices."""
    try:
        lead = np.broadcast_shapes(own, other)
    except ValueError:
        raise RefusedError(f"multiplies {list(rows.shape)} by {list(matrix.shape)}, which does not fit") from None
    if rows.axis is None:
        return (*lead, *last), None
    place = rows.axis + len(lead) - len(own)
    if (
        rows.axis < len(own)
        and rows.axis - len(own) + len(other) >= 0
        and other[rows.axis - len(own) + len(other)] != 1
    ):
        raise MixedRowsError("has a matrix for each row of the batch")
    return (*lead, *last), place


def _no_fit(builder: Builder, rows: Rows, matrix: Array, depth: int) -> RefusedError:
    said = f"multiplies {list(rows.shape)} by {list(matrix.shape)}, which does not fit"
    return builder.one_row_only(said) if rows.width == depth and builder.batch != 1 else RefusedError(said)


@rule("Gemm")
def gemm(builder: Builder, node: Node, a: Value, b: Value, c: Value | None = None) -> Value:
    """Alpha · A · B + beta · C."""
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if isinstance(a, Const) == isinstance(b, Const):
        raise RefusedError("multiplies two computed tensors; only products with constants are served")
    if isinstance(b, Const):
        rows, matrix = rows_of(builder, node, a), number(b)
        rows = transpose_rows(builder, rows) if node.attribute("transA", 0) else rows
        matrix = matrix.T if node.attribute("transB", 0) else matrix
    else:
        rows, matrix = rows_of(builder, node, b), number(a)
        rows = transpose_rows(builder, rows) if node.attribute("transB", 0) else rows
        matrix = matrix.T if node.attribute("transA", 0) else matrix
    if len(rows.shape) != 2 or matrix.ndim != 2:
        raise RefusedError(f"multiplies tensors with {len(rows.shape)} and {matrix.ndim} axes; expected 2 and 2")
    matrix = matrix if alpha == 1 else matrix.astype(np.float64) * alpha
    bias = as_numpy(c) if isinstance(c, Const) and beta != 0 else None
    if (
        isinstance(b, Const)
        and bias is not None
        and rows.width == matrix.shape[0]
        and rows.shape[0] == 1
        and bias.ndim <= 2
        and bias.shape[:-1] in ((), (1,))
    ):
        bias = bias if beta == 1 else bias.astype(np.float64) * beta
        if bias.size not in (1, matrix.shape[1]):
            raise RefusedError(f"adds {list(bias.shape)} to {matrix.shape[1]} columns, which does not fit")
        return times(builder, node, rows, matrix, np.broadcast_to(bias.reshape(-1), (matrix.shape[1],)))
    product = (
        times(builder, node, rows, matrix, None) if isinstance(b, Const) else _from_left(builder, node, matrix, rows)
    )
    if c is None or beta == 0:
        return product
    if bias is not None:
        wide, array = spread(builder, node, product, number(c).astype(np.float64) * beta)
        return builder.affine(node, wide, np.ones(array.shape), array)
    added = rows_of(builder, node, c)
    if beta != 1:
        added = builder.affine(node, added, np.full(added.shape, beta), np.zeros(added.shape))
    both, shape, axis = together(builder, node, [product, added])
    return builder.layer("add", node, both, shape, axis)
