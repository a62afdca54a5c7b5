"""The import as a whole: read the file, find samples, write the package, see how it answers.

from pyapp.importers.run import import_model
report = import_model("churn.keras", "models", "churn", labels=["stays", "leaves"])
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine
from pyapp.packages import load, store, write_package
from pyapp.packages.reference import evaluate as reference_answers

from . import read
from .answers import answers
from .evaluation import Evaluation, evaluate
from .imported import Imported, ImportOptions
from .problems import ImportRefusedError
from .samples import make_inputs, read_samples
from .training import training_statistics

PathLike = str | os.PathLike[str]
Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is, how much there is)."""

_ABSOLUTE = 1e-5
"""The engine's own tolerance for outputs of about 1."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an import."""

    name: str
    version: int
    folder: Path | None
    """None for a dry run."""
    framework: str
    task: str
    inputs: list[str]
    steps: list[str]
    layers: list[str]
    """One line each, for people."""
    parameters: int
    outputs: int
    labels: list[str]
    samples: int
    samples_from: str
    """Whose outputs the samples have."""
    parity: float | None
    """The largest difference between a sample's output and the engine's answer; None without samples."""
    notes: list[str] = field(default_factory=list)
    evaluation: Evaluation | None = None


def import_model(
    file: PathLike,
    store_folder: PathLike,
    name: str,
    version: int | None = None,
    *,
    labels: Sequence[str] | None = None,
    task: str | None = None,
    architecture: PathLike | None = None,
    output: str | None = None,
    trust: bool = False,
    description: str | None = None,
    samples: PathLike | None = None,
    evaluation: PathLike | None = None,
    target: str | None = None,
    training: PathLike | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Makes a version of a model out of a trained file; `version` None is the next one.

    `labels` … `trust` are those of ImportOptions; `samples`, `evaluation` and `training` are files (docs/importing.md),
    `target` is the column of the last two with the right answers.  A dry run does all of it in a temporary folder.

    Raises ImportRefusedError, store.StoreError, FileExistsError or OSError, each with a message for the user; nothing
    is left behind then.
    """
    file, root = Path(file), Path(store_folder)
    number = _number(root, name, version)
    tell = progress or (lambda what, done, total: None)
    tell("reading", 0, 1)
    options = ImportOptions(labels, task, Path(architecture) if architecture else None, output, trust)
    imported = read(file, options)
    if description is not None:
        imported.manifest["description"] = description
    tell("reading", 1, 1)
    lines, source = _samples(imported, Path(samples) if samples else None)
    _widen_tolerance(imported.manifest, lines)
    with tempfile.TemporaryDirectory() as scratch:
        # A package is tried before it is anyone's: with --eval, too.
        trial = _write(Path(scratch), name, number, imported, lines)
        model = load(trial, name=name, version=number)
        parity = _parity(model, lines)
        measured = None
        if evaluation is not None:
            measured = _evaluate(model, imported.manifest, Path(evaluation), target, tell)
        if training is not None:
            imported.manifest["statistics"] = training_statistics(
                model,
                imported.manifest,
                Path(training),
                target,
                lambda done, total: tell("reading training data", done, total),
            )
        report = _report(model, imported, lines, source, parity)
    folder = None if dry_run else _place(root, name, version, imported, lines)
    landed = number if folder is None else int(folder.name)
    return replace(report, version=landed, folder=folder, evaluation=measured)


def _number(root: Path, name: str, version: int | None) -> int:
    """The version to write.  Raises StoreError, FileExistsError."""
    found = store.versions(root, name)
    number = version if version is not None else max(found, default=0) + 1
    folder = store.folder_of(root, name, number)
    if folder.exists():
        raise FileExistsError(
            f"{name} {number} exists: a version never changes; leave out --version for the next number"
        )
    return number


def _place(root: Path, name: str, version: int | None, imported: Imported, lines: Sequence[Mapping[str, Any]]) -> Path:
    """Writes it into the store; if someone takes the next number meanwhile, under the one after."""
    for _ in range(100):
        try:
            return _write(root, name, _number(root, name, version), imported, lines)
        except FileExistsError:
            if version is not None:
                raise
    raise ImportRefusedError(f"{name}: others write versions all the time; give --version")


def _write(root: Path, name: str, number: int, imported: Imported, lines: Sequence[Mapping[str, Any]]) -> Path:
    try:
        return write_package(store.folder_of(root, name, number), imported.manifest, imported.tensors, lines)
    except ValueError as error:
        raise ImportRefusedError(f"the package would not be served: {error}") from error
    except ModuleNotFoundError as error:
        raise ImportRefusedError(str(error)) from error


def _samples(imported: Imported, path: Path | None) -> tuple[list[dict[str, Any]], str]:
    """Lines for samples.jsonl, and whose outputs they are."""
    outputs: Sequence[Any] | None
    if path is not None:
        inputs, outputs = read_samples(path, imported.manifest)
        if outputs is not None:
            return _lines(inputs, outputs), path.name
    elif imported.samples:
        return [dict(sample) for sample in imported.samples], "the source framework"
    else:
        inputs = make_inputs(imported.manifest, imported.tensors)
    try:
        outputs = list(reference_answers(imported.manifest, imported.tensors, inputs))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if path is not None:
            raise ImportRefusedError(f"{path}: {error}") from error
        imported.notes.append(f"No samples were made ({error}); give some with --samples.")
        return [], "none"
    rounded = [np.asarray(row, np.float32) for row in outputs]
    return _lines(inputs, rounded), "a plain evaluation in double precision"


def _lines(inputs: Sequence[Any], outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Inputs that a float of 32 bits can't hold go as they are; outputs that aren't finite can't be compared."""
    pairs = zip(inputs, outputs, strict=True)
    return [{"input": row, "output": output} for row, output in pairs if not _infinite(output)]


def _infinite(output: Any) -> bool:
    return bool(np.isinf(np.asarray(_flat(output), np.float64)).any())


def _flat(output: Any) -> list[float]:
    if isinstance(output, list | tuple | np.ndarray):
        return [number for item in output for number in _flat(item)]
    return [float("nan") if output is None else float(output)]


def _widen_tolerance(manifest: dict[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
    """Outputs of a thousand that are sums of float32 can't agree within 1e-5 where they happen to be near 0."""
    numbers = np.abs(np.array([number for line in lines for number in _flat(line["output"])] or [0.0]))
    largest = float(np.nanmax(numbers)) if not np.isnan(numbers).all() else 0.0
    if "tolerance" not in manifest and largest > 2:
        manifest["tolerance"] = {"absolute": float(f"{_ABSOLUTE * largest:.1g}"), "relative": 1e-4}


def _parity(model: engine.Model, lines: Sequence[Mapping[str, Any]]) -> float | None:
    if not lines:
        return None
    found = answers(model, [line["input"] for line in lines]).astype(np.float64)
    expected: NDArray[np.float64] = np.array([_flat(line["output"]) for line in lines], np.float64)
    gaps = np.abs(found - expected)
    return float(np.nanmax(gaps)) if not np.isnan(gaps).all() else 0.0


def _evaluate(
    model: engine.Model, manifest: Mapping[str, Any], path: Path, target: str | None, tell: Progress
) -> Evaluation:
    if target is None:
        raise ImportRefusedError("--eval needs --target: the column with the right answers")
    return evaluate(model, manifest, path, target, lambda done, total: tell("evaluating", done, total))


def _report(model: engine.Model, imported: Imported, lines: Sequence[Any], source: str, parity: float | None) -> Report:
    manifest = imported.manifest
    provenance = manifest.get("provenance", {})
    return Report(
        name=model.name,
        version=model.version,
        folder=None,
        framework=" ".join(str(provenance[key]) for key in ("framework", "version") if key in provenance),
        task=model.task,
        inputs=[input_line(item) for item in manifest["inputs"]],
        steps=[step_line(step) for step in manifest.get("preprocess", ())],
        layers=[layer_line(layer) for layer in manifest["layers"]],
        parameters=model.parameters,
        outputs=model.outputs,
        labels=model.labels,
        samples=len(lines),
        samples_from=source,
        parity=parity,
        notes=list(imported.notes),
    )


def input_line(item: Mapping[str, Any]) -> str:
    """An input in words."""
    if item["kind"] == "table":
        columns = [f"{column['name']} ({column['type']})" for column in item["columns"]]
        more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
        return f"{item['name']}: table of {', '.join(columns[:8])}{more}"
    if item["kind"] == "text":
        return f"{item['name']}: text"
    return f"{item['name']}: {' x '.join(map(str, item['shape']))} numbers{', or a picture' if 'image' in item else ''}"


def step_line(step: Mapping[str, Any]) -> str:
    """A step in words."""
    read = step.get("input") or ", ".join(step.get("inputs", ()))
    columns = step.get("columns", [step["column"]] if step.get("column") else [])
    shown = f" [{', '.join(map(str, columns[:6]))}{', …' if len(columns) > 6 else ''}]" if columns else ""
    return f"{step['op']} {read}{shown}"


def layer_line(layer: Mapping[str, Any]) -> str:
    """A layer in words."""
    activation = layer.get("activation")
    name = activation if isinstance(activation, str) or activation is None else activation["name"]
    words = [layer["op"], str(layer["units"]) if "units" in layer else "", name or ""]
    return f"{layer['name']}: {' '.join(word for word in words if word)}"
