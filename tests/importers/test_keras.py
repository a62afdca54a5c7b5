"""Keras files, imported and asked: those of others of all versions, and ours of what they lack."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyapp.packages
from imported_models import answers
from keras_files import dense, layer, sequential, write_legacy, zipped
from pyapp.importers import Imported, ImportOptions, ImportRefusedError
from pyapp.importers.keras import read, read_here
from shared_data import TESTS_DATA, assert_close, items, meta, needs_shared_data

EYE = [("kernel:0", np.eye(2)), ("bias:0", [0.5, -0.5])]
SCHEMA = Path(pyapp.packages.__file__).with_name("schema.json").read_text(encoding="utf-8")
needs_steps = pytest.mark.skipif('"bucketise"' not in SCHEMA, reason="the steps of tables and texts are not here yet")


def imported(item: Path, **options: Any) -> Imported:
    """Without the trial in a process of its own, which the other tests here make."""
    (file,) = [path for path in item.iterdir() if path.suffix in (".h5", ".keras")]
    given = item / "architecture.json"
    return read_here(file, ImportOptions(architecture=given if given.exists() else None, **options))


def cases(root: list[Path]) -> list[Any]:
    """Those that need steps other than in-place ones are marked."""
    ours = ("normalization", "table", "text", "unknown")
    return [
        pytest.param(item, id=item.name, marks=needs_steps if _steps(item, ours) else [])
        for item in root
        if (item / "expected.npy").exists()
    ]


def _steps(item: Path, ours: tuple[str, ...]) -> bool:
    return item.name.startswith(ours) or any(word in item.name for word in ("made-k2-t", "made-k3-t"))


@needs_shared_data
@pytest.mark.parametrize("item", cases(items("keras")))
def test_a_real_file_is_answered_as_keras_answers_it(item: Path, tmp_path: Path) -> None:
    expected = np.load(item / "expected.npy")
    found = answers(imported(item, task="regression"), item, tmp_path)
    assert_close(found, expected.reshape(len(expected), -1))


@pytest.mark.parametrize("item", cases(items("keras", TESTS_DATA)))
def test_our_models_are_answered_as_keras_answers_them(item: Path, tmp_path: Path) -> None:
    assert_close(answers(imported(item, task="regression"), item, tmp_path), np.load(item / "expected.npy"))


@needs_shared_data
@pytest.mark.parametrize("item", items("keras_refuse"), ids=lambda item: item.name)
def test_what_cannot_be_served_is_refused_by_name(item: Path) -> None:
    served = [path for path in items("keras") if meta(path)["source"] == meta(item)["source"]]
    if any((path / "model.h5").read_bytes() == (item / "model.h5").read_bytes() for path in served):
        pytest.skip("its file is, byte for byte, that of an item which must be served; see the test of repeated names")
    with pytest.raises(ImportRefusedError) as error:
        imported(item)
    if item.name == "git-lfs-pointer":
        assert "is a Git LFS pointer, not the model" in str(error.value)
        return
    kinds = [words.strip().split(" ")[0] for words in meta(item)["layers"].split(",")]
    served_kinds = ["InputLayer", "Dense", "Flatten", "Dropout", "Activation", "Reshape", "BatchNormalization"]
    refused = [kind for kind in kinds if kind not in served_kinds]
    lines = str(error.value).splitlines()[1:]
    assert [line.split(": ")[1].split(" ")[0] for line in lines] == refused
    if "lambda" in item.name:
        assert str(error.value).count("Python code, which is never run") == 2


def test_repeated_names_and_widths_that_do_not_fit_are_told(tmp_path: Path) -> None:
    twice = sequential(dense("dense", 1), dense("dense", 2), width=2)
    path = write_legacy(tmp_path / "m.h5", twice, {"dense": EYE})
    with pytest.raises(ImportRefusedError, match=r"layers/2 \(dense\): the name 'dense' is also that of layers/1"):
        read(path, ImportOptions())
    config = sequential(dense("a", 1), dense("b", 2), width=2)
    kernels = {"a": [("kernel:0", np.ones((2, 1))), ("bias:0", [0])], "b": [("kernel:0", np.ones((11, 2))), EYE[1]]}
    path = write_legacy(tmp_path / "n.h5", config, kernels)
    with pytest.raises(ImportRefusedError, match=r"layers/2 \(b\): Dense it gets 1 value, but its weights want 11"):
        read(path, ImportOptions())


def test_keras_1_functional_models_and_its_merge_layer(tmp_path: Path) -> None:
    def node(kind: str, name: str, reads: list[str], **more: Any) -> dict[str, Any]:
        inbound = [[[read, 0, 0] for read in reads]] if reads else []
        return {**layer(kind, name, **more), "name": name, "inbound_nodes": inbound}

    layers = [
        node("InputLayer", "x", [], batch_input_shape=[None, 2], input_dtype="float32"),
        node("Dense", "d", ["x"], output_dim=2, bias=True, activation="hard_sigmoid"),
        node("Merge", "m", ["x", "d"], mode="concat", concat_axis=-1),
        node("BatchNormalization", "n", ["m"], mode=0, axis=-1, epsilon=0.0),
    ]
    config = {
        "class_name": "Model",
        "config": {"layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["n", 0, 0]]},
    }
    moving = [
        ("n_gamma", np.ones(4)),
        ("n_beta", np.zeros(4)),
        ("n_running_mean", np.ones(4)),
        ("n_running_std", [4] * 4),
    ]
    path = write_legacy(tmp_path / "m.h5", config, {"d": [("d_W", np.eye(2)), ("d_b", [0, 0])], "n": moving}, "1.2.2")
    np.save(tmp_path / "input.npy", np.float32([[1, -1]]))
    found = answers(read(path, ImportOptions()), tmp_path, tmp_path)
    assert_close(found, np.array([[0, -1, (0.7 - 1) / 2, (0.3 - 1) / 2]]))


def test_weights_of_keras_2_13_are_found_though_its_numbers_leave_some_out(tmp_path: Path) -> None:
    weights = {}
    for name, factor in (("dense", 1), ("dense_2", 2), ("dense_4", 3)):
        weights[f"_layer_checkpoint_dependencies/{name}/vars/0"] = np.eye(2) * factor
        weights[f"_layer_checkpoint_dependencies/{name}/vars/1"] = [factor, 0]
    config = sequential(dense("z", 2), dense("y", 2), dense("x", 2))
    np.save(tmp_path / "input.npy", np.float32([[1, 10]]))
    found = answers(read(zipped(tmp_path / "m.keras", config, weights), ImportOptions()), tmp_path, tmp_path)
    assert_close(found, np.array([[((1 + 1) * 2 + 2) * 3 + 3, 60]]))


@pytest.mark.parametrize(
    ("last", "loss", "options", "task"),
    [
        ("sigmoid", "mse", {}, "classification"),
        ("linear", "binary_crossentropy", {}, "classification"),
        ("linear", "mse", {}, "regression"),
        ("linear", "mse", {"labels": ["no", "yes"]}, "classification"),
        ("softmax", "mse", {"task": "regression"}, "regression"),
    ],
)
def test_the_task_is_told_by_activation_loss_and_options(
    last: str, loss: str, options: dict[str, Any], task: str, tmp_path: Path
) -> None:
    config = {**sequential(dense("d", 2, activation=last)), "compile_config": {"loss": loss}}
    path = zipped(tmp_path / "m.keras", config, {"layers/dense/vars/0": np.eye(2), "layers/dense/vars/1": [0, 0]})
    found = read(path, ImportOptions(**options))
    assert found.manifest["task"] == task
    assert found.manifest["outputs"][0].get("labels") == options.get("labels")
    assert (
        found.manifest["provenance"].items() >= {"framework": "keras", "version": "2.13.1", "source": "m.keras"}.items()
    )
    with pytest.raises(ImportRefusedError, match="there are 3 labels for 2 outputs"):
        read(path, ImportOptions(labels=["a", "b", "c"], task="classification"))
    with pytest.raises(ImportRefusedError, match="there is no output 'e'; the model has d"):
        read(path, ImportOptions(output="e"))


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    config = sequential(
        layer("Conv2D", "c"),
        layer("Lambda", "l"),
        {**layer("Mine", "m"), "registered_name": "pack>Mine"},
        dense("d", 2),
    )
    with pytest.raises(ImportRefusedError) as error:
        read(write_legacy(tmp_path / "m.h5", config, {"d": EYE}), ImportOptions())
    text = str(error.value)
    assert "layers/1 (c): Conv2D is a convolution" in text and "layers/2 (l): Lambda holds Python code" in text
    assert "layers/3 (m): Mine is a class of one's own (pack>Mine)" in text


def test_an_architecture_in_the_simple_form_names_the_layers(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", None, {"b": EYE, "a": [("kernel:0", [[1], [2]]), ("bias:0", [1])]})
    simple = {"layers": [{"type": "linear", "tensors": "b", "then": "relu"}, {"type": "linear", "tensors": "a"}]}
    (tmp_path / "architecture.json").write_text(json.dumps(simple))
    with pytest.raises(ImportRefusedError, match="holds weights alone; give the architecture too"):
        read(path, ImportOptions())
    np.save(tmp_path / "input.npy", np.float32([[1, 3]]))
    found = answers(read(path, ImportOptions(architecture=tmp_path / "architecture.json")), tmp_path, tmp_path)
    assert_close(found, np.array([[1.5 + 2 * 2.5 + 1]]))


def test_float64_weights_stay_and_half_precision_is_noted(tmp_path: Path) -> None:
    config = sequential(dense("d", 2, dtype={"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}))
    found = read(write_legacy(tmp_path / "m.h5", config, {"d": EYE}), ImportOptions())
    assert any("mixed_float16" in note for note in found.notes)
    config = sequential(
        dense("d", 2, dtype={"class_name": "QuantizedDTypePolicy", "config": {"name": "int8_from_float32"}})
    )
    with pytest.raises(ImportRefusedError, match="is quantised"):
        read(write_legacy(tmp_path / "q.h5", config, {"d": EYE}), ImportOptions())


def test_neither_keras_nor_h5py_is_needed_to_import_the_importer() -> None:
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from pathlib import Path\n"
        "from pyapp.importers import ImportOptions\n"
        "from pyapp.importers.keras import read\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
        "try: read(Path(sys.argv[1]), ImportOptions())\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    file = TESTS_DATA / "keras" / "merges-k3-h5" / "model.h5"
    run = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert "pip install 'flask-serving[import]'" in run.stdout
