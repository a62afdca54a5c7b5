"""Real ONNX files: equal to what onnxruntime answers, or refused in the right words."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from onnx_models import Array, load, row_width
from pyapp.engine import Engine
from pyapp.importers import Imported, ImportOptions, ImportRefusedError
from pyapp.importers.onnx import read
from shared_data import SHARED, TESTS_DATA, assert_close, items, jsonl, needs_shared_data

# Weights that are inputs: a product of two things that are sent is no layer.
REFUSED_ITEMS = {"torchlayer-operator_addmm": "node 0 (Gemm, output '3'): multiplies two computed tensors"}

REFUSE_WORDS = {
    "cnn": [
        "node 0 (Conv '/conv1/Conv'): is a convolution",
        "node 2 (MaxPool '/pool/MaxPool'): is a convolution or pooling",
    ],
    "custom-domain": ["node 1 (community.fpgai.ScaleBias 'scale_bias_0'): is a custom operator of 'community.fpgai'"],
    "maxpool": ["node 0 (MaxPool, output 'y'): is a convolution or pooling"],
    "quantised": ["(DynamicQuantizeLinear, output 'q'): computes with quantised", "(MatMulInteger, output 'i')"],
    "rnn": ["node 14 (RNN, output '22'): is recurrent"],
    "tree-ensemble": ["(ai.onnx.ml.TreeEnsembleClassifier 'LgbmClassifier'): is an ensemble of trees"],
}

# By reason; all others of the 125 are served.
REFUSED_NODES = {
    "starts again from the other end": [
        "add_int16", "add_uint16", "mul_int8", "mul_uint8", "sub_int8", "sub_uint8", "sub_uint32",
    ],
    "of whole numbers, which drops fractions": [
        "div_int32_trunc", "div_uint16", "div_uint64", "pow_types_int32_float32", "pow_types_int64_float32",
    ],
    "drops numbers at random": ["training_dropout", "training_dropout_default_mask"],
    "reshapes to [3, 4, 0]": ["reshape_allowzero_reordered"],  # a tensor without numbers
}  # fmt: skip


def rows_of(item: Path, package: Imported) -> Array:
    """The item's inputs, side by side in the package's order."""
    paths = sorted(item.glob("input*.npy"))
    widths = [int(np.prod(entry["shape"])) for entry in package.manifest["inputs"]]
    parts = [np.load(path).reshape(-1, width) for path, width in zip(paths, widths, strict=True)]
    return np.concatenate(parts, axis=1).astype(np.float32)


@needs_shared_data
@pytest.mark.parametrize("item", items("onnx"), ids=lambda item: item.name)
def test_answers_are_those_of_onnxruntime(item: Path, tmp_path: Path) -> None:
    if item.name in REFUSED_ITEMS:
        with pytest.raises(ImportRefusedError) as caught:
            read(item / "model.onnx", ImportOptions())
        assert REFUSED_ITEMS[item.name] in str(caught.value)
        return
    package = read(item / "model.onnx", ImportOptions())
    found = load(package, tmp_path).predict(rows_of(item, package))
    (expected,) = (np.load(path) for path in item.glob("expected*.npy") if "label" not in path.name)
    assert_close(found, expected.reshape(found.shape))


@needs_shared_data
def test_labels_of_the_file_are_kept(tmp_path: Path) -> None:
    package = read(SHARED / "onnx" / "skl2onnx-linear-iris" / "model.onnx", ImportOptions())
    assert package.manifest["task"] == "classification"
    assert package.manifest["outputs"] == [
        {"name": "output_probability", "layer": "LinearClassifier", "labels": ["0", "1", "2"]}
    ]
    assert any("output 'output_label' is the winning label" in note for note in package.notes)


@needs_shared_data
@pytest.mark.parametrize("item", items("onnx_refuse"), ids=lambda item: item.name)
def test_refusals_name_every_operator(item: Path) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read(item / "model.onnx", ImportOptions())
    message = str(caught.value)
    for words in REFUSE_WORDS[item.name]:
        assert words in message
    assert message.startswith("model.onnx cannot be served:\n")
    assert len(message.splitlines()) == 1 + len(REFUSE_WORDS[item.name])


def node_items() -> list[Path]:
    return items("onnx_node")


@needs_shared_data
def test_the_node_cases_are_all_there() -> None:
    assert len(node_items()) == 125
    refused = [f"test_{name}" for names in REFUSED_NODES.values() for name in names]
    assert set(refused) <= {item.name for item in node_items()}
    assert len(node_items()) - len(refused) == 110


@needs_shared_data
@pytest.mark.parametrize("item", node_items(), ids=lambda item: item.name)
def test_operators_compute_what_the_standard_says(item: Path, tmp_path: Path) -> None:
    """The first input is sent, the others are weights."""
    proto = onnx.load(item / "model.onnx")
    for i, entry in enumerate(proto.graph.input):
        if i > 0:
            proto.graph.initializer.append(numpy_helper.from_array(np.load(item / f"input_{i}.npy"), entry.name))
    path = tmp_path / "model.onnx"
    onnx.save(proto, path)
    reason = next((said for said, names in REFUSED_NODES.items() if item.name.removeprefix("test_") in names), None)
    if reason is not None:
        with pytest.raises(ImportRefusedError) as caught:
            read(path, ImportOptions())
        assert reason in str(caught.value)
        return
    package = read(path, ImportOptions())
    sent = np.load(item / "input_0.npy").astype(np.float32)
    found = load(package, tmp_path).predict(sent.reshape(-1, row_width(package)))
    assert_close(found, np.load(item / "output_0.npy").reshape(found.shape), absolute=1e-7, relative=1e-3)


def own_items() -> list[Path]:
    return items("onnx", TESTS_DATA)


@pytest.mark.parametrize("item", own_items(), ids=lambda item: item.name)
def test_pipelines_of_scikit_learn(item: Path, tmp_path: Path) -> None:
    """Through the whole data path, as a table's texts come in there alone."""
    package = read(item / "model.onnx", ImportOptions())
    model = load(package, tmp_path)
    lines = jsonl(item / "rows.jsonl")
    expected = np.array([line["output"] for line in lines])
    if package.manifest["inputs"][0]["kind"] == "tensor":
        found = model.predict(np.array([line["input"] for line in lines], np.float32))
    else:
        columns = {column["name"] for column in package.manifest["inputs"][0]["columns"]}
        records = [{name: cell for name, cell in line["input"].items() if name in columns} for line in lines]
        status, _, body = Engine().handle(model, "classify", json.dumps(records).encode(), "application/json")
        assert status == 200, body
        results = json.loads(body)
        results = results["results"] if isinstance(results, dict) else results
        key = "scores" if "scores" in results[0] else "values" if "values" in results[0] else "value"
        found = np.array([result[key] for result in results], np.float32).reshape(len(lines), -1)
    assert_close(found.reshape(expected.shape), expected)
