"""The writer of model packages: it writes what was given, the engine reads it, and nothing else gets through."""

import copy
import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_packages import dense_network, reference
from pyapp import engine
from pyapp.packages import load, write_package, writer
from pyapp.serving.registry import Registry

pytest.importorskip("jsonschema", reason="the writer needs the [import] extra")
pytest.importorskip("safetensors", reason="the writer needs the [import] extra")

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "models"
DIGITS = REPOSITORY / "tests" / "data" / "digits"
SHIPPED = [MODELS / "mnist" / "1", MODELS / "mnist" / "2"]

SIZES = (5, 4, 3)
ROW = [0.1, -2.5, 0.0, 1e-7, 3.0]


@pytest.fixture
def manifest() -> dict[str, Any]:
    return dense_network(SIZES)[0]


@pytest.fixture
def tensors() -> dict[str, NDArray[Any]]:
    return dict(dense_network(SIZES)[1])


@pytest.fixture
def samples(manifest: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    rows = np.array([ROW], np.float32)
    return [{"input": rows[0], "output": reference(manifest, tensors, rows).astype(np.float32)[0]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "small" / "1"


def read_header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where the data starts, and the header."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return 8 + length, json.loads(data[8 : 8 + length])


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir()) if folder.parent.exists() else []


def test_writes_what_was_given(folder: Path, manifest: Any, tensors: Any, samples: Any) -> None:
    assert write_package(folder, manifest, tensors, samples) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "samples.jsonl", "weights.safetensors"]
    assert left_behind(folder) == ["1"]
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert json.loads((folder / "model.json").read_text()) == manifest | {"weights_sha256": digest}
    from safetensors.numpy import load_file

    loaded = load_file(folder / "weights.safetensors")
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        np.testing.assert_array_equal(loaded[name], tensor)


def test_the_engine_answers_as_the_network_does(folder: Path, manifest: Any, tensors: Any, samples: Any) -> None:
    model = engine.Model.load(write_package(folder, manifest, tensors, samples))
    rows = np.random.default_rng(0).normal(size=(20, SIZES[0])).astype(np.float32)
    np.testing.assert_allclose(model.predict(rows), reference(manifest, tensors, rows), atol=1e-6)


@pytest.mark.parametrize("name_length", [1, 7, 20, 33, 64])
def test_data_starts_on_a_cache_line(folder: Path, manifest: Any, tensors: Any, name_length: int) -> None:
    name = "k" * name_length  # the header's length, and so its padding, depends on it
    tensors[name] = tensors.pop("layer0/kernel")
    manifest["layers"][0]["kernel"] = name
    start, header = read_header(write_package(folder, manifest, tensors, []) / "weights.safetensors")
    assert start % 64 == 0
    assert set(header) == set(tensors)
    engine.Model.load(folder)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
def test_dtypes_and_byte_orders(folder: Path, manifest: Any, tensors: Any, dtype: str) -> None:
    tensors = {name: tensor.astype(dtype) for name, tensor in tensors.items()}
    model = engine.Model.load(write_package(folder, manifest, tensors, []))
    _, header = read_header(folder / "weights.safetensors")
    assert {entry["dtype"] for entry in header.values()} == {f"F{8 * np.dtype(dtype).itemsize}"}
    rows = np.array([ROW], np.float32)
    np.testing.assert_allclose(model.predict(rows), reference(manifest, tensors, rows), atol=1e-6)


def test_a_transposed_tensor_keeps_its_values(folder: Path, manifest: Any, tensors: Any) -> None:
    expected = tensors["layer0/kernel"].copy()
    tensors["layer0/kernel"] = np.asfortranarray(expected)
    write_package(folder, manifest, tensors, [])
    from safetensors.numpy import load_file

    np.testing.assert_array_equal(load_file(folder / "weights.safetensors")["layer0/kernel"], expected)


def test_samples_read_back_bit_by_bit_with_few_digits(folder: Path, manifest: Any, tensors: Any) -> None:
    output = np.array([1 / 3, 2e-9, 0.1], np.float32)
    manifest["tolerance"] = {"absolute": 1}
    write_package(folder, manifest, tensors, [{"input": np.arange(5, dtype=np.uint8), "output": output}] * 2)
    text = (folder / "samples.jsonl").read_text()
    lines = text.splitlines()
    assert len(lines) == 2 and text.endswith("\n")
    assert lines[0] == '{"input": [0, 1, 2, 3, 4], "output": [0.33333334, 2e-09, 0.1]}'
    np.testing.assert_array_equal(np.array(json.loads(lines[0])["output"], np.float32), output)


def test_refuses_a_version_that_exists(folder: Path, manifest: Any, tensors: Any) -> None:
    write_package(folder, manifest, tensors, [])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tensors["layer0/bias"] += 1
    with pytest.raises(FileExistsError, match="a version never changes"):
        write_package(folder, manifest, tensors, [])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert left_behind(folder) == ["1"]


def test_refuses_a_version_written_meanwhile(
    folder: Path, manifest: Any, tensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = writer.flush

    def flush_while_another_writes(path: Path) -> None:
        flush(path)
        if path != folder.parent and not folder.exists():
            folder.mkdir()
            (folder / "model.json").write_text("theirs")

    monkeypatch.setattr(writer, "flush", flush_while_another_writes)
    with pytest.raises(FileExistsError, match="a version never changes"):
        write_package(folder, manifest, tensors, [])
    assert [path.name for path in folder.iterdir()] == ["model.json"]
    assert (folder / "model.json").read_text() == "theirs"
    assert left_behind(folder) == ["1"]


@pytest.mark.parametrize("file", ["model.json", "weights.safetensors", "samples.jsonl"])
def test_a_full_disk_leaves_nothing(
    folder: Path, manifest: Any, tensors: Any, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = writer._write_file

    def fail(path: Path, content: bytes) -> None:
        if path.name == file:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(writer, "_write_file", fail)
    with pytest.raises(OSError, match="No space left"):
        write_package(folder, manifest, tensors, [])
    assert left_behind(folder) == []


def test_everything_is_on_disk_before_the_name_is(
    folder: Path, manifest: Any, tensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        flushed.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, folder.exists()))

    monkeypatch.setattr(os, "fsync", record)
    write_package(folder, manifest, tensors, [])
    assert [name for name, visible in flushed if not visible][:3] == [
        "model.json",
        "weights.safetensors",
        "samples.jsonl",
    ]
    assert sum(not visible for _, visible in flushed) == 4  # the files, and the folder that holds them
    assert flushed[-1] == ("small", True)


@pytest.mark.parametrize("version", ["0", "01", "-1", "latest", "1.5", "²"])
def test_refuses_what_is_no_version(tmp_path: Path, manifest: Any, tensors: Any, version: str) -> None:
    with pytest.raises(ValueError, match="expected a positive integer"):
        write_package(tmp_path / "small" / version, manifest, tensors, [])
    assert list(tmp_path.iterdir()) == []


def change(manifest: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """A copy with the place that the pointer names set to the value, or taken away (...)."""
    changed = copy.deepcopy(manifest)
    *way, last = (int(part) if part.isdigit() else part for part in pointer.split("/")[1:])
    place: Any = changed
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("pointer", "value", "message"),
    [
        ("/format", 2, r"at /format: 1 was expected"),
        ("/format", ..., r"'format' is a required property"),
        ("/task", "clustering", r"at /task: 'clustering' is not one of \['classification', 'regression'\]"),
        ("/pickle", "x", r"'pickle' was unexpected"),
        ("/provenance", {"loss": float("nan")}, r"model.json: .*JSON"),
        ("/provenance", {"created": object()}, r"model.json: .*JSON"),
        ("/inputs/0/shape", [], r"at /inputs/0/shape: .*non-empty"),
        ("/inputs/0/shape", [5, 0], r"at /inputs/0/shape/1: 0 is less than the minimum of 1"),
        ("/inputs/0/kind", "tensors", r"at /inputs/0/kind: 'tensors' is not one of"),
        (
            "/inputs/0/image",
            {"height": 1, "width": 5, "channels": 2, "steps": [{"op": "grayscale"}]},
            r"/image/channels",
        ),
        ("/preprocess", [{"op": "scale", "input": "x"}], r"at /preprocess/0: 'factor' is a required property"),
        ("/preprocess", [{"op": "scale", "input": "y", "factor": 2}], r"at /preprocess/0/input: there is no input"),
        ("/preprocess", [{"op": "scales", "input": "x"}], r"at /preprocess/0/op: 'scales' is not one of"),
        ("/layers", [], r"at /layers: .*non-empty"),
        ("/layers/0/units", 0, r"at /layers/0/units: 0 is less than the minimum of 1"),
        ("/layers/0/units", 3, r"at /layers/0/kernel: tensor layer0/kernel has shape \[5, 4\]; expected \[5, 3\]"),
        ("/layers/0/op", "denser", r"at /layers/0/op: 'denser' is not one of"),
        ("/layers/0/kernel", ..., r"at /layers/0: 'kernel' is a required property"),
        ("/layers/0/kernel", "w", r"at /layers/0/kernel: .*tensor.* w"),
        ("/layers/0/bias", ..., r"weights.safetensors: no layer or step uses layer0/bias"),
        ("/layers/0/activation", "rellu", r"at /layers/0/activation: 'rellu' is not one of"),
        ("/layers/0/activation", "prelu", r"at /layers/0/activation: 'prelu' is not one of"),
        ("/layers/0/activation", {"name": "elu", "slope": 1}, r"at /layers/0/activation: .*'slope' was unexpected"),
        ("/layers/0/inputs", ["z"], r"at /layers/0/inputs/0: there is no input or earlier layer named z"),
        ("/layers/0/inputs", ["layer1"], r"at /layers/0/inputs/0: there is no input or earlier layer named layer1"),
        ("/layers/0/inputs", ["x", "x"], r"/layers/0/kernel: .* has shape \[5, 4\]; expected \[10, 4\]"),
        ("/layers/1/name", "layer0", r"at /layers/1/name: there is another layer of that name"),
        ("/outputs/0/layer", "layer9", r"at /outputs/0/layer: there is no input or earlier layer named layer9"),
        ("/outputs/0/labels", ["a", "b"], r"at /outputs/0/labels: expected 3 labels"),
    ],
)
def test_refuses_a_manifest_and_names_the_field(
    folder: Path, manifest: Any, tensors: Any, pointer: str, value: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_package(folder, change(manifest, pointer, value), tensors, [])
    assert not folder.parent.exists()


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("layer0/kernel", np.zeros((4, 5), np.float32), r"layer0/kernel has shape \[4, 5\]; expected \[5, 4\]"),
        ("layer0/kernel", np.zeros((5, 4), np.int32), r"layer0/kernel is int32; expected float16, float32, float64"),
        ("layer0/kernel", np.zeros((5, 4), np.complex64), r"layer0/kernel is complex64"),
        ("layer0/kernel", np.full((5, 4), np.nan, np.float32), r"layer0/kernel holds a NaN"),
        ("layer1/bias", np.zeros((3, 1), np.float32), r"layer1/bias has shape \[3, 1\]; expected \[3\]"),
        ("extra", np.zeros(3, np.float32), r"no layer or step uses extra"),
    ],
)
def test_refuses_tensors(
    folder: Path, manifest: Any, tensors: Any, name: str, tensor: NDArray[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_package(folder, manifest, tensors | {name: tensor}, [])
    assert not folder.parent.exists()


def test_refuses_a_sample_that_the_source_answers_otherwise(
    folder: Path, manifest: Any, tensors: Any, samples: Any
) -> None:
    samples[0]["output"] = samples[0]["output"] + np.float32(0.01)
    with pytest.raises(ValueError, match=r"samples.jsonl: line 1: output 0 is .*expected it within 1e-05"):
        write_package(folder, manifest, tensors, samples)
    assert not folder.parent.exists()


def test_a_changed_weight_is_noticed_before_anything_is_loaded(
    folder: Path, manifest: Any, tensors: Any, samples: Any
) -> None:
    write_package(folder, manifest, tensors, samples)
    assert load(folder).parameters == 39
    weights = folder / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(engine.PackageError, match=r"weights.safetensors: its SHA-256 is .* at /weights_sha256 says"):
        load(folder)
    registry = Registry(folder.parents[1])
    registry.reload()
    assert "SHA-256" in registry.snapshot.models["small"].versions[0].reason


@pytest.mark.parametrize("digest", ["", "0" * 63, "g" * 64, 1, None])
def test_a_digest_that_is_none_is_refused(folder: Path, manifest: Any, tensors: Any, digest: Any) -> None:
    path = write_package(folder, manifest, tensors, []) / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": digest}))
    with pytest.raises(engine.PackageError, match=r"model.json at /weights_sha256: expected 64 hexadecimal digits"):
        load(folder)


def test_a_package_without_a_digest_or_with_a_broken_manifest_is_the_engines(
    folder: Path, manifest: Any, tensors: Any
) -> None:
    path = write_package(folder, manifest, tensors, []) / "model.json"
    path.write_text(json.dumps(manifest))
    assert load(folder).name == "small"
    path.write_text("{")
    with pytest.raises(engine.PackageError, match=r"model\.json"):
        load(folder)


def test_a_failed_version_leaves_the_others(folder: Path, manifest: Any, tensors: Any) -> None:
    write_package(folder, manifest, tensors, [])
    with pytest.raises(ValueError, match="at /task"):
        write_package(folder.with_name("2"), manifest | {"task": "x"}, tensors, [])
    tensors["layer0/bias"] = np.zeros(9, np.float32)
    with pytest.raises(ValueError, match="layer0/bias"):
        write_package(folder.with_name("2"), manifest, tensors, [])
    assert left_behind(folder) == ["1"]


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"input": ROW[:4], "output": [0, 0, 1]}, r"line 2, input: row has 4 numbers; the model takes 5"),
        ({"input": ROW, "output": [0, 1]}, r"line 2, output: 2 numbers; expected 3"),
        ({"input": ROW, "output": [0, 1, float("inf")]}, r"line 2: Out of range"),
        ({"input": ["a"] * 5, "output": [0, 0, 1]}, r"line 2, input at /0: /0 is a string; expected a number"),
        ({"input": ROW}, r"line 2: has \['input'\]; expected input and output"),
    ],
)
def test_refuses_samples(
    folder: Path, manifest: Any, tensors: Any, samples: Any, sample: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_package(folder, manifest, tensors, [*samples, sample])
    assert not folder.parent.exists()


def vector(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


def test_graphs_of_every_layer_are_taken_by_writer_and_engine_alike(folder: Path) -> None:
    tensors = {
        "kernel": np.eye(3, 2, dtype=np.float32),
        "slope": vector(0.5, 0.25),
        "mean": vector(1, 2),
        "variance": vector(4, 9),
        "gamma": vector(2, 3),
        "beta": vector(-1, 1),
    }
    normalised = {"mean": "mean", "variance": "variance", "gamma": "gamma", "beta": "beta", "epsilon": 0.0}
    prelu = {"name": "prelu", "slope": "slope"}
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [
            {"name": "a", "kind": "tensor", "shape": [3]},
            {"name": "b", "kind": "tensor", "shape": [1, 2]},
        ],
        "preprocess": [{"op": "standardise", "input": "b", "mean": [1, 1], "scale": 2}],
        "layers": [
            {"name": "dense", "op": "dense", "inputs": ["a"], "units": 2, "kernel": "kernel", "activation": prelu},
            {"name": "flat", "op": "flatten", "inputs": ["b"]},
            {"name": "shaped", "op": "reshape", "inputs": ["flat"], "shape": [2, 1]},
            {"name": "norm", "op": "batch_normalization", "inputs": ["shaped"], **normalised},
            {"name": "add", "op": "add", "inputs": ["dense", "norm"]},
            {"name": "subtract", "op": "subtract", "inputs": ["add", "norm"]},
            {"name": "multiply", "op": "multiply", "inputs": ["subtract", "norm"]},
            {"name": "average", "op": "average", "inputs": ["multiply", "dense", "norm"]},
            {"name": "maximum", "op": "maximum", "inputs": ["average", "add"]},
            {"name": "minimum", "op": "minimum", "inputs": ["maximum", "dense"]},
            {"name": "both", "op": "concatenate", "inputs": ["minimum", "average"]},
            {
                "name": "out",
                "op": "activation",
                "inputs": ["both"],
                "activation": {"name": "leaky_relu", "negative_slope": 0.5},
            },
        ],
        "outputs": [{"name": "y", "layer": "out"}],
    }
    row = vector(-2, 3, 7, 5, -3)
    b = (row[3:] - 1) / 2
    dense = np.where(row[:2] < 0, row[:2] * tensors["slope"], row[:2])
    norm = (b - tensors["mean"]) / np.sqrt(tensors["variance"]) * tensors["gamma"] + tensors["beta"]
    average = (dense * norm + dense + norm) / 3
    both = np.concatenate([np.minimum(np.maximum(average, dense + norm), dense), average])
    expected = np.where(both < 0, both * 0.5, both)

    write_package(folder, manifest, tensors, [{"input": row, "output": expected}])
    np.testing.assert_allclose(engine.Model.load(folder).predict(row[None])[0], expected, rtol=1e-5)


def test_layers_without_kernels_can_be_written(folder: Path) -> None:
    tensors = {"gamma": vector(2, 1, 3), "beta": vector(0, 1, 0), "base": vector(2, 4, 8)}
    layers: list[dict[str, Any]] = [
        {"name": "layer", "op": "layer_normalization", "inputs": ["x"], "gamma": "gamma", "beta": "beta"},
        {"name": "rms", "op": "rms_normalization", "inputs": ["layer"], "epsilon": 0.5},
        {"name": "unit", "op": "normalise", "inputs": ["rms"], "norm": "l1"},
        {"name": "sum", "op": "reduce", "inputs": ["unit"], "function": "sum", "activation": "sigmoid"},
        {"name": "base", "op": "constant", "value": "base"},
        {"name": "power", "op": "power", "inputs": ["base", "sum"]},
        {"name": "divide", "op": "divide", "inputs": ["sum", "power"]},
        {"name": "y", "op": "select", "inputs": ["divide"], "columns": [2, 0]},
    ]
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [3]}],
        "layers": layers,
        "outputs": [{"name": "y", "layer": "y"}],
    }
    x = vector(1, 5, -3)
    normal = (x - x.mean()) / np.sqrt(x.var() + 1e-3) * tensors["gamma"] + tensors["beta"]
    rms = normal / np.sqrt((normal**2).mean() + 0.5)
    total = 1 / (1 + np.exp(-(rms / np.abs(rms).sum()).sum()))
    expected = (total / tensors["base"] ** total)[[2, 0]]
    write_package(folder, manifest, tensors, [{"input": x, "output": expected}])
    np.testing.assert_allclose(engine.Model.load(folder).predict(x[None])[0], expected, rtol=1e-5)

    layers[-1]["columns"] = [3]
    with pytest.raises(ValueError, match="/layers/7/columns/0: a column must be a whole number from 0 to 2"):
        write_package(folder.with_name("2"), manifest, tensors, [])


def test_the_schema_knows_every_activation_of_the_engine(folder: Path, manifest: Any, tensors: Any) -> None:
    schema = json.loads(Path(writer.__file__).with_name("schema.json").read_text())
    names = schema["$defs"]["activation"]["then"]["enum"]
    assert len(names) >= 20
    for version, name in enumerate(names, 1):
        changed = change(manifest, "/layers/0/activation", name)
        engine.Model.load(write_package(folder.with_name(str(version)), changed, tensors, []))
    header = (REPOSITORY / "ext" / "core" / "activate.h").read_text()
    listed = {line.split('"')[1] for line in header.splitlines() if line.strip().startswith("XX(") and '"' in line}
    assert set(names) | {"prelu"} == listed


@pytest.mark.parametrize("package", SHIPPED, ids=str)
def test_a_shipped_package_is_one_that_the_writer_writes(package: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    manifest = json.loads((package / "model.json").read_text())
    tensors = load_file(package / "weights.safetensors")
    samples = [json.loads(line) for line in (package / "samples.jsonl").read_text().splitlines()]
    again = write_package(tmp_path / "mnist" / package.name, manifest, tensors, samples)
    for file in package.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name
    assert sum(file.stat().st_size for file in package.iterdir()) <= 500_000


@pytest.mark.parametrize("package", SHIPPED, ids=str)
def test_a_shipped_model_answers_its_samples(package: Path) -> None:
    samples = [json.loads(line) for line in (package / "samples.jsonl").read_text().splitlines()]
    inputs = np.array([sample["input"] for sample in samples], np.float32)
    outputs = np.array([sample["output"] for sample in samples], np.float32)
    assert inputs.shape == (10, 784)
    assert inputs.max() == 255  # as a client sends them: not scaled yet
    answers = engine.Model.load(package).predict(inputs)
    np.testing.assert_allclose(answers, outputs, atol=1e-5)
    assert answers.argmax(axis=1).tolist() == list(range(10))


@pytest.mark.parametrize("package", SHIPPED, ids=str)
def test_a_shipped_model_knows_digits_that_it_was_trained_on(package: Path) -> None:
    images, labels = np.load(DIGITS / "images.npy"), np.load(DIGITS / "labels.npy")
    assert images.shape == (100, 784) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [10] * 10
    right = engine.Model.load(package).predict(images.astype(np.float32)).argmax(axis=1) == labels
    assert right.mean() >= 0.97


@pytest.mark.parametrize(("package", "at_least"), list(zip(SHIPPED, [0.975, 0.987], strict=True)), ids=str)
def test_a_shipped_model_is_as_good_as_it_says(package: Path, at_least: float) -> None:
    folder = REPOSITORY.parent / "shared" / "data" / "data" / "mnist"
    if not folder.exists():
        pytest.skip("the test images are not here")
    import gzip

    def read(name: str, header: int) -> NDArray[np.uint8]:
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=header)

    images = read("images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32)
    labels = read("labels-idx1-ubyte.gz", 8)
    accuracy = float((engine.Model.load(package).predict(images).argmax(axis=1) == labels).mean())
    metrics = json.loads((package / "model.json").read_text())["provenance"]["metrics"]
    assert metrics["test_images"] == len(images)
    assert accuracy >= at_least
    # Another order of summation may move an image that lies on the edge between two digits.
    assert accuracy == pytest.approx(metrics["test_accuracy"], abs=2.5 / len(images))
