import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pyapp.packages import store as folders
from pyapp.serving.registry import Registry
from pyapp.serving.versions import AmbiguousModelError, State, UnavailableError, UnknownVersionError

Write = Callable[..., Path]


def loaded(store: Path) -> Registry:
    registry = Registry(store)
    registry.reload()
    return registry


def test_all_versions_are_loaded_newest_first(store: Path) -> None:
    snapshot = loaded(store).snapshot
    assert [(version.number, version.state) for version in snapshot.models["pets"].versions] == [
        (2, "AVAILABLE"),
        (1, "AVAILABLE"),
    ]
    assert snapshot.models["pets"].default == 2
    assert snapshot.available() == {"pets": [1, 2]}


def test_ten_is_newer_than_nine(store: Path, write_network: Write) -> None:
    write_network(store / "pets" / "10", 10)
    write_network(store / "pets" / "9", 9)
    assert loaded(store).find("pets").version == 10


def test_find(store: Path) -> None:
    registry = loaded(store)
    assert (registry.find().name, registry.find().version) == ("pets", 2)
    assert registry.find("pets", 1).version == 1
    assert registry.find(None, 1).version == 1


def test_what_is_not_there_is_answered_with_what_is(store: Path, write_network: Write) -> None:
    write_network(store / "birds" / "7")
    registry = loaded(store)
    with pytest.raises(UnknownVersionError, match="no model is named 'fish'; models: birds, pets"):
        registry.find("fish")
    with pytest.raises(UnknownVersionError, match="pets has no version 3; versions that answer: 1, 2"):
        registry.find("pets", 3)
    with pytest.raises(AmbiguousModelError, match="models: birds, pets"):
        registry.find()


def test_an_empty_store(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no model"):
        loaded(tmp_path).find()
    with pytest.raises(UnknownVersionError, match="models: none"):
        loaded(tmp_path).find("pets")


def _cut(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])


def _no_manifest(folder: Path) -> None:
    (folder / "model.json").unlink()


def _no_weights(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()


def _half_manifest(folder: Path) -> None:
    manifest = folder / "model.json"
    manifest.write_text(manifest.read_text()[:100])


def _binary_manifest(folder: Path) -> None:
    (folder / "model.json").write_bytes(os.urandom(500))


def _manifest_is_a_list(folder: Path) -> None:
    (folder / "model.json").write_text("[1, 2]")


def _manifest_is_a_folder(folder: Path) -> None:
    (folder / "model.json").unlink()
    (folder / "model.json").mkdir()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _wrong_units(folder: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text())
    manifest["layers"][0]["units"] = 5
    (folder / "model.json").write_text(json.dumps(manifest))


def _unknown_tensor(folder: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text())
    manifest["layers"][1]["kernel"] = "nowhere"
    (folder / "model.json").write_text(json.dumps(manifest))


def _huge_header(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", 2**63) + b"{}")


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _no_manifest,
        _no_weights,
        _half_manifest,
        _binary_manifest,
        _manifest_is_a_list,
        _manifest_is_a_folder,
        _empty,
        _wrong_units,
        _unknown_tensor,
        _huge_header,
    ],
)
def test_a_broken_version_fails_with_a_reason_and_disturbs_no_other(
    spoil: Callable[[Path], None], store: Path, write_network: Write
) -> None:
    spoil(write_network(store / "pets" / "3"))
    registry = loaded(store)
    broken = registry.snapshot.models["pets"].versions[0]
    is_there = all((store / "pets/3" / name).exists() for name in ("model.json", "weights.safetensors"))
    assert (broken.number, broken.state) == (3, State.FAILED if is_there else State.START)
    assert len(broken.reason) > 10
    assert str(store) not in broken.reason
    assert registry.find("pets").version == 2
    with pytest.raises(UnavailableError, match=r"version 3 of pets can't answer: .*; versions that answer: 1, 2"):
        registry.find("pets", 3)


def test_a_model_of_which_nothing_loads(store: Path) -> None:
    for version in ("1", "2"):
        _no_weights(store / "pets" / version)
    registry = loaded(store)
    assert registry.snapshot.available() == {}
    assert registry.snapshot.models["pets"].default is None
    with pytest.raises(UnavailableError, match=r"no version of pets can answer; 2: weights\.safetensors is missing"):
        registry.find("pets")


@pytest.mark.parametrize("name", [".hidden", "two words", "naïve", "a+b", "%41", "x\n"])
def test_folders_that_are_no_model_names_are_passed_over(name: str, store: Path, write_network: Write) -> None:
    write_network(store / name / "1")
    assert list(loaded(store).snapshot.models) == ["pets"]


@pytest.mark.parametrize("version", ["0", "-1", "01", "1.0", "v1", "latest", ".3", "٣", "9" * 30])
def test_folders_that_are_no_versions_are_passed_over(version: str, store: Path, write_network: Write) -> None:
    write_network(store / "pets" / version)
    assert loaded(store).snapshot.available() == {"pets": [1, 2]}


def test_files_among_the_folders_are_passed_over(store: Path) -> None:
    (store / "README").touch()
    (store / "pets" / "3").touch()
    (store / "empty").mkdir()
    assert list(loaded(store).snapshot.models) == ["pets"]


@pytest.mark.parametrize("name", ["a", "_", "-x", "Pets.v2-final_1", "3"])
def test_names_that_are_allowed(name: str, store: Path, write_network: Write) -> None:
    write_network(store / name / "1")
    assert loaded(store).find(name).name == name


def test_a_snapshot_never_changes_and_the_next_replaces_it_whole(store: Path, write_network: Write) -> None:
    registry = loaded(store)
    before = registry.snapshot
    write_network(store / "pets" / "3")
    shutil.rmtree(store / "pets" / "1")
    registry.reload()
    assert before.available() == {"pets": [1, 2]}
    assert registry.snapshot.available() == {"pets": [2, 3]}
    with pytest.raises(TypeError):
        before.models["x"] = ()  # type: ignore[index]


def test_a_model_leaves_when_its_last_version_was_removed_and_not_when_it_got_lost(
    store: Path, write_network: Write
) -> None:
    registry = loaded(store)
    for version in (1, 2):
        folders.remove(store, "pets", version)
    registry.reload()
    assert registry.snapshot.models == {}
    write_network(store / "pets" / "2")
    folders.forget_removal(store / "pets" / "2")  # as everything does that writes a version
    registry.reload()
    shutil.rmtree(store / "pets" / "2")
    registry.reload()
    assert registry.find("pets").version == 2


def test_a_version_that_was_removed_leaves_a_broken_one_alone(store: Path) -> None:
    _cut(store / "pets" / "2")
    registry = loaded(store)
    assert registry.find("pets").version == 1
    folders.remove(store, "pets", 1)
    registry.reload()
    with pytest.raises(UnavailableError, match="no version of pets can answer"):
        registry.find("pets")


def test_a_store_that_vanishes_leaves_what_was_served(store: Path) -> None:
    registry = loaded(store)
    store.rename(store.with_name("gone"))
    with pytest.raises(OSError, match="store"):
        registry.reload()
    assert registry.find("pets").version == 2
