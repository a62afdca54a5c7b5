"""Files that are no Keras models, broken ones, and ones made to harm who reads them."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_files import dense, sequential, write_legacy, zipped
from pyapp.importers import ImportOptions, ImportRefusedError
from pyapp.importers.keras import read, trial

CONFIG = sequential(dense("d", 2))
EYE = [("kernel:0", np.eye(2)), ("bias:0", [0.5, -0.5])]
PARTS = {"layers/dense/vars/0": np.eye(2), "layers/dense/vars/1": [0, 0]}


def refused(path: Path) -> str:
    with pytest.raises(ImportRefusedError) as error:
        read(path, ImportOptions())
    assert path.name in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "run `git lfs pull`"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b'{"class_name": "Sequential"}', "is JSON"),
        (b"\x80\x04\x95", "is a Python pickle"),
        (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite model"),
        (b"hello there", "is a text that starts with 'hello there'"),
        (b"\0\1\2\3", "starts with the bytes 00 01 02 03"),
        (b"PK\3\4 no zip", "is damaged or cut short"),
        (b"\x89HDF\r\n\x1a\n", "is damaged or cut short"),
    ],
)
def test_what_is_no_model_is_told_for_what_it_is(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    assert words in refused(path)


def test_a_folder_and_a_zip_of_something_else_are_told(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    assert "SavedModel" in refused(tmp_path / "saved")
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("data.pkl", b"")
    assert "without config.json" in refused(tmp_path / "a.keras")


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_no_cut_of_a_file_crashes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m.{suffix}"
    if suffix == "h5":
        write_legacy(path, CONFIG, {"d": EYE})
    else:
        zipped(path, CONFIG, PARTS)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 4)):
        path.write_bytes(whole[:length])
        refused(path)


def test_no_changed_byte_crashes(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "m.h5", CONFIG, {"d": EYE})
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(12):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            read(path, ImportOptions())
            outcomes.add("read")
        except ImportRefusedError:
            outcomes.add("refused")
    assert outcomes <= {"read", "refused"}


def test_texts_without_an_end_do_not_stop_the_reader(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "m.h5", CONFIG, {"d": EYE})
    content = bytearray(path.read_bytes())
    heap = content.find(b"GCOL")
    end = heap + int.from_bytes(content[heap + 8 : heap + 16], "little")
    at = heap + 16
    while content[at : at + 2] != b"\0\0":
        at += 16 + (int.from_bytes(content[at + 8 : at + 16], "little") + 7) // 8 * 8
    assert at < end
    content[at + 8 : at + 16] = bytes(8)
    path.write_bytes(content)
    assert "have no end" in refused(path)


def test_a_file_that_takes_its_reader_down_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_legacy(tmp_path / "m.h5", CONFIG, {"d": EYE})
    monkeypatch.setattr(trial, "_CODE", "import os; os.abort()")
    assert "reading it ends in signal 6" in refused(path)
    monkeypatch.setattr(trial, "_CODE", "while True: pass")
    monkeypatch.setattr(trial, "SECONDS", 0.5)
    assert "it is not read" in refused(path)


def test_weights_outside_the_file_are_not_read(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file.create_dataset("secret", data=np.eye(2, dtype=np.float32))
    links = {"external": h5py.ExternalLink("other.h5", "/secret"), "soft": h5py.SoftLink("/model_weights/d/bias:0")}
    for name, link in links.items():
        path = write_legacy(tmp_path / f"{name}.h5", CONFIG, {"d": EYE})
        with h5py.File(path, "r+") as file:
            del file["model_weights/d/kernel:0"]
            file["model_weights/d/kernel:0"] = link
        assert "is a link to somewhere else" in refused(path)
    raw = tmp_path / "raw.bin"
    raw.write_bytes(np.eye(2, dtype=np.float32).tobytes())
    layout = h5py.VirtualLayout((2, 2), np.float32)
    layout[:] = h5py.VirtualSource(other, "secret", (2, 2))
    for name in ("storage", "virtual"):
        path = write_legacy(tmp_path / f"{name}.h5", CONFIG, {"d": EYE})
        with h5py.File(path, "r+") as file:
            del file["model_weights/d/kernel:0"]
            if name == "virtual":
                file.create_virtual_dataset("model_weights/d/kernel:0", layout)
            else:
                file.create_dataset("model_weights/d/kernel:0", (2, 2), np.float32, external=[(str(raw), 0, 16)])
        assert "lies in another file" in refused(path)


def test_shapes_that_the_file_cannot_hold_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "m.h5", CONFIG, {"d": EYE})
    with h5py.File(path, "r+") as file:
        del file["model_weights/d/kernel:0"]
        file.create_dataset("model_weights/d/kernel:0", (1 << 20, 1 << 20), np.float32, chunks=(1024, 1024))
    assert "claims to be (1048576, 1048576), but the file has 0 bytes of it" in refused(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights/d/kernel:0"]
        file["model_weights/d"].create_dataset("kernel:0", data=np.array([b"text"]))
    assert "expected numbers" in refused(path)


def test_a_zip_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.writestr("model.weights.h5", bytes(1 << 26))
    assert "a model does not compress like that" in refused(path)


def test_configurations_that_no_keras_writes_are_refused(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    texts = [deep, "[]", "{", '{"class_name": 3}', '{"class_name": "Mine", "config": {}}', "[" * 500 + "]" * 500]
    configs = [*texts, sequential({"config": {}}), {"class_name": "Sequential", "config": {"layers": 3}}]
    configs.append({"class_name": "Model", "config": {"layers": [], "output_layers": []}})
    for config in configs:
        refused(zipped(tmp_path / "m.keras", config, PARTS))
    for wrong in ({"units": "2"}, {"units": None}, {"activation": 3}, {"activation": {"class_name": []}}):
        refused(
            zipped(
                tmp_path / "m.keras",
                sequential({"class_name": "Dense", "config": {"name": "d", "units": 2, **wrong}}),
                PARTS,
            )
        )
