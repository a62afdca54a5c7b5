"""What a file is, is told by its content; what it is instead is said."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from pyapp.importers import ImportOptions, ImportRefusedError, read
from pyapp.importers.sniff import importer_of
from shared_data import items, needs_shared_data

KINDS = {"keras": "keras", "onnx": "onnx", "sklearn": "sklearn", "torch": "torch"}


def files() -> list[tuple[Path, str]]:
    found = []
    for kind in KINDS:
        for item in [*items(kind), *items(f"{kind}_refuse")]:
            found += [
                (file, kind) for file in item.iterdir() if file.stem.startswith("model") and file.suffix != ".json"
            ]
    return found


@needs_shared_data
def test_every_real_file_is_known_by_its_content_alone(tmp_path: Path) -> None:
    found = files()
    assert len(found) > 100
    wrong, refused = [], []
    for file, kind in found:
        nameless = tmp_path / "nameless"
        nameless.unlink(missing_ok=True)
        nameless.symlink_to(file)
        try:
            if importer_of(nameless) != kind:
                wrong.append(file)
        except ImportRefusedError as error:
            refused.append(f"{file}: {error}")
    assert not wrong
    assert all("Git LFS pointer" in text or "text" in text or "joblib" in text for text in refused), refused


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "keras"),
        (b"\0" * 512 + b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "keras"),
        (zipped("config.json", "metadata.json", "model.weights.h5"), "keras"),
        (zipped("schema.json", "1.npy"), "sklearn"),
        (zipped("archive/data.pkl", "archive/data/0"), "torch"),
        (zipped("net/constants.pkl", "net/code/x.py"), "torch"),
        (b"\x80\x04\x95\0\0\0\0\0\0\0\0.", "sklearn"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "torch"),
        (struct.pack("<Q", 2) + b"{}", "torch"),
        (b"\x08\x08\x12\x04test\x3a\x02\x12\x00", "onnx"),
        (b"\x3a\x02\x12\x00\x08\x08", "onnx"),
    ],
)
def test_kinds(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert importer_of(tmp_path / "file") == kind


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\n <HTML>", "is a web page"),
        (b'{"class_name": "Sequential"}', "a Keras architecture without weights"),
        (b'{"a": 1}', "is JSON"),
        (b"<?xml version='1.0'?><PMML>", "PMML"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        (b"\x93NUMPY\x01\0", "numpy array"),
        (b"\x1f\x8b\x08\0", "is compressed; unpack it"),
        (b"\0" * 257 + b"ustar", "tar archive"),
        (b"\x0a\x10\x0a\x0bPlaceholder", "TensorFlow graph"),
        (b"hello world", r"no file of a known kind; it begins with 'hello world'; expected .*Keras.*ONNX.*PyTorch"),
        (b"\x08\x08\x12\x04te", "no file of a known kind"),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "no file of a known kind"),
        (b"PK\x03\x04broken", "broken or cut short"),
        (zipped("a.npy", "b.npy"), r"numpy arrays \(.npz\)"),
        (zipped("x/saved_model.pb"), "SavedModel"),
        (zipped("readme.txt"), r"none of a model that is known; it holds readme.txt"),
    ],
)
def test_other_files_are_said_for_what_they_are(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ImportRefusedError, match=words):
        read(tmp_path / "file", ImportOptions())


def test_an_onnx_file_that_is_cut_short(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x12\x04te")
    with pytest.raises(ImportRefusedError, match="is an ONNX model that is broken or cut short"):
        importer_of(tmp_path / "model.onnx")


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="is a folder: give the model's file"):
        importer_of(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ImportRefusedError, match=r"SavedModel.*model\.keras"):
        importer_of(tmp_path)
