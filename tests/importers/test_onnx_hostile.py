"""ONNX files that are broken, or mean harm: each is refused in words, without a crash or much memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from onnx_models import imported, model, node
from pyapp.importers import ImportOptions, ImportRefusedError
from pyapp.importers.onnx import read
from shared_data import SHARED, needs_shared_data

W = np.ones((4, 3), np.float32)


def refused_bytes(content: bytes, folder: Path) -> str:
    path = folder / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ImportRefusedError) as caught:
        read(path, ImportOptions())
    return str(caught.value)


def refused(proto: Any, folder: Path) -> str:
    return refused_bytes(proto.SerializeToString(), folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no graph"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 1\n", "is a Git LFS pointer"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x80\x04\x95", "is a pickle"),
        (b"<html><body>404</body></html>", "cannot be read as protobuf"),
        (b"\xff" * 100, "cannot be read as protobuf"),
    ],
)
def test_what_is_no_model(content: bytes, words: str, tmp_path: Path) -> None:
    assert words in refused_bytes(content, tmp_path)


@needs_shared_data
def test_a_model_cut_off_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    content = (SHARED / "onnx" / "iris-pytorch1.7" / "model.onnx").read_bytes()
    path = tmp_path / "model.onnx"
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        try:
            read(path, ImportOptions())
        except ImportRefusedError:
            continue
        pytest.fail(f"cut at {end} of {len(content)} it was read")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
@needs_shared_data
def test_changed_bytes_never_crash(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = data.draw(
        st.sampled_from(["iris-pytorch1.7", "skl2onnx-mlp-zipmap", "layer-zoo-batchnorm", "torchlayer-Linear"])
    )
    content = bytearray((SHARED / "onnx" / name / "model.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / "model.onnx"
    path.write_bytes(content)
    try:
        read(path, ImportOptions())
    except ImportRefusedError:
        pass


def external(folder: Path, **entries: str) -> Any:
    """A model whose weights lie elsewhere."""
    proto = model([node("MatMul", ["x", "W"], ["y"])], weights={"W": W})
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return proto


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/etc/passwd", "expected a file within the model's own folder"),
        ("../secret.bin", "expected a file within the model's own folder"),
        ("a/../../secret.bin", "expected a file within the model's own folder"),
        ("..\\secret.bin", "expected a file within the model's own folder"),
        ("", "expected a file within the model's own folder"),
        ("link.bin", "leads out of the model's folder"),
        ("links/secret.bin", "leads out of the model's folder"),
        ("nothing.bin", "there is no such file beside the model"),
        ("pipe", "there is no such file beside the model"),
        (".", "there is no such file beside the model"),
    ],
)
def test_external_data_stays_within_the_folder(location: str, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "links").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    message = refused(external(folder, location=location), folder)
    assert "initializer 'W': lies in" in message
    assert words in message


@pytest.mark.parametrize(
    "entries",
    [
        {"offset": "1"},
        {"offset": "-48"},
        {"length": "47"},
        {"length": "4800000000000"},
        {"offset": "one"},
        {"offset": "9223372036854775807"},
    ],
)
def test_external_data_must_have_the_right_length(entries: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(W.tobytes())
    assert imported(external(tmp_path, location="w.bin"), tmp_path).tensors
    assert "initializer 'W'" in refused(external(tmp_path, location="w.bin", **entries), tmp_path)


def test_cycles_are_found(tmp_path: Path) -> None:
    proto = model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])])
    assert "a cycle" in refused(proto, tmp_path)
    proto = model([node("Add", ["x", "y"], ["y"])])
    assert "a cycle" in refused(proto, tmp_path)


def test_a_name_must_be_made_once(tmp_path: Path) -> None:
    proto = model([node("Relu", ["x"], ["y"]), node("Tanh", ["x"], ["y"])])
    assert "makes 'y', as does node 0" in refused(proto, tmp_path)


def test_names_that_nothing_makes(tmp_path: Path) -> None:
    assert "reads 'z': nothing makes it" in refused(model([node("Add", ["x", "z"], ["y"])]), tmp_path)
    assert "reads 'y': nothing makes it" in refused(model([node("Relu", ["x"], ["z"])]), tmp_path)


@pytest.mark.parametrize("dims", [[2**40], [2**31, 2**31, 2**31], [-4, -3], [4, 2**62]])
def test_giant_tensors_take_no_memory(dims: list[int], tmp_path: Path) -> None:
    proto = model([node("MatMul", ["x", "W"], ["y"])], weights={"W": W})
    proto.graph.initializer[0].dims[:] = dims
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "initializer 'W': has" in refused(proto, tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("ConstantOfShape", ["big"], ["k"]), node("Add", ["x", "k"], ["y"])], "which is too large"),
        ([node("Expand", ["one", "big"], ["k"]), node("Add", ["x", "k"], ["y"])], "which is too large"),
        ([node("Tile", ["one", "big"], ["k"]), node("Add", ["x", "k"], ["y"])], "which is too large"),
        ([node("Range", ["zero", "end", "step"], ["k"]), node("Add", ["x", "k"], ["y"])], "which is too large"),
        ([node("Expand", ["x", "wide"], ["y"])], "too large"),
    ],
)
def test_constants_cannot_grow_without_end(nodes: list[Any], words: str, tmp_path: Path) -> None:
    weights = {
        "big": np.array([2**20, 2**20]),
        "one": np.ones((1, 1), np.float32),
        "zero": np.float32(0),
        "end": np.float32(1e12),
        "step": np.float32(1),
        "wide": np.array([2**20, 1, 4]),
    }
    assert words in refused(model(nodes, weights=weights), tmp_path)


@pytest.mark.parametrize("shape", [("N", 2**31), ("N", "M", 4), ("N", 2**14, 2**14)])
def test_rows_have_a_size_that_can_be_served(shape: tuple[Any, ...], tmp_path: Path) -> None:
    assert "input 'x': has" in refused(model([node("Relu", ["x"], ["y"])], shape=shape), tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_must_be_finite(value: float, tmp_path: Path) -> None:
    broken = W.copy()
    broken[1, 1] = value
    assert "a NaN or an infinity" in refused(
        model([node("MatMul", ["x", "W"], ["y"])], weights={"W": broken}), tmp_path
    )


def test_a_deep_graph_is_no_trouble(tmp_path: Path) -> None:
    nodes = [node("Identity", [f"h{i}" if i else "x"], [f"h{i + 1}"]) for i in range(20_000)]
    assert imported(model([*nodes, node("Relu", ["h20000"], ["y"])]), tmp_path).manifest["layers"]


def test_sequences_are_no_input(tmp_path: Path) -> None:
    inputs = [helper.make_tensor_sequence_value_info("x", 1, None)]
    assert "is a sequence_type; expected a tensor" in refused(
        model([node("Relu", ["x"], ["y"])], inputs=inputs), tmp_path
    )
