"""The ONNX importer on graphs made here: every opset's way to say it, odd shapes, and what must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, defs, helper

from onnx_models import Array, answers, imported, load, model, node, reference
from pyapp.importers import ImportRefusedError
from shared_data import assert_close

NEWEST = defs.onnx_opset_version()
RNG = np.random.default_rng(6)
ROWS = RNG.normal(size=(7, 4)).astype(np.float32)
W, B = RNG.normal(size=(4, 5)).astype(np.float32), RNG.normal(size=5).astype(np.float32)
V = RNG.normal(size=(5, 3)).astype(np.float32)


def refused(proto: Any, folder: Path, **options: Any) -> str:
    with pytest.raises(ImportRefusedError) as caught:
        imported(proto, folder, **options)
    return str(caught.value)


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_every_opset(opset: int, tmp_path: Path) -> None:
    """What changed between opsets: axes and bounds became inputs, softmax got another axis."""
    axes = {"axes": [2]} if opset < 13 else {}
    squeezed = ["r"] if opset < 13 else ["r", "axes"]
    clip = {"min": -1.0, "max": 1.5} if opset < 11 else {}
    clipped = ["s"] if opset < 11 else ["s", "low", "high"]
    dropped = {"ratio": 0.5} if opset < 12 else {}
    nodes = [
        node("Gemm", ["x", "W", "B"], ["h"]),
        node("Reshape", ["h", "shape"], ["r"]),
        node("Squeeze", squeezed, ["s"], **axes),
        node("Clip", clipped, ["c"], **clip),
        node("Dropout", ["c"], ["d"], **dropped),
        node("BatchNormalization", ["d", "gamma", "beta", "mean", "variance"], ["n"]),
        node("MatMul", ["n", "V"], ["m"]),
        node("Softmax", ["m"], ["y"]),
    ]
    weights = {
        "W": W,
        "B": B,
        "V": V,
        "shape": np.array([-1, 5, 1]),
        "axes": np.array([2]),
        "low": np.float32(-1),
        "high": np.float32(1.5),
        "gamma": B,
        "beta": B[::-1].copy(),
        "mean": B * 2,
        "variance": np.abs(B) + 1,
    }
    proto = model(nodes, weights=weights, opset=opset)
    hidden = np.clip(ROWS @ W + B, -1, 1.5)
    scores = ((hidden - B * 2) / np.sqrt(np.abs(B) + 1 + 1e-5) * B + B[::-1]) @ V
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert_close(answers(proto, ROWS, tmp_path), expected)


ONE_BY_ONE: dict[str, tuple[list[Any], dict[str, Array]]] = {
    "two products in a row": ([node("MatMul", ["x", "W"], ["h"]), node("MatMul", ["h", "V"], ["y"])], {"W": W, "V": V}),
    "bias on the left": ([node("MatMul", ["x", "W"], ["h"]), node("Add", ["B", "h"], ["y"])], {"W": W, "B": B}),
    "a product from the left": (
        [node("Transpose", ["x"], ["t"]), node("MatMul", ["W", "t"], ["m"]), node("Transpose", ["m"], ["y"])],
        {"W": W.T.copy()},
    ),
    "transA": ([node("Transpose", ["x"], ["t"]), node("Gemm", ["t", "W", "B"], ["y"], transA=1)], {"W": W, "B": B}),
    "x · sigmoid(x)": (
        [node("MatMul", ["x", "W"], ["h"]), node("Sigmoid", ["h"], ["s"]), node("Mul", ["h", "s"], ["y"])],
        {"W": W},
    ),
    "gelu by erf": (
        [
            node("Div", ["x", "root"], ["a"]),
            node("Erf", ["a"], ["b"]),
            node("Add", ["b", "one"], ["c"]),
            node("Mul", ["x", "c"], ["d"]),
            node("Mul", ["d", "half"], ["y"]),
        ],
        {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)},
    ),
    "layer normalisation in pieces": (
        [
            node("ReduceMean", ["x"], ["m"], axes=[-1]),
            node("Sub", ["x", "m"], ["c"]),
            node("Pow", ["c", "two"], ["q"]),
            node("ReduceMean", ["q"], ["v"], axes=[-1]),
            node("Add", ["v", "eps"], ["e"]),
            node("Sqrt", ["e"], ["s"]),
            node("Div", ["c", "s"], ["n"]),
            node("Mul", ["n", "g"], ["y"]),
        ],
        {"two": np.float32(2), "eps": np.float32(1e-5), "g": B[:4].copy()},
    ),
    "softmax in pieces": (
        [
            node("ReduceMax", ["x"], ["m"], axes=[1]),
            node("Sub", ["x", "m"], ["c"]),
            node("Exp", ["c"], ["e"]),
            node("ReduceSum", ["e", "ax"], ["s"]),
            node("Div", ["e", "s"], ["y"]),
        ],
        {"ax": np.array([1])},
    ),
    "the batch size in a reshape": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Unsqueeze", ["n", "at"], ["u"]),
            node("Concat", ["u", "rest"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["r"]),
            node("MatMul", ["r", "W2"], ["m"]),
            node("Flatten", ["m"], ["y"]),
        ],
        {"zero": np.array(0), "at": np.array([0]), "rest": np.array([2, 2]), "W2": W[:2].copy()},
    ),
    "the batch merged with an axis": (
        [node("Reshape", ["x", "a"], ["r"]), node("MatMul", ["r", "W2"], ["m"]), node("Reshape", ["m", "b"], ["y"])],
        {"a": np.array([-1, 2]), "b": np.array([-1, 10]), "W2": W[:2].copy()},
    ),
    "parts of the row": (
        [
            node("Split", ["x", "sizes"], ["p", "q"], axis=1),
            node("Slice", ["x", "from", "to", "axes", "step"], ["r"]),
            node("Gather", ["x", "places"], ["g"], axis=1),
            node("Concat", ["q", "r", "p", "g"], ["y"], axis=-1),
        ],
        {
            "sizes": np.array([1, 3]),
            "from": np.array([-1]),
            "to": np.array([-9]),
            "axes": np.array([1]),
            "step": np.array([-1]),
            "places": np.array([2, 2, -4]),
        },
    ),
    "a constant beside": (
        [
            node("Shape", ["x"], ["s"]),
            node("Slice", ["s", "zero", "one"], ["n"]),
            node("Concat", ["n", "one"], ["t"], axis=0),
            node("ConstantOfShape", ["t"], ["k"], value=helper.make_tensor("v", 1, [1], [2.5])),
            node("Concat", ["x", "k"], ["y"], axis=1),
        ],
        {"zero": np.array([0]), "one": np.array([1])},
    ),
    "maximum and minimum by column": (
        [node("Max", ["x", "low"], ["m"]), node("Min", ["m", "high", "x"], ["y"])],
        {"low": B[:4].copy(), "high": np.float32([0.5])},
    ),
    "comparisons": (
        [
            node("Greater", ["x", "low"], ["t"]),
            node("Not", ["t"], ["n"]),
            node("Cast", ["n"], ["c"], to=1),
            node("Mul", ["c", "x"], ["y"]),
        ],
        {"low": B[:4].copy()},
    ),
    "constants computed from constants": (
        [
            node("Transpose", ["V2"], ["t"]),
            node("Mul", ["t", "two"], ["k"]),
            node("MatMul", ["x", "W"], ["h"]),
            node("MatMul", ["h", "k"], ["y"]),
        ],
        {"V2": V.T.copy(), "two": np.float32(2), "W": W},
    ),
    "a constant base": (
        [node("Pow", ["base", "x"], ["p"]), node("Sub", ["one", "p"], ["y"])],
        {"base": np.float32(2), "one": np.float32(1)},
    ),
    "argmax as a number": (
        [node("ArgMax", ["x"], ["a"], axis=1), node("Cast", ["a"], ["c"], to=1), node("Mul", ["c", "two"], ["y"])],
        {"two": np.float32(2)},
    ),
    "norms": ([node("LpNormalization", ["x"], ["n"], p=2), node("Add", ["n", "x"], ["y"])], {}),
    "layer normalisation": (
        [node("LayerNormalization", ["x", "g", "b"], ["y"], epsilon=0.01)],
        {"g": B[:4].copy(), "b": B[1:].copy()},
    ),
    "prelu by column": ([node("MatMul", ["x", "W"], ["h"]), node("PRelu", ["h", "B"], ["y"])], {"W": W, "B": B}),
    "an output that others read, too": (
        [node("MatMul", ["x", "W"], ["h"]), node("Relu", ["h"], ["r"]), node("Sub", ["r", "h"], ["y"])],
        {"W": W},
    ),
}


@pytest.mark.parametrize("case", ONE_BY_ONE)
def test_graphs_as_exporters_write_them(case: str, tmp_path: Path) -> None:
    nodes, weights = ONE_BY_ONE[case]
    proto = model(nodes, weights=weights)
    assert_close(answers(proto, ROWS, tmp_path), reference(proto, ROWS))


@pytest.mark.parametrize("case", ["the batch size in a reshape", "x · sigmoid(x)", "the batch merged with an axis"])
@pytest.mark.parametrize("first", [1, 7, None])
def test_the_batch_may_be_fixed(case: str, first: int | None, tmp_path: Path) -> None:
    nodes, weights = ONE_BY_ONE[case]
    proto = model(nodes, shape=(first, 4), weights=weights)
    many = model(nodes, weights=weights)
    assert_close(answers(proto, ROWS, tmp_path), reference(many, ROWS))


def test_initializers_may_be_inputs_too(tmp_path: Path) -> None:
    inputs = [helper.make_tensor_value_info("x", 1, ["N", 4]), helper.make_tensor_value_info("W", 1, [4, 5])]
    proto = model([node("MatMul", ["x", "W"], ["y"])], weights={"W": W}, inputs=inputs)
    assert_close(answers(proto, ROWS, tmp_path), ROWS @ W)


def test_a_softmax_of_old_takes_all_that_follows_its_axis(tmp_path: Path) -> None:
    rows = RNG.normal(size=(3, 2, 4)).astype(np.float32)
    old = model([node("Softmax", ["x"], ["y"])], shape=("N", 2, 4), opset=12)
    new = model([node("Softmax", ["x"], ["y"])], shape=("N", 2, 4), opset=13)
    for proto, axes in ((old, (1, 2)), (new, (2,))):
        raised = np.exp(rows)
        expected = (raised / raised.sum(axis=axes, keepdims=True)).reshape(3, -1)
        assert_close(answers(proto, rows, tmp_path), expected)


def test_the_batch_is_no_place_to_compute_along(tmp_path: Path) -> None:
    proto = model([node("Softmax", ["x"], ["y"], axis=0)])
    message = refused(proto, tmp_path)
    assert "node 0 (Softmax 'y_node')" in message
    assert "axis 0, which is the batch" in message


def test_a_batch_size_in_arithmetic_is_refused(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Cast", ["s"], ["c"], to=1),
        node("Gather", ["c", "i"], ["n"]),
        node("Div", ["x", "n"], ["y"]),
    ]
    assert "computes with the batch size" in refused(model(nodes, weights={"i": np.array(0)}), tmp_path)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "W"], ["a"]),
        node("MatMul", ["x", "x"], ["b"]),
        node("Add", ["a", "b"], ["c"]),
        node("Blur", ["c"], ["y"], domain="my.own"),
    ]
    message = refused(model(nodes, weights={"W": W}), tmp_path)
    assert "node 0 (Conv 'a_node'): is a convolution" in message
    assert "node 3 (my.own.Blur 'y_node'): is a custom operator" in message


def test_nodes_that_nobody_needs_do_not_matter(tmp_path: Path) -> None:
    nodes = [node("Conv", ["x", "W"], ["unused"]), node("MatMul", ["x", "W"], ["y"])]
    assert_close(answers(model(nodes, weights={"W": W}), ROWS, tmp_path), ROWS @ W)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_and_batch_normalisation_must_not_train(training: bool, tmp_path: Path) -> None:
    nodes = [
        node("Dropout", ["x", "ratio", "training"], ["d"]),
        node("BatchNormalization", ["d", "g", "g", "g", "g"], ["y"], training_mode=int(training)),
    ]
    proto = model(nodes, weights={"ratio": np.float32(0.5), "training": np.array(training), "g": np.abs(B[:4])})
    if training:
        message = refused(proto, tmp_path)
        assert "node 0 (Dropout 'd_node'): drops numbers at random" in message
    else:
        assert_close(answers(proto, ROWS, tmp_path), reference(proto, ROWS))


def test_outputs_are_all_served_or_the_one_asked_for(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "W"], ["h"]), node("Softmax", ["h"], ["p"]), node("Relu", ["h"], ["r"])]
    proto = model(nodes, weights={"W": W}, outputs=["p", "r"])
    both = imported(proto, tmp_path)
    assert [output["name"] for output in both.manifest["outputs"]] == ["p", "r"]
    assert both.manifest["task"] == "regression"  # not all of them are scores
    assert_close(load(both, tmp_path).predict(ROWS), reference(proto, ROWS))
    one = imported(proto, tmp_path, output="p", labels=["a", "b", "c", "d", "e"])
    assert [output["labels"] for output in one.manifest["outputs"]] == [["a", "b", "c", "d", "e"]]
    assert "there are 'p', 'r'" in refused(proto, tmp_path, output="q")
    assert "5 columns and there are 2 labels" in refused(proto, tmp_path, output="p", labels=["a", "b"])


def test_functions_of_the_model_are_written_out(tmp_path: Path) -> None:
    inner = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["c"],
        [helper.make_node("Add", ["a", "a"], ["b"]), helper.make_node("Relu", ["b"], ["c"])],
        [helper.make_opsetid("", 17)],
    )
    proto = model([node("Twice", ["x"], ["h"], domain="own"), node("Twice", ["h"], ["y"], domain="own")])
    proto.functions.append(inner)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    assert_close(answers(proto, ROWS, tmp_path), np.maximum(ROWS * 4, 0))
    inner.node[0].op_type, inner.node[0].domain = "Twice", "own"
    del inner.node[0].input[1:]
    del proto.functions[:]
    proto.functions.append(inner)
    assert "functions: call each other endlessly" in refused(proto, tmp_path)


def test_whole_numbers_are_served_while_float32_can_hold_them(tmp_path: Path) -> None:
    nodes = [node("Add", ["x", "k"], ["a"]), node("Cast", ["a"], ["c"], to=1), node("MatMul", ["c", "W"], ["y"])]
    proto = model(nodes, weights={"k": np.array([3]), "W": W}, dtype=TensorProto.INT64)
    rows = RNG.integers(-9, 9, (5, 4))
    package = imported(proto, tmp_path)
    assert any("exactly while they are below 2^24" in note for note in package.notes)
    assert_close(load(package, tmp_path).predict(rows.astype(np.float32)), (rows + 3) @ W)


ACTIVATIONS = [
    ("Relu", {}),
    ("LeakyRelu", {"alpha": 0.2}),
    ("Elu", {"alpha": 0.7}),
    ("Celu", {"alpha": 1.5}),
    ("Selu", {}),
    ("Sigmoid", {}),
    ("HardSigmoid", {}),
    ("HardSwish", {}),
    ("Tanh", {}),
    ("Softplus", {}),
    ("Softsign", {}),
    ("ThresholdedRelu", {"alpha": 0.5}),
    ("Mish", {}),
    ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}),
    ("Shrink", {"lambd": 0.6, "bias": 0.6}),
    ("Shrink", {"lambd": 0.6}),
    ("Abs", {}),
    ("Neg", {}),
    ("Exp", {}),
    ("Sign", {}),
    ("Floor", {}),
    ("Ceil", {}),
    ("Round", {}),
    ("Sin", {}),
    ("Cos", {}),
    ("Softmax", {}),
    ("LogSoftmax", {}),
    ("Hardmax", {}),
    ("Identity", {}),
    ("Erf", {}),
]


STEPS = ("Floor", "Ceil", "Round", "Sign", "Hardmax", "ThresholdedRelu", "Shrink")


@pytest.mark.parametrize(("op", "attributes"), ACTIVATIONS)
def test_activations(op: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    proto = model([node(op, ["x"], ["y"], **attributes)], opset=20)
    rows = np.concatenate([ROWS * 3, [[-0.0, 0.5, 2.0, -2.0]]]).astype(np.float32)
    assert_close(answers(proto, rows, tmp_path), reference(proto, rows))


@st.composite
def networks(draw: st.DrawFn) -> Any:
    """A network of a few layers, with activations of all kinds between."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, rows, name = draw(st.integers(1, 6)), draw(st.integers(1, 4)), "x"
    first, nodes, weights = width, [], {}
    for i in range(draw(st.integers(1, 3))):
        units = draw(st.integers(1, 6))
        kernel, bias = rng.normal(size=(width, units)).astype(np.float32), rng.normal(size=units).astype(np.float32)
        made, after = f"h{i}", f"a{i}"
        if draw(st.booleans()):
            nodes.append(node("Gemm", [name, f"W{i}", f"B{i}"], [made], transB=1))
            weights |= {f"W{i}": kernel.T.copy(), f"B{i}": bias if draw(st.booleans()) else bias[np.newaxis]}
        else:
            nodes += [node("MatMul", [name, f"W{i}"], [f"m{i}"]), node("Add", [f"m{i}", f"B{i}"], [made])]
            weights |= {f"W{i}": kernel, f"B{i}": bias}
        op, attributes = draw(st.sampled_from(ACTIVATIONS))
        nodes.append(node(op, [made], [after], **attributes))
        name, width = after, units
        if draw(st.booleans()):
            nodes.append(node(draw(st.sampled_from(["Add", "Mul", "Sub", "Max"])), [made, after], [f"s{i}"]))
            name = f"s{i}"
    nodes.append(node("Identity", [name], ["y"]))
    return model(nodes, (draw(st.sampled_from(["N", rows])), first), weights, opset=20), rng.normal(
        size=(rows, first)
    ).astype(np.float32)


@settings(max_examples=120, deadline=None)
@given(made=networks())
def test_random_networks_agree_with_the_reference(made: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    proto, rows = made
    expected = reference(proto, rows)
    found = answers(proto, rows, tmp_path_factory.mktemp("made"))
    # Of numbers that large, and behind steps, the last bit of a sum decides.
    if np.abs(expected).max(initial=0) < 1e3 and not any(n.op_type in STEPS for n in proto.graph.node[:-1]):
        assert_close(found, expected, absolute=1e-4)
    assert found.shape == expected.shape


def test_an_output_for_each_class_is_one_of_all_scores(tmp_path: Path) -> None:
    """As skl2onnx writes with zipmap="columns"."""
    nodes = [
        node(
            "LinearClassifier",
            ["x"],
            ["label", "p"],
            domain="ai.onnx.ml",
            coefficients=W[:, :1].reshape(-1).tolist(),
            intercepts=[0.25],
            classlabels_strings=["no", "yes"],
            post_transform="LOGISTIC",
        ),
        node("Split", ["p"], ["sno", "syes"], axis=1),
    ]
    proto = model(nodes, outputs=["label", "sno", "syes"], opset=12)
    package = imported(proto, tmp_path)
    assert [output["labels"] for output in package.manifest["outputs"]] == [["no", "yes"]]
    yes = 1 / (1 + np.exp(-(ROWS @ W[:, :1] + 0.25)))
    assert_close(load(package, tmp_path).predict(ROWS), np.hstack([1 - yes, yes]))
