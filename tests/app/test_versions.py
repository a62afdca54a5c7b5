"""What the registry does as the store changes: load, flip, drain, fail, try again, give memory back."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyapp import engine
from pyapp.serving import registry as registry_module
from pyapp.serving.policy import Policy
from pyapp.serving.registry import Registry, load_package
from pyapp.serving.routing import Routing, Split
from pyapp.serving.snapshot import Entry
from pyapp.serving.versions import State, UnavailableError, UnknownVersionError

Write = Callable[..., Path]


def follow(store: Path, policy: str = "latest", **more: Any) -> Registry:
    registry = Registry(store, Policy.parse(policy), **more)
    registry.reload()
    return registry


def states(registry: Registry, name: str = "pets") -> dict[int, str]:
    return {version.number: str(version.state) for version in registry.snapshot.models[name].versions}


@pytest.mark.parametrize(
    ("text", "working", "wanted"),
    [
        ("latest", [1, 2, 3, 10], {3, 10}),
        ("latest:1", [7], {7}),
        ("latest:3", [1, 2, 3, 4, 5], {2, 3, 4, 5}),
        ("all", [1, 2, 3], {1, 2, 3}),
        ("1,3", [1, 2, 3], {1, 3}),
        (" Latest : 2 ", [4, 3, 2, 1], {4, 3, 2}),
    ],
)
def test_policies(text: str, working: list[int], wanted: set[int]) -> None:
    policy = Policy.parse(text)
    assert policy.wanted(working) == wanted
    assert Policy.parse(str(policy)) == policy
    assert policy.wanted(working, pinned=[min(working), 999]) == wanted | {min(working)}


@pytest.mark.parametrize("text", ["", "latest:0", "newest", "1,,2", "-1", "0", "1.5", "latest:x", "all,1"])
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(ValueError, match="expected latest, latest:N, all, none, or numbers"):
        Policy.parse(text)


def test_a_new_version_answers_and_the_oldest_leaves(store: Path, write_network: Write) -> None:
    registry = follow(store)
    write_network(store / "pets" / "3")
    assert registry.find("pets").version == 2, "nothing happens before the store is looked at"
    registry.reload()
    assert registry.find("pets").version == 3
    assert registry.find("pets", 2).version == 2, "the one before is warm"
    with pytest.raises(UnavailableError, match="version 1 of pets can't answer: not wanted by the policy"):
        registry.find("pets", 1)
    assert states(registry) == {3: "AVAILABLE", 2: "AVAILABLE", 1: "END"}


def test_a_version_in_use_is_drained_before_it_ends(store: Path, write_network: Write) -> None:
    registry = follow(store)
    held = [registry.find("pets", 1)]
    write_network(store / "pets" / "3")
    registry.reload()
    assert states(registry)[1] == "UNLOADING"
    held.clear()
    registry.reload()
    assert states(registry)[1] == "END"


def test_a_failing_version_leaves_the_others_and_is_tried_again_when_its_files_change(
    store: Path, write_network: Write
) -> None:
    folder = write_network(store / "pets" / "3")
    whole = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(whole[:-8])
    registry = follow(store)
    assert states(registry) == {3: "FAILED", 2: "AVAILABLE", 1: "AVAILABLE"}, "the policy takes the next ones"
    (folder / "weights.safetensors").write_bytes(whole)
    registry.reload()
    assert registry.find("pets").version == 3


def test_a_failing_version_is_tried_again_by_and_by(
    store: Path, write_network: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, now = [], [1000.0]
    monkeypatch.setattr(registry_module.time, "monotonic", lambda: now[0])

    def load(folder: Path, name: str, version: int) -> engine.Model:
        if version == 3:
            tries.append(now[0])
            if len(tries) < 4:
                raise OSError("the disk is slow")
        return load_package(folder, name, version)

    write_network(store / "pets" / "3")
    registry = follow(store, load=load)
    for _ in range(40):
        now[0] += 1
        registry.reload()
    gaps = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert gaps == [2, 4, 8]
    assert registry.find("pets").version == 3


def test_a_half_copied_folder_is_no_version_yet(store: Path, write_network: Write, tmp_path: Path) -> None:
    whole = write_network(tmp_path / "whole")
    registry = follow(store)
    folder = store / "pets" / "3"
    folder.mkdir()
    shutil.copy(whole / "weights.safetensors", folder)
    registry.reload()
    version = registry.snapshot.models["pets"].versions[0]
    assert (version.number, version.state) == (3, State.START)
    assert "model.json is missing" in version.reason
    assert registry.find("pets").version == 2
    shutil.copy(whole / "model.json", folder)
    registry.reload()
    assert registry.find("pets").version == 3


def test_files_changed_in_place_are_loaded_anew_and_a_broken_change_leaves_what_was(
    store: Path, write_network: Write
) -> None:
    registry = follow(store)
    before = registry.find("pets")
    shutil.rmtree(store / "pets" / "2")
    write_network(store / "pets" / "2", 77)
    registry.reload()
    after = registry.find("pets")
    assert after is not before
    assert after.predict([1, 2, 3, 4]).tolist() != before.predict([1, 2, 3, 4]).tolist()
    (store / "pets" / "2" / "model.json").write_text("{")
    registry.reload()
    assert registry.find("pets") is after
    assert "have changed and fail" in registry.snapshot.models["pets"].versions[0].reason


def test_the_last_good_version_never_leaves(store: Path) -> None:
    registry = follow(store)
    shutil.rmtree(store / "pets" / "2")
    registry.reload()
    assert registry.find("pets").version == 1
    shutil.rmtree(store / "pets")
    registry.reload()
    assert registry.find("pets").version == 1
    assert "not in the store any more" in registry.snapshot.models["pets"].versions[-1].reason


def test_an_empty_listing_unloads_nothing_that_is_served(store: Path) -> None:
    registry = follow(store)
    for item in list(store.iterdir()):
        shutil.rmtree(item)
    registry.reload()
    assert registry.find("pets").version == 2


def test_only_a_few_ended_versions_are_remembered(store: Path, write_network: Write) -> None:
    registry = follow(store)
    for number in range(3, 15):
        write_network(store / "pets" / str(number))
        registry.reload()
        shutil.rmtree(store / "pets" / str(number - 2))
        registry.reload()
    assert len(states(registry)) <= 2 + registry_module.REMEMBERED_ENDS
    with pytest.raises(UnknownVersionError, match="pets has no version 5"):
        registry.find("pets", 5)


def test_a_promoted_version_answers_even_when_a_newer_one_comes(store: Path, write_network: Write) -> None:
    registry = follow(store)
    registry.route({"pets": Routing(promoted=(1, 2))})
    assert registry.find("pets").version == 1
    for number in (3, 4, 5):
        write_network(store / "pets" / str(number))
    registry.reload()
    assert registry.find("pets").version == 1, "pinned, though the policy would not keep it"
    shutil.rmtree(store / "pets" / "1")
    registry.reload()
    assert registry.find("pets").version == 5, "2 was not kept"


def test_labels(store: Path) -> None:
    registry = follow(store)
    registry.route({"pets": Routing(labels={"stable": (1,), "next": (9, 2)})})  # type: ignore[arg-type]
    assert registry.find("pets", label="stable").version == 1
    assert registry.find("pets", label="next").version == 2, "until 9 is there, the label means what it meant"
    with pytest.raises(UnknownVersionError, match="pets has no label 'x'; labels: stable, next"):
        registry.find("pets", label="x")
    registry.route({"pets": Routing(labels={"next": (9,)})})  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match="'next' of pets is at version 9"):
        registry.find("pets", label="next")


def test_a_split_shares_by_key_and_falls_back_to_the_default(store: Path) -> None:
    registry = follow(store)
    registry.route({"pets": Routing(split=Split.parse({"1": 25, "2": 75}))})
    keys = [str(i).encode() for i in range(4000)]
    answers = [registry.find("pets", key=key).version for key in keys]
    assert answers == [registry.find("pets", key=key).version for key in keys]
    assert 0.22 < answers.count(1) / len(answers) < 0.28
    registry.route({"pets": Routing(split=Split.parse({"7": 100}))})
    assert registry.find("pets", key=b"a").version == 2


@pytest.mark.parametrize(
    "shares",
    [{}, {"1": 50}, {"1": 101, "2": -1}, {"1": 60, "2": 60}, {"1": float("nan"), "2": 100}, {"1": float("inf")}],
)
def test_what_is_no_split(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"split|percents"):
        Split.parse(shares)


def test_decisions_take_effect_while_a_version_loads(store: Path, write_network: Write) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(folder: Path, name: str, version: int) -> engine.Model:
        if version == 3:
            begun.set()
            assert go_on.wait(30)
        return load_package(folder, name, version)

    registry = follow(store, load=slow)
    write_network(store / "pets" / "3")
    thread = threading.Thread(target=registry.reload)
    thread.start()
    assert begun.wait(30)
    assert states(registry)[3] == "LOADING"
    registry.route({"pets": Routing(promoted=(1,))})
    assert registry.find("pets").version == 1
    go_on.set()
    thread.join()
    assert states(registry)[3] == "AVAILABLE"


def test_memory_is_given_back(store: Path, write_network: Write) -> None:
    """Versions come and go, and only those that the policy wants are still alive."""
    registry = follow(store)
    for number in range(3, 30):
        write_network(store / "pets" / str(number))
        registry.reload()
    entry: Entry = registry.snapshot.models["pets"]
    assert list(entry.available) == [28, 29]
    assert registry._followed["pets"].draining == []


def test_listeners_hear_of_each_change(store: Path, write_network: Write) -> None:
    heard: list[dict[str, list[int]]] = []
    registry = follow(store)
    registry.subscribe(lambda snapshot: heard.append(snapshot.available()))
    write_network(store / "pets" / "3")
    registry.reload()
    assert {"pets": [2, 3]} in heard
