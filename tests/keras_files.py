"""Small Keras files made by hand, in the forms that earlier versions wrote."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

Layers = Mapping[str, Sequence[tuple[str, ArrayLike]]]


def dense(name: str, units: int, **more: Any) -> dict[str, Any]:
    """A Dense layer's configuration."""
    return {"class_name": "Dense", "config": {"name": name, "units": units, "activation": "linear", **more}}


def layer(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """Any other's."""
    return {"class_name": kind, "config": {"name": name, **more}}


def sequential(*layers: dict[str, Any], width: int = 2) -> dict[str, Any]:
    """A model's."""
    first = layer("InputLayer", "first", batch_input_shape=[None, width], dtype="float32")
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": [first, *layers]}}


def write_legacy(path: Path, config: Any, weights: Layers, version: str = "2.4.0") -> Path:
    """As model.save('name.h5') of Keras 1 to 3 does; weights by layer, each under its name."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        if config is not None:
            file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            own = group.create_group(name)
            own.attrs["weight_names"] = [weight.encode() for weight, _ in arrays]
            for weight, array in arrays:
                own.create_dataset(weight, data=np.asarray(array, np.float32))
    return path


def zipped(path: Path, config: Any, weights: Mapping[str, ArrayLike], version: str = "2.13.1", **more: bytes) -> Path:
    """As model.save('name.keras') does; weights by their path in the HDF5 file."""
    memory = BytesIO()
    with h5py.File(memory, "w") as file:
        for name, array in weights.items():
            file.create_dataset(name, data=np.asarray(array, np.float32))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", memory.getvalue())
        for name, content in more.items():
            archive.writestr(name, content)
    return path
