"""PyTorch's files: every one answers as torch does, and nothing in one is ever run."""

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from pyapp import engine
from pyapp.importers import Imported, ImportOptions, ImportRefusedError
from pyapp.importers.torch import read
from pyapp.packages import write_package
from shared_data import SHARED, TESTS_DATA, assert_close, items, needs_shared_data

pytest.importorskip("jsonschema", reason="the writer needs the [import] extra")

OWN = items("torch", TESTS_DATA)


def architecture_of(item: Path) -> Path:
    return next(item.glob("architecture.*"))


def models(*folders: Path) -> list[Any]:
    return [
        pytest.param(file, id=f"{folder.name}-{file.suffix[1:]}")
        for folder in folders
        for file in sorted(folder.glob("model.*"))
    ]


def load(imported: Imported, folder: Path) -> engine.Model:
    return engine.Model.load(write_package(folder / "m" / "1", imported.manifest, imported.tensors, []))


def check(file: Path, tmp_path: Path) -> None:
    item = file.parent
    imported = read(file, ImportOptions(architecture=architecture_of(item)))
    answers = load(imported, tmp_path).predict(np.load(item / "input.npy"))
    assert_close(answers, np.load(item / "expected.npy"))


@pytest.mark.parametrize("file", models(*OWN))
def test_answers_as_torch_does(file: Path, tmp_path: Path) -> None:
    check(file, tmp_path)


@needs_shared_data
@pytest.mark.parametrize("file", models(*items("torch")))
def test_real_files_answer_as_torch_does(file: Path, tmp_path: Path) -> None:
    check(file, tmp_path)


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cnn-safetensors", r"layers.0: convolution weights of four dimensions(.*\n)*.*layers.8: convolution"),
        ("torchscript-iris", r"TorchScript.*torch.jit.load.*state_dict.*onnx"),
        ("whole-module", r"references to code.*a whole nn.Module.*state_dict"),
    ],
)
def test_what_cannot_be_served_is_refused_with_what_to_do(name: str, words: str) -> None:
    (file,) = (SHARED / "torch_refuse" / name).glob("model.*")
    with pytest.raises(ImportRefusedError, match=words):
        read(file, ImportOptions())


# --- without an architecture ------------------------------------------------------------------------------------------


def safetensors(path: Path, shapes: dict[str, tuple[int, ...]], dtype: str = "F32") -> Path:
    """A file of seeded numbers."""
    rng, header, data = np.random.default_rng(0), {}, b""
    for name, shape in shapes.items():
        raw = rng.normal(size=shape).astype("<f4").tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def test_a_single_linear_layer_needs_no_architecture(tmp_path: Path) -> None:
    item = TESTS_DATA / "torch" / "linear"
    imported = read(item / "model.pt", ImportOptions())
    assert_close(load(imported, tmp_path).predict(np.load(item / "input.npy")), np.load(item / "expected.npy"))
    assert any("one linear layer" in note for note in imported.notes)


def template(error: pytest.ExceptionInfo[ImportRefusedError]) -> list[dict[str, str]]:
    text = str(error.value)
    found: list[dict[str, str]] = json.loads(text[text.index("{") :])["layers"]
    return found


def test_the_template_becomes_an_architecture_file(tmp_path: Path) -> None:
    item = TESTS_DATA / "torch" / "made-batchnorm"
    with pytest.raises(ImportRefusedError, match="--architecture") as error:
        read(item / "model.safetensors", ImportOptions())
    layers = template(error)
    assert [layer["tensors"] for layer in layers] == ["0", "1", "4"]
    assert [layer.get("then") for layer in layers] == [None, "?", "?"]
    layers[1]["then"], layers[2]["then"] = "relu", "none"
    architecture = tmp_path / "architecture.json"
    architecture.write_text(json.dumps({"layers": layers}))
    imported = read(item / "model.safetensors", ImportOptions(architecture=architecture))
    answers = load(imported, tmp_path).predict(np.load(item / "input.npy"))
    assert_close(answers, np.load(item / "expected.npy"))


def test_a_template_not_filled_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match=r"/layers/0/then is \"\?\""):
        read_with(safetensors(tmp_path / "m", linear("a", 2, 3)), [{"type": "linear", "tensors": "a", "then": "?"}])


@pytest.mark.parametrize(
    ("layers", "order"),
    [
        (linear("fc10", 4, 2) | linear("fc2", 5, 4) | linear("fc1", 3, 5), ["fc1", "fc2", "fc10"]),
        (linear("hidden", 3, 5) | linear("a_out", 5, 2), ["hidden", "a_out"]),  # by width alone
        (linear("model.out", 4, 2) | linear("model.fc", 3, 4), ["fc", "out"]),
    ],
)
def test_safetensors_have_no_order_and_widths_and_numbers_tell_it(
    tmp_path: Path, layers: dict[str, tuple[int, ...]], order: list[str]
) -> None:
    with pytest.raises(ImportRefusedError) as error:
        read(safetensors(tmp_path / "m.safetensors", layers), ImportOptions())
    assert [layer["tensors"] for layer in template(error)] == order
    assert "guess" not in str(error.value)


def test_an_order_that_is_not_certain_is_called_a_guess(tmp_path: Path) -> None:
    layers = linear("actor", 4, 2) | linear("critic", 4, 1)
    with pytest.raises(ImportRefusedError, match="guess"):
        read(safetensors(tmp_path / "m", layers), ImportOptions())


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"rnn.weight_ih_l0": (8, 4), "rnn.weight_hh_l0": (8, 2)}, "rnn: recurrent weights"),
        ({"embedding.weight": (100, 8)} | linear("fc", 8, 2), "embedding: an embedding's weights"),
        ({"attn.in_proj_weight": (12, 4)} | linear("attn.out_proj", 4, 4), "attn: attention weights"),
        ({"c.weight": (2, 2, 3)}, "c: convolution weights of three dimensions"),
        ({"scale": (3,)}, "no weight of a linear layer"),
    ],
)
def test_layers_of_other_kinds_are_named(tmp_path: Path, shapes: dict[str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(ImportRefusedError, match=words):
        read(safetensors(tmp_path / "m", shapes), ImportOptions())


# --- architectures ----------------------------------------------------------------------------------------------------


def read_with(file: Path, layers: Any, **more: Any) -> Imported:
    architecture = file.parent / "architecture.json"
    architecture.write_text(layers if isinstance(layers, str) else json.dumps({"layers": layers, **more}))
    return read(file, ImportOptions(architecture=architecture))


FC, HEAD = ({"type": "linear", "tensors": name} for name in ("fc", "head"))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([{"type": "linear"}], r"/layers/0/tensors: expected the module's name"),
        ([{"type": "conv2d", "tensors": "fc"}], r"/layers/0/type: 'conv2d' cannot be served"),
        ([{**FC, "then": "rellu"}], r"/layers/0/then: 'rellu' is no activation"),
        (
            [{**FC, "then": {"name": "elu", "slope": 1}}, HEAD],
            r"/layers/0/then: has no parameter slope; there are alpha",
        ),
        ([{**FC, "then": {"name": "softmax", "dim": 0}}, HEAD], r"/layers/0/then: dim is 0"),
        ([{**FC, "thn": "relu"}], r"/layers/0/thn: unknown"),
        ([{**FC, "tensors": "fc9"}], r"no tensors fc9.weight are in the file; its modules are fc, head"),
        ([FC], r"head: the architecture does not use it"),
        ([FC, FC, HEAD], r"/layers/1: fc takes 3 numbers, and the layer before makes 4"),
        ([{"type": "batchnorm", "tensors": "fc"}, HEAD], r"given as batchnorm, and the file has"),
        ("{", r"no JSON"),
        ('{"class_name": "Sequential"}', r"a Keras architecture"),
        ("[]", r"/layers: expected an array"),
        ("Net(", r"cut short"),
        ("hello", r"line 1: 'hello'; expected what print\(model\) shows"),
        ("Sequential(\n (fc): Linear(4, 2)\n (c): Conv2d(1, 2, 3)\n)", r"c: Conv2d cannot be served"),
        (
            "N(\n (fc): Linear(3, 4)\n (head): Linear(4, 2)\n)",
            r"fc \(Linear\) and head \(Linear\): N is a class of its",
        ),
        ("Sequential(\n (fc): Linear(in_features=9, out_features=4)\n (head): Linear()\n)", r"given with \(9, 4\)"),
    ],
)
def test_a_wrong_architecture_is_refused_with_its_place(tmp_path: Path, layers: Any, words: str) -> None:
    file = safetensors(tmp_path / "m", linear("fc", 3, 4) | linear("head", 4, 2))
    with pytest.raises(ImportRefusedError, match=words):
        read_with(file, layers)


def test_inputs_ignore_and_state_of_an_architecture(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "m", linear("net.fc", 6, 4) | linear("net.decoder", 4, 6))
    layers = [{"type": "flatten"}, {**FC, "then": ["relu", "dropout"]}, {"type": "LeakyReLU", "negative_slope": 0.3}]
    imported = read_with(file, layers, inputs=[2, 3], ignore=["net.decoder"])
    assert imported.manifest["inputs"][0]["shape"] == [2, 3]
    assert [layer["op"] for layer in imported.manifest["layers"]] == ["dense", "activation"]
    with pytest.raises(ImportRefusedError, match=r"/inputs: \[2, 2\]; fc takes 6"):
        read_with(file, layers, inputs=[2, 2], ignore=["net.decoder"])


def test_a_class_of_ones_own_is_taken_in_the_order_printed_and_a_note_says_so(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "m", linear("stack.0", 3, 4) | linear("stack.2", 4, 2))
    text = (
        "Net(\n (flatten): Flatten(start_dim=1, end_dim=-1)\n (stack): Sequential(\n  (0): Linear(in_features=3, "
        "out_features=4, bias=True)\n  (1): ReLU()\n  (2): Linear(in_features=4, out_features=2, bias=True)\n )\n)"
    )
    imported = read_with(file, text)
    assert [layer.get("activation") for layer in imported.manifest["layers"]] == ["relu", None]
    assert any("Net.forward" in note for note in imported.notes)


def test_labels_and_task(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "m", linear("fc", 3, 2))
    assert read(file, ImportOptions()).manifest["task"] == "regression"
    assert read(file, ImportOptions(labels=["a", "b"])).manifest["outputs"][0]["labels"] == ["a", "b"]
    assert read(file, ImportOptions(task="classification")).manifest["outputs"][0]["labels"] == ["0", "1"]
    with pytest.raises(ImportRefusedError, match="3 labels for an output of 2; expected 2"):
        read(file, ImportOptions(labels=["a", "b", "c"]))
    with pytest.raises(ImportRefusedError, match="a regression has no labels"):
        read(file, ImportOptions(labels=["a", "b"], task="regression"))


# --- hostile files ----------------------------------------------------------------------------------------------------


def archive(path: Path, content: bytes, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("archive/data.pkl", content)
        for name, data in files.items():
            made.writestr(f"archive/{name.replace('__', '/')}", data)
    return path


class Call:
    """Pickles as a call of os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "wrap", [lambda call: call, lambda call: {"state_dict": {"fc.weight": call}}, lambda call: [call]]
)
def test_nothing_is_called(tmp_path: Path, wrap: Callable[[Any], Any], protocol: int) -> None:
    marker = tmp_path / "called"
    content = pickle.dumps(wrap(Call(f"touch {marker}")), protocol)
    with pytest.raises(ImportRefusedError):
        read(archive(tmp_path / "m.pt", content), ImportOptions())
    assert not marker.exists()
    pickle.loads(content)  # the file was a weapon
    assert marker.exists()


def tensor(shape: str, stride: str, offset: bytes = b"K\x00", count: bytes = b"K\x04") -> bytes:
    """A state_dict with the tensor fc.weight over a storage of four numbers."""
    return (
        b"\x80\x02}X\x09\0\0\0fc.weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
        b"X\x01\0\0\x000X\x03\0\0\0cpu" + count + b"tQ" + offset + shape.encode("latin1") + stride.encode("latin1")
        + b"\x89}tRs."
    )  # fmt: skip


NUMBERS = np.arange(4, dtype="<f4").tobytes()


def pair(*numbers: int) -> str:
    return "(" + "".join("J" + struct.pack("<i", number).decode("latin1") for number in numbers) + "t"


def test_the_hand_made_pickle_reads_where_it_is_sound(tmp_path: Path) -> None:
    file = archive(tmp_path / "m.pt", tensor(pair(2, 2), pair(1, 2)), data__0=NUMBERS)
    np.testing.assert_array_equal(read(file, ImportOptions()).tensors["fc/kernel"], [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    "content",
    [
        tensor(pair(2, 3), pair(3, 1)),  # beyond the storage
        tensor(pair(2, 2), pair(2, 1), offset=b"K\x01"),
        tensor(pair(2, 2), pair(-2, 1)),
        tensor(pair(2, 2), pair(2, 1), offset=b"J\xff\xff\xff\xff"),
        tensor(pair(2**30, 2**30), pair(0, 0)),  # a giant made of one number
        tensor(pair(2**16, 2**16), pair(2**16, 1), count=b"\x8a\x05\0\0\0\0\x01"),  # a storage that the file lacks
        tensor(pair(2, 2), pair(2)),
        b"\x80\x02r\xff\xff\xff\xff.",  # LONG_BINPUT, which makes CPython's unpickler allocate a giant memo
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02]" + b"\x85" * 300_000 + b".",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x02}(X\x01\0\0\0ad" + b"}" * 100 + b".",
        b"\x80\x02.",
        b"",
        b"garbage",
        b"\x80\x02\x82\x01.",
    ],
)
def test_hostile_pickles_are_refused_at_once(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ImportRefusedError, match=r"m\.pt"):
        read(archive(tmp_path / "m.pt", content, data__0=NUMBERS), ImportOptions())


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data.pkl", b"\0" * (200 << 20))
    with pytest.raises(ImportRefusedError, match="compressed or too large"):
        read(tmp_path / "m.pt", ImportOptions())


def test_a_compressed_archive_is_said_to_be_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data.pkl", tensor(pair(2, 2), pair(2, 1)))
        made.writestr("archive/data/0", NUMBERS)
    with pytest.raises(ImportRefusedError, match="compressed or too large"):
        read(tmp_path / "m.pt", ImportOptions())


@pytest.mark.parametrize(
    "file", models(OWN[0], TESTS_DATA / "torch" / "legacy", TESTS_DATA / "torch" / "made-batchnorm")
)
def test_a_damaged_file_is_refused_or_read_but_never_a_fault(file: Path, tmp_path: Path) -> None:
    data, rng = file.read_bytes(), random.Random(1)
    options = ImportOptions(architecture=architecture_of(file.parent))
    damaged = tmp_path / "damaged"
    outcomes = {"read": 0, "refused": 0}
    for turn in range(150):
        broken = bytearray(data)
        if turn % 2:
            del broken[rng.randrange(len(data)) :]
        else:
            for _ in range(rng.randint(1, 4)):
                broken[rng.randrange(len(data))] = rng.randrange(256)
        damaged.write_bytes(broken)
        try:
            read(damaged, options)
            outcomes["read"] += 1
        except ImportRefusedError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 75


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (struct.pack("<Q", 1 << 60) + b"{}", "neither a zip archive"),
        (struct.pack("<Q", 3) + b"{x}", "its header is no JSON"),
        (struct.pack("<Q", 40) + b'{"a.weight":{"dtype":"F32","shape":[1]}}', "its tensor a.weight: a broken entry"),
        (b"", "neither"),
        (b"version https://git-lfs", "neither"),
    ],
)
def test_broken_safetensors(tmp_path: Path, head: bytes, words: str) -> None:
    (tmp_path / "m.safetensors").write_bytes(head)
    with pytest.raises(ImportRefusedError, match=words):
        read(tmp_path / "m.safetensors", ImportOptions())


def test_offsets_beyond_the_file_and_types_without_numbers(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "m", {"fc.weight": (2, 2)})
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(ImportRefusedError, match="it is cut short: 15 bytes"):
        read(file, ImportOptions())
    file.write_bytes(data.replace(b'"F32"', b'"F4_"'))
    with pytest.raises(ImportRefusedError, match=r"fc\.weight: a tensor of F4_; expected one of float64"):
        read(file, ImportOptions())


def test_a_checkpoint_with_several_networks_asks_which(tmp_path: Path) -> None:
    storage = io.BytesIO()
    pickle.dump({}, storage)
    one = tensor(pair(2, 2), pair(2, 1))[2:-1]  # a dictionary, without header and end
    content = b"\x80\x02}X\x09\0\0\0generator" + one + b"sX\x0d\0\0\0discriminator" + one + b"s."
    file = archive(tmp_path / "m.pt", content, data__0=NUMBERS)
    with pytest.raises(ImportRefusedError, match=r'several networks: discriminator, generator.*"state"'):
        read(file, ImportOptions())
    assert read_with(file, [FC], state="generator").manifest["layers"][0]["units"] == 2
    with pytest.raises(ImportRefusedError, match="no state_dict under 'ema'; there are discriminator, generator"):
        read_with(file, [FC], state="ema")


def test_gates_and_norms_without_tensors(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "m.safetensors", linear("2", 3, 4) | linear("4", 2, 2))
    text = (
        "Sequential(\n (0): GLU(dim=-1)\n (1): RMSNorm((3,), eps=0.5, elementwise_affine=False)\n"
        " (2): Linear(in_features=3, out_features=4, bias=True)\n (3): GLU(dim=1)\n"
        " (4): Linear(in_features=2, out_features=2, bias=True)\n"
        " (5): LayerNorm((2,), eps=1e-05, elementwise_affine=False)\n)"
    )
    tensors = load_file(file)

    def gated(x: Any) -> Any:
        return x[:, : x.shape[1] // 2] / (1 + np.exp(-x[:, x.shape[1] // 2 :]))

    rows = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    hidden = gated(rows)
    hidden = hidden / np.sqrt((hidden**2).mean(axis=1, keepdims=True) + 0.5)
    hidden = gated(hidden @ tensors["2.weight"].T + tensors["2.bias"])
    hidden = hidden @ tensors["4.weight"].T + tensors["4.bias"]
    hidden = hidden - hidden.mean(axis=1, keepdims=True)
    expected = hidden / np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-5)
    assert_close(load(read_with(file, text), tmp_path / "text").predict(rows), expected)
    layers = [
        {"type": "glu"},
        {"type": "rmsnorm", "affine": False, "epsilon": 0.5},
        {"type": "linear", "tensors": "2", "then": "glu"},
        {"type": "linear", "tensors": "4"},
        {"type": "layernorm", "affine": False},
    ]
    assert_close(load(read_with(file, layers), tmp_path / "json").predict(rows), expected)
    with pytest.raises(ImportRefusedError, match="GLU halves its columns, and the layer before makes 3"):
        read_with(
            safetensors(tmp_path / "odd", linear("fc", 2, 3)), [{"type": "linear", "tensors": "fc", "then": "glu"}]
        )
