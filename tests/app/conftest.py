"""A small real network in the store, an app that serves it, and what it must answer, computed by numpy."""

import json
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from numpy.typing import NDArray
from PIL import Image

from documented import DocumentedClient
from pyapp import create_app

ROW = [0.5, -1.0, 2.0, 0.25]


class Network:
    """4 inputs (or a picture of 2 x 2), 3 hidden units with relu, 2 labels by softmax."""

    labels = ("cat", "dog")

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        shapes = {"hidden/kernel": (4, 3), "hidden/bias": (3,), "scores/kernel": (3, 2), "scores/bias": (2,)}
        self.tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}

    def scores(self, rows: Any) -> NDArray[np.float32]:
        scaled = np.asarray(rows, np.float32) / 64
        hidden = np.maximum(scaled @ self.tensors["hidden/kernel"] + self.tensors["hidden/bias"], 0)
        raised = np.exp(hidden @ self.tensors["scores/kernel"] + self.tensors["scores/bias"])
        return raised / raised.sum(axis=-1, keepdims=True)

    def manifest(self) -> dict[str, Any]:
        steps = [{"op": "grayscale"}, {"op": "resize", "height": 2, "width": 2, "filter": "box"}]
        image = {"height": 2, "width": 2, "channels": 1, "steps": steps}
        return {
            "format": 1,
            "task": "classification",
            "description": "Cats and dogs",
            "inputs": [{"name": "numbers", "kind": "tensor", "shape": [4], "image": image}],
            "preprocess": [{"op": "scale", "input": "numbers", "factor": 1 / 64, "offset": 0}],
            "layers": [
                _dense("hidden", "numbers", 3, "relu"),
                _dense("scores", "hidden", 2, "softmax"),
            ],
            "outputs": [{"name": "scores", "layer": "scores", "labels": list(self.labels)}],
            "provenance": {"framework": "numpy"},
        }

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(json.dumps(self.manifest()))
        (folder / "weights.safetensors").write_bytes(safetensors(self.tensors))
        return folder


def _dense(name: str, source: str, units: int, activation: str) -> dict[str, Any]:
    return {
        "name": name,
        "op": "dense",
        "inputs": [source],
        "units": units,
        "kernel": f"{name}/kernel",
        "bias": f"{name}/bias",
        "activation": activation,
    }


def safetensors(tensors: dict[str, NDArray[np.float32]]) -> bytes:
    header, data = {}, b""
    for name, tensor in tensors.items():
        span = [len(data), len(data) + tensor.nbytes]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": span}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def picture(mode: str = "L", size: tuple[int, int] = (2, 2), format: str = "PNG", **options: Any) -> bytes:  # noqa: A002
    """A real encoded picture, half dark and half light."""
    grey = Image.new("L", size, 40)
    grey.paste(200, (size[0] // 2, 0, *size))
    encoded = BytesIO()
    grey.convert(mode).save(encoded, format, **options)
    return encoded.getvalue()


def claimed_png(width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    """A PNG of any claimed size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.fixture(autouse=True)
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every app here is asked by a client that knows what each route may answer."""
    monkeypatch.setattr(Flask, "test_client_class", DocumentedClient)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """pets, versions 1 and 2."""
    for version in (1, 2):
        Network(version).write(tmp_path / "store" / "pets" / str(version))
    return tmp_path / "store"


@pytest.fixture
def networks() -> dict[int, Network]:
    """What the versions in `store` compute."""
    return {version: Network(version) for version in (1, 2)}


@pytest.fixture
def write_network() -> Callable[[Path, int], Path]:
    return lambda folder, seed=1: Network(seed).write(folder)


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def png() -> Callable[..., bytes]:
    return claimed_png


@pytest.fixture
def row() -> list[float]:
    return list(ROW)


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "TESTING": True})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()
