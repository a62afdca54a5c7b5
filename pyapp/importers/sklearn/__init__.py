"""Fitted scikit-learn models: .skops files as plain data, pickles only where the user trusts them.

Read in this order: `tree` (a model as data), `skops_file` and `trusted` (where it comes from), `pipeline` (the walk),
`rows` and `columns` (what flows from step to step, and what the input must be), then the transformers in `numbers`,
`categories`, `texts` and `selectors`, and `estimators` at the end.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..imported import Imported, ImportOptions
from ..problems import ImportRefusedError, Problems
from .columns import Columns
from .estimators import METHODS, Answer
from .pipeline import VECTORISERS, Walk, first
from .skops_file import read_skops
from .tree import RefusedError, Thing
from .trusted import read_trusted, trusted_samples

__all__ = ["read"]

_BROKEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What values of another type than the estimators write lead to, wherever that is."""


def read(path: Path, options: ImportOptions) -> Imported:
    """The package of a fitted pipeline or estimator.  Raises ImportRefusedError naming each step that cannot be served.

    `.skops` files are read without running anything in them.  All others are pickles, under whatever name: with
    options.trust a process of its own loads them, which needs the scikit-learn that they were made with.
    """
    is_pickle = not _is_skops(path)
    if options.output is not None and options.output not in METHODS:
        raise ImportRefusedError(f"{path.name}: output is {options.output!r}; expected one of {', '.join(METHODS)}")
    model = read_trusted(path, options) if is_pickle else read_skops(path)
    try:
        imported, method = convert(model, path.name, options)
    except ImportRefusedError:
        raise
    except RefusedError as error:
        raise ImportRefusedError(f"{path.name} cannot be served: {error}") from error
    except _BROKEN as error:
        raise ImportRefusedError(f"{path.name} is broken: {error!r}; save the model again") from error
    if is_pickle:
        imported.samples = trusted_samples(path, imported, method)
    return imported


def _is_skops(path: Path) -> bool:
    """By its content, a zip archive; a broken one by its name."""
    with path.open("rb") as file:
        return file.read(2) == b"PK" or path.suffix.lower() == ".skops"


def convert(model: Any, source: str, options: ImportOptions) -> tuple[Imported, str]:
    """The package, and the method of the model whose numbers it answers."""
    problems = Problems(source)
    columns = _columns(model, source)
    Walk(columns, problems, options.output).answer(model)
    if not problems:
        for column in columns.columns:
            if column.kind == "category" and not column.categories:
                problems.add(f"column {column.name}", "no category is accepted by all of its encoders")
    problems.raise_if_any()
    walk = Walk(columns, problems, options.output, last=True)
    answer = walk.answer(model)
    problems.raise_if_any()
    if answer is None:
        raise ImportRefusedError(f"{source} cannot be served: it has no estimator")
    return _imported(model, walk, answer, options, source), answer.method


def _columns(model: Any, source: str) -> Columns:
    """The input, as the innermost estimator has seen it in training."""
    start = first(model)
    if not isinstance(start, Thing):
        raise ImportRefusedError(f"{source} holds {model!r}; expected a fitted estimator or pipeline of scikit-learn")
    if start.name in VECTORISERS:
        columns = Columns(["text"], 1)
        columns.is_text = True
        return columns
    names = start.get("feature_names_in_")
    if names is not None:
        return Columns([str(name) for name in np.asarray(names).tolist()], 0)
    return Columns(None, _count(model, start, source))


def _count(model: Any, start: Thing, source: str) -> int:
    for thing in (start, *_after(model)):
        count = thing.get("n_features_in_")
        if isinstance(count, int) and count > 0:
            return count
    try:
        return int(start.numbers("coefs_" if start.has("coefs_") else "coef_").shape[-1])
    except RefusedError as error:
        raise ImportRefusedError(f"{source}: {start.name} is not fitted, or not an estimator; fit it first") from error


def _after(model: Any) -> list[Thing]:
    """The steps of a pipeline, for the width of one that does not say what it reads."""
    if isinstance(model, Thing) and model.name == "Pipeline":
        return [step for member in model.get("steps", []) for step in member if isinstance(step, Thing)]
    return []


def _imported(model: Any, walk: Walk, answer: Answer, options: ImportOptions, source: str) -> Imported:
    network, columns = walk.writer.network, walk.writer.columns
    rows = walk.writer.written(answer.rows[0])  # type: ignore[arg-type]
    task = options.task or ("classification" if answer.labels else "regression")
    output: dict[str, Any] = {"name": "scores" if answer.labels else "values", "layer": rows.name}
    labels = list(options.labels) if options.labels is not None else answer.labels
    if task == "classification":
        labels = labels or [str(i) for i in range(rows.width)]
        expected = 2 if rows.width == 1 else rows.width
        if len(labels) != expected:
            raise ImportRefusedError(f"{source}: {len(labels)} labels; expected {expected}")
        _compare_labels(labels, answer.labels, columns, source)
        output["labels"] = labels
    if columns.is_table:
        if columns.unused:
            columns.note(f"not used by the model, and not to be sent: {', '.join(columns.unused)}")
        network.inputs[0]["columns"] = columns.manifest()
    provenance = {"framework": "scikit-learn"}
    version = model.get("_sklearn_version") or (first(model) or model).get("_sklearn_version")
    if version:
        provenance["version"] = str(version)
    provenance |= {"source": source, "model": _described(model), "output": answer.method}
    manifest = network.manifest(task, [output], provenance)
    return Imported(manifest, network.tensors, list(columns.notes))


def _compare_labels(labels: list[str], of_file: list[str] | None, columns: Columns, source: str) -> None:
    """Labels are in the order of the outputs, which the file knows: its own ones in another order are a mistake."""
    if not of_file or labels == of_file:
        return
    if sorted(labels) == sorted(of_file):
        raise ImportRefusedError(
            f"{source}: the labels are the file's own in another order; its outputs are in the order "
            f"{','.join(of_file)}: leave --labels out"
        )
    columns.note(f"labels in place of the file's {', '.join(of_file)}")


def _described(model: Thing) -> str:
    """The classes, in order."""
    if model.name != "Pipeline":
        return model.name
    steps = [member[1] for member in model.get("steps", [])]
    return ", ".join(step.name if isinstance(step, Thing) else str(step) for step in steps)
