"""pyapp.engine.Model: loading packages, and predict against numpy."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from model_packages import dense_network, identity_network, reference, write_package, write_safetensors
from pyapp import engine


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "toy" / "3", *dense_network((4, 8, 3)))


def test_takes_name_and_version_from_the_folder(package: Path) -> None:
    model = engine.Model.load(package)
    assert (model.name, model.version) == ("toy", 3)
    assert (model.features, model.outputs, model.parameters) == (4, 3, 4 * 8 + 8 + 8 * 3 + 3)
    assert model.labels == ["class 0", "class 1", "class 2"]
    assert model.output_columns == {"scores": 3}
    assert model.task == "classification"
    assert json.loads(model.manifest)["format"] == 1
    assert model.nbytes >= 4 * model.parameters
    assert "toy" in repr(model)


def test_takes_name_and_version_when_given(package: Path) -> None:
    model = engine.Model.load(str(package) + "/", name="other", version=7)
    assert (model.name, model.version) == ("other", 7)
    with pytest.raises(ValueError, match="from 1 up"):
        engine.Model.load(package, version=0)


def test_agrees_with_numpy(tmp_path: Path) -> None:
    manifest, tensors = dense_network((784, 128, 10))
    model = engine.Model.load(write_package(tmp_path / "1", manifest, tensors))
    x = np.random.default_rng(1).normal(size=(70, 784)).astype(np.float32)
    assert np.abs(model.predict(x) - reference(manifest, tensors, x)).max() < 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.tolist(),
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.astype(">f4"),
        lambda x: x.reshape(5, 2, 2),
    ],
    ids=["list", "float64", "fortran", "strided", "big endian", "shaped rows"],
)
def test_takes_any_array_of_the_right_size(package: Path, make) -> None:
    model = engine.Model.load(package)
    x = np.arange(20, dtype=np.float32).reshape(5, 4) / 10
    assert np.array_equal(model.predict(make(x)), model.predict(x))


def test_takes_one_row_and_none(package: Path) -> None:
    model = engine.Model.load(package)
    x = np.arange(4, dtype=np.float32)
    assert np.array_equal(model.predict(x), model.predict(x[None]))
    assert model.predict(np.empty((0, 4), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("x", [np.zeros((2, 5)), np.zeros(3), np.zeros(8), [["a"] * 4], None, [[1, 2], [3]]])
def test_refuses_other_arrays(package: Path, x: object) -> None:
    with pytest.raises(engine.InputError, match="4"):
        engine.Model.load(package).predict(x)


def test_preprocess_runs_before_the_network(tmp_path: Path) -> None:
    manifest, tensors = dense_network((3, 5, 2))
    plain = engine.Model.load(write_package(tmp_path / "1", manifest, tensors))
    manifest["preprocess"] = [
        {"op": "scale", "input": "x", "factor": 0.1, "offset": 1},
        {"op": "standardise", "input": "x", "mean": [1, 2, 3], "scale": 2},
    ]
    scaled = engine.Model.load(write_package(tmp_path / "2", manifest, tensors))
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    by_hand = (x * np.float32(0.1) + np.float32(1) - np.float32([1, 2, 3])) / np.float32(2)
    assert np.array_equal(scaled.predict(x), plain.predict(by_hand))


def test_instances_come_from_load_only() -> None:
    with pytest.raises(TypeError):
        engine.Model()


def change(manifest: dict, path: str, value: object) -> None:
    *parents, last = [int(p) if p.isdigit() else p for p in path.split("/")]
    node = manifest
    for parent in parents:
        node = node[parent]
    if value is KeyError:
        del node[last]
    else:
        node[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("format", 2, "/format"),
        ("format", KeyError, "format"),
        ("task", "ranking", "classification or regression"),
        ("surprise", 1, "surprise"),
        ("inputs", [], "/inputs"),
        ("inputs/0/shape", [0], "/inputs/0/shape/0"),
        ("inputs/0/shape", [1 << 20, 1 << 20], "/inputs/0/shape"),
        ("inputs/0/kind", "sound", "sound"),
        ("preprocess", [{"op": "scale", "input": "y", "factor": 1}], "no input named y"),
        ("preprocess", [{"op": "blur", "input": "x"}], "blur"),
        ("preprocess", [{"op": "standardise", "input": "x", "mean": [1], "scale": 1}], "4 numbers"),
        ("preprocess", [{"op": "standardise", "input": "x", "mean": 1, "scale": 0}], "zero"),
        ("layers/0/op", "convolution", "convolution"),
        ("layers/0/units", -1, "/layers/0/units"),
        ("layers/0/units", 9, "expected [4, 9]"),
        ("layers/0/kernel", "nothing", "no tensor nothing"),
        ("layers/0/bias", 3, "/layers/0/bias"),
        ("layers/1/inputs", ["later"], "no input or earlier layer named later"),
        ("layers/1/inputs", ["layer0", "layer0"], "expected [16, 3]"),
        ("layers/1/name", "layer0", "another layer"),
        ("layers/1/activation", "relo", "relo"),
        ("outputs/0/layer", "nowhere", "nowhere"),
        ("outputs/0/labels", ["only one"], "3 labels"),
        ("outputs/0/labels", [1, 2, 3], "must be a string"),
        ("weights_sha256", "ab" * 31, "64 digits"),
        ("weights_sha256", "gh" * 32, "64 digits"),
        ("weights_sha256", 64 * 1, "64 digits"),
        ("tolerance", 1e-5, "/tolerance"),
        ("tolerance", {}, "/tolerance"),
        ("tolerance", {"absolute": -1}, "/tolerance/absolute"),
        ("tolerance", {"relative": "1e-5"}, "/tolerance/relative"),
        ("tolerance", {"percent": 1}, "absolute, relative"),
    ],
)
def test_names_file_and_field_of_a_broken_manifest(tmp_path: Path, path: str, value: object, said: str) -> None:
    manifest, tensors = dense_network((4, 8, 3))
    change(manifest, path, value)
    folder = write_package(tmp_path / "1", manifest, tensors)
    with pytest.raises(engine.PackageError) as caught:
        engine.Model.load(folder)
    assert said in str(caught.value)
    assert "model.json" in str(caught.value)


def test_names_a_missing_or_broken_file(tmp_path: Path, package: Path) -> None:
    with pytest.raises(engine.PackageError, match=r"model\.json"):
        engine.Model.load(tmp_path / "nowhere")
    (package / "model.json").write_text('{"format": 1,,}')
    with pytest.raises(engine.PackageError, match=r"model\.json"):
        engine.Model.load(package)


def write_samples(folder: Path, *samples: tuple[object, list[float | None]]) -> Path:
    lines = [json.dumps({"input": given, "output": output}) + "\n" for given, output in samples]
    (folder / "samples.jsonl").write_text("".join(lines))
    return folder


def test_samples_are_replayed_within_the_tolerance(tmp_path: Path) -> None:
    manifest, tensors = dense_network((4, 8, 3))
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    y = reference(manifest, tensors, x)
    folder = write_package(tmp_path / "1", manifest, tensors)
    samples = list(zip(x.tolist(), y.tolist(), strict=True))
    engine.Model.load(write_samples(folder, *samples))
    y[70, 2] += 0.01
    write_samples(folder, *zip(x.tolist(), y.tolist(), strict=True))
    with pytest.raises(
        engine.PackageError, match=r"samples\.jsonl: line 71: output 2 is 0\.\d+, where the sample has 0"
    ):
        engine.Model.load(folder)
    manifest |= {"tolerance": {"absolute": 0.02}, "weights_sha256": "0123456789abcdefABCDEF" + 42 * "0"}
    engine.Model.load(write_package(folder, manifest, tensors))


PERSON = {
    "name": "person",
    "kind": "table",
    "columns": [
        {"name": "age", "type": "number", "missing": "nan"},
        {"name": "country", "type": "category", "categories": ["France", "Spain"]},
        {"name": "remark", "type": "text", "missing": "empty"},
    ],
}
WORDS = {"op": "count_words", "vocabulary": ["good", "bad"]}


@pytest.mark.parametrize(
    ("inputs", "steps", "given", "output"),
    [
        (
            [PERSON],
            [{"op": "one_hot", "input": "person"}, WORDS | {"input": "person", "column": "remark"}],
            {"age": 41, "country": "Spain", "remark": "bad, good, bad"},
            [41, 0, 1, 1, 2],
        ),
        ([PERSON], [WORDS | {"input": "person", "column": "remark"}], [7, "Spain", "good"], [7, 1, 1, 0]),
        ([{"name": "text", "kind": "text"}], [WORDS | {"input": "text"}], "good and bad", [1, 1]),
        (
            [{"name": "x", "kind": "tensor", "shape": [2, 1]}],
            [{"op": "scale", "input": "x", "factor": 0.5}],
            [[1], [3]],
            [0.5, 1.5],
        ),
    ],
    ids=["record", "row", "text", "tensor"],
)
def test_samples_of_every_kind_of_input_are_replayed(
    tmp_path: Path, inputs: list, steps: list, given: object, output: list
) -> None:
    folder = write_package(tmp_path / "1", *identity_network(inputs, len(output), steps))
    engine.Model.load(write_samples(folder, (given, output)))
    for i in range(len(output)):
        wrong = [*output[:i], output[i] + 1, *output[i + 1 :]]
        with pytest.raises(engine.PackageError, match=f"line 2: output {i} is {output[i]:.9g}, where the sample has"):
            engine.Model.load(write_samples(folder, (given, output), (given, wrong)))


def test_a_sample_that_the_model_does_not_take_is_named(tmp_path: Path) -> None:
    folder = write_package(
        tmp_path / "1", *identity_network([PERSON], 4, [WORDS | {"input": "person", "column": "remark"}])
    )
    with pytest.raises(engine.PackageError, match=r"samples\.jsonl: line 1, input at /country: .*Peru"):
        engine.Model.load(write_samples(folder, ({"age": 1, "country": "Peru"}, [0, 0, 0, 0])))


def test_refuses_every_truncation_of_the_weights(package: Path) -> None:
    weights = package / "weights.safetensors"
    whole = weights.read_bytes()
    for size in range(len(whole)):
        weights.write_bytes(whole[:size])
        with pytest.raises(engine.PackageError, match=r"weights\.safetensors"):
            engine.Model.load(package)
    weights.write_bytes(whole + b"\0")
    with pytest.raises(engine.PackageError, match="belong to no tensor"):
        engine.Model.load(package)


def test_a_changed_byte_is_refused_or_harmless(package: Path) -> None:
    """No byte of the header can make the loader crash or read outside the file."""
    weights = package / "weights.safetensors"
    whole = weights.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    x = np.zeros((1, 4), np.float32)
    for place in range(header):
        for flip in (1, 2, 16, 128):
            changed = bytearray(whole)
            changed[place] ^= flip
            weights.write_bytes(changed)
            try:
                engine.Model.load(package).predict(x)
            except engine.PackageError:
                pass


def test_memory_is_given_back(package: Path, tmp_path: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    big = write_package(tmp_path / "big" / "1", *dense_network((1000, 1000, 10)))
    x = np.zeros((64, 1000), np.float32)
    for _ in range(3):
        engine.Model.load(big).predict(x)
    gc.collect()
    before = resident()
    for _ in range(20):
        engine.Model.load(big).predict(x)
        with pytest.raises(engine.PackageError):
            engine.Model.load(package.parent)
    assert resident() - before < 8_000_000  # twenty models are 80 MB


def test_reads_half_precision_and_double(tmp_path: Path) -> None:
    manifest, tensors = dense_network((4, 3))
    folder = write_package(tmp_path / "1", manifest, tensors)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    for dtype, code in ((np.float16, "F16"), (np.float64, "F64")):
        narrowed = {name: t.astype(dtype) for name, t in tensors.items()}
        header, data = {}, b""
        for name, tensor in narrowed.items():
            raw = tensor.tobytes()
            header[name] = {
                "dtype": code,
                "shape": list(tensor.shape),
                "data_offsets": [len(data), len(data) + len(raw)],
            }
            data += raw
        text = json.dumps(header).encode()
        (folder / "weights.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
        got = engine.Model.load(folder).predict(x)
        write_safetensors(folder / "weights.safetensors", {n: t.astype(np.float32) for n, t in narrowed.items()})
        assert np.array_equal(got, engine.Model.load(folder).predict(x))


def test_the_plan_can_be_read(package: Path) -> None:
    plan = engine.Model.load(package).plan
    assert plan["kernel"] in engine.blas
    assert [layer["name"] for layer in plan["layers"]] == ["layer0", "layer1"]
    for layer in plan["layers"]:
        assert layer["tiles"] and all(t["us"] > 0 and t["rows"] > 1 for t in layer["tiles"])
    assert plan["us_by_rows"][64] >= plan["us_by_rows"][1] > 0


def test_a_plan_is_kept_and_found_again(tmp_path: Path) -> None:
    package = write_package(tmp_path / "m" / "1", *dense_network((300, 200, 10)))
    cache = tmp_path / "cache"
    x = np.random.default_rng(0).normal(size=(33, 300)).astype(np.float32)
    first = engine.Model.load(package, plan_cache=str(cache))
    kept = {file.name: file.read_text() for file in cache.iterdir()}
    assert len(kept) == 2 and all(text.endswith("end\n") for text in kept.values())
    again = engine.Model.load(package, plan_cache=str(cache))
    assert [layer["tiles"] for layer in again.plan["layers"]] == [
        [{"rows": t["rows"], "us": pytest.approx(t["us"], abs=2e-6)} for t in layer["tiles"]]
        for layer in first.plan["layers"]
    ]
    assert again.predict(x).tobytes() == first.predict(x).tobytes()
    assert {file.name: file.read_text() for file in cache.iterdir()} == kept


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("plan 1", "plan 0"),
        lambda text: text.replace("\n", "\n999999999 0 1\n", 1),
        lambda text: text.splitlines()[0] + "\n64 0 1\n1 5.0\nend\n",
        lambda text: text.splitlines()[0] + "\n64 0 1\n8 nan\nend\n",
        lambda text: text.splitlines()[0] + "\n0 0 1\n8 5.0\nend\n",
    ],
)
def test_a_damaged_plan_is_found_anew(tmp_path: Path, damage) -> None:
    package = write_package(tmp_path / "m" / "1", *dense_network((300, 10)))
    cache = tmp_path / "cache"
    x = np.random.default_rng(0).normal(size=(33, 300)).astype(np.float32)
    expected = engine.Model.load(package, plan_cache=str(cache)).predict(x)
    (file,) = cache.iterdir()
    whole = file.read_text()
    file.write_text(damage(whole))
    assert engine.Model.load(package, plan_cache=str(cache)).predict(x).tobytes() == expected.tobytes()
    assert file.read_text().splitlines()[0] == whole.splitlines()[0] and file.read_text().endswith("end\n")


def test_without_a_place_for_plans_it_works_too(tmp_path: Path) -> None:
    package = write_package(tmp_path / "m" / "1", *dense_network((30, 10)))
    for nowhere in ("", str(tmp_path / "no" / "such"), str(package / "model.json")):
        engine.Model.load(package, plan_cache=nowhere)


def test_several_cores_give_the_same_bits(tmp_path: Path) -> None:
    """A large call is shared by threads; each row must come out as it does alone."""
    model = engine.Model.load(write_package(tmp_path / "m" / "1", *dense_network((700, 600, 600, 10))))
    x = np.random.default_rng(0).normal(size=(3001, 700)).astype(np.float32)
    together = model.predict(x)
    for first in (0, 63, 64, 1000, 2999):
        assert model.predict(x[first : first + 2]).tobytes() == together[first : first + 2].tobytes()
