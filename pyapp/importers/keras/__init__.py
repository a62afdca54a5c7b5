"""Keras models of versions 1 to 3 and tf.keras: .h5, .keras and files of weights.  By h5py; no code in them is run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..imported import Imported, ImportOptions
from ..problems import ImportRefusedError, Problems
from .architecture import Config, Layer, Model, read_model
from .files import KerasFile, holds_hdf5, open_file, read_json
from .graph import Converter
from .hdf5 import h5py
from .layers import policy
from .rows import Builder, Rows
from .task import labelled, task_of
from .trial import survive
from .weights import load_weights, simple_architecture

__all__ = ["read"]

MAX_ARCHITECTURE = 1 << 28
"""Bytes of a file given as the architecture."""

_MISFITS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


def read(path: Path, options: ImportOptions) -> Imported:
    """A Keras model as a package.

    `options.architecture` is needed for files of weights alone: what model.to_json() writes, or {"layers": [{"type":
    "linear", "tensors": NAME, "then": ACTIVATION}, …]}.  `options.output` picks one of several outputs by its name.

    Raises ImportRefusedError that names everything that cannot be served, FileNotFoundError, and ModuleNotFoundError
    without h5py (the `[import]` extra).
    """
    h5py()
    if holds_hdf5(path):
        survive(path, options.architecture)
    return read_here(path, options)


def read_here(path: Path, options: ImportOptions) -> Imported:
    """The same, in this process; files that are damaged on purpose may take it down."""
    file = open_file(path)
    try:
        return _read(file, options)
    except ImportRefusedError:
        raise
    except _MISFITS as error:  # a configuration may hold anything at all at any place
        raise ImportRefusedError(
            f"{file.name} has a configuration that no Keras writes ({type(error).__name__}: {error})"
        ) from error
    finally:
        file.hdf5.close()


def _read(file: KerasFile, options: ImportOptions) -> Imported:
    config = _config(file, options)
    problems = Problems(file.name)
    model = read_model(config, file.name)
    version = file.version or (str(config["keras_version"]) if config.get("keras_version") else None)
    builder = Builder(_major(version, config))
    try:
        load_weights(file, model)
        unloaded = None
    except ImportRefusedError as error:
        unloaded = error
    converter = Converter(model, builder, file.assets, problems)
    if unloaded is not None:  # layers that cannot be served say more than weights that do not fit them
        if converter.unserved:
            problems.raise_if_any()
        raise unloaded
    outputs = _outputs(model, converter.outputs, options, problems)
    problems.raise_if_any()

    served = [(name, _answer(builder, name, rows)) for name, rows in outputs]
    task = options.task or task_of(builder.network, [layer for _, layer in served], file.training, options.labels)
    notes = _notes(model, builder.major)
    entries = labelled(builder.network, served, options.labels, task, file.name)
    provenance = {
        "framework": "keras",
        **({"version": version} if version else {}),
        "source": file.name,
        "sha256": file.sha256,
        "layers": ", ".join(_in_words(layer) for layer in model.walk() if layer.inner is None),
    }
    manifest = builder.network.manifest(task, entries, provenance)
    return Imported(manifest, builder.network.tensors, notes)


def _config(file: KerasFile, options: ImportOptions) -> Config:
    """Of the file itself, or the one that was given for its weights."""
    if options.architecture is None:
        if file.config is None:
            raise ImportRefusedError(
                f"{file.name} holds weights alone; give the architecture too (--architecture FILE), as "
                "model.to_json() writes it, or save the whole model with model.save('name.keras')"
            )
        return file.config
    name = options.architecture.name
    if options.architecture.stat().st_size > MAX_ARCHITECTURE:
        raise ImportRefusedError(f"{name} has more than {MAX_ARCHITECTURE} bytes; expected what model.to_json() writes")
    config = read_json(options.architecture.read_bytes(), name)
    if "class_name" not in config and isinstance(config.get("layers"), list):
        return simple_architecture(file, config)
    return config


def _major(version: str | None, config: Config) -> int:
    """Of Keras; where no version is stated, by the forms that only one of them writes."""
    if version and version[:1] in "123" and version[1:2] in (".", ""):
        return int(version[0])
    text = str(config)
    if "DTypePolicy" in text or "'batch_shape'" in text or "__keras_tensor__" in text or "keras.src.models" in text:
        return 3
    return 1 if "'output_dim'" in text and "'units'" not in text else 2


def _outputs(
    model: Model, rows: Sequence[Rows | None], options: ImportOptions, problems: Problems
) -> list[tuple[str, Rows]]:
    named = list(zip([name for name, _ in model.outputs], rows, strict=True))
    if options.output is not None:
        found = [pair for pair in named if pair[0] == options.output]
        if not found:
            names = ", ".join(name for name, _ in named)
            problems.add("outputs", f"there is no output {options.output!r}; the model has {names}")
        named = found
    return [(name, row) for name, row in named if row is not None]


def _answer(builder: Builder, name: str, rows: Rows) -> str:
    """The layer whose rows are an output: one that only passes its input on, if there is none."""
    read = builder.read(rows)
    if any(layer["name"] == read for layer in builder.network.layers):
        return read
    return builder.network.activate(read, None, name, fold=False)


def _notes(model: Model, major: int) -> list[str]:
    notes = []
    low = sorted({policy(layer) for layer in model.walk() if "float16" in policy(layer)})
    if low:
        notes.append(
            f"the model computes in {', '.join(low)}; served, it computes in float32, which is nearer to exact"
        )
    if major == 1:
        notes.append("the file was written by Keras 1")
    return notes


def _in_words(layer: Layer) -> str:
    config: dict[str, Any] = layer.config
    units = config.get("units", config.get("output_dim"))
    activation = config.get("activation")
    words = [layer.kind, *([str(units)] if units else []), *([activation] if isinstance(activation, str) else [])]
    return " ".join(words)
