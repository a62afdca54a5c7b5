"""The package build: what an sdist and a wheel hold, and that the wheel works where there is nothing else of ours.

All is built without isolation, from the packages of this environment: nothing is downloaded.
"""

import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SRV_", "SERVING_"))
    }
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=inherited | environment, capture_output=True, text=True, check=False
    )


def succeed(*command: str | Path, cwd: Path, **environment: str) -> str:
    result = run(*command, cwd=cwd, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    succeed(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, ".", cwd=ROOT)
    return next(out.glob("*.tar.gz"))


def unpack(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def built_tree(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist after a wheel has been built in it (dist/*.whl)."""
    tree = unpack(sdist, tmp_path_factory.mktemp("tree"))
    succeed(sys.executable, "-m", "build", "--wheel", "--no-isolation", ".", cwd=tree)
    return tree


@pytest.fixture(scope="module")
def wheel(built_tree: Path) -> Path:
    return next((built_tree / "dist").glob("*.whl"))


def test_sdist_holds_the_sources_and_the_built_page(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "LICENSE",
        "Makefile",
        "ext/cflags.txt",
        "ext/core/engine.h",
        "frontend/package-lock.json",
        "models/mnist/1/model.json",
        "pyapp/static/index.html",
        "requirements/build.lock",
        "setup.py",
        "tests/core/check.h",
    }
    built = ("node_modules/", "pyapp/_libs", "pyapp/models", "__pycache__", ".venv")
    assert not [name for name in names if name.endswith((".so", ".pyc")) or any(part in name for part in built)]


def test_wheel_from_an_sdist_runs_no_npm(built_tree: Path) -> None:
    assert not (built_tree / "frontend" / "node_modules").exists()


def test_wheel_is_for_every_python_from_3_11_on(wheel: Path) -> None:
    assert "-cp311-abi3-linux_" in wheel.name


def test_wheel_holds_extension_openblas_page_and_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for file in (ROOT / "models").rglob("*"):
            if file.is_file() and not file.name.startswith("."):
                assert archive.read(f"pyapp/models/{file.relative_to(ROOT / 'models')}") == file.read_bytes()
        assert "OpenBLAS" in archive.read("pyapp/_libs/LICENSE-scipy-openblas.txt").decode()
        # The page's assets are named by their content: all that it asks for must be there.
        page = archive.read("pyapp/static/index.html").decode()
    assert names >= {"pyapp/engine.abi3.so", "pyapp/engine.pyi", "pyapp/py.typed", "pyapp/_libs/libscipy_openblas.so"}
    assets = [word[1:] for word in page.replace('"', " ").split() if word.startswith("./assets/")]
    assert assets
    assert names >= {f"pyapp/static{asset}" for asset in assets}


def test_extension_looks_for_openblas_beside_itself_only(built_tree: Path) -> None:
    dynamic = succeed("readelf", "-d", "pyapp/engine.abi3.so", cwd=built_tree)
    assert [line.split("[")[1] for line in dynamic.splitlines() if "RUNPATH" in line or "RPATH" in line] == [
        "$ORIGIN/_libs]"
    ]
    assert "[libscipy_openblas.so]" in dynamic


def test_a_build_leaves_extension_and_openblas_in_its_source_tree(built_tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in ("pyapp/engine.abi3.so", "pyapp/_libs/libscipy_openblas.so"):
            assert (built_tree / name).read_bytes() == archive.read(name)


def test_installed_wheel_works_outside_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    succeed(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        site,
        wheel,
        cwd=tmp_path,
    )
    program = """
import json, pathlib, pyapp
client = pyapp.create_app().test_client()
answers = [client.get("/healthz"), client.get("/"), client.post("/classify", json=[0] * 784)]
maps = pathlib.Path("/proc/self/maps").read_text().split()
print(json.dumps({
    "package": pyapp.__file__,
    "status": [answer.status_code for answer in answers],
    "models": answers[0].get_json(),
    "openblas": sorted({word for word in maps if word.endswith("/libscipy_openblas.so")}),
}))
"""
    told = json.loads(succeed(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(site)))
    assert told["package"] == str(site / "pyapp" / "__init__.py")
    assert told["status"] == [200, 200, 200]
    shipped = {int(folder.name) for folder in (ROOT / "models" / "mnist").iterdir() if folder.name.isdigit()}
    assert set(told["models"]["models"]["mnist"]) == shipped
    assert told["openblas"] == [str(site / "pyapp" / "_libs" / "libscipy_openblas.so")]


@pytest.fixture
def page_tree(sdist: Path, tmp_path: Path) -> Path:
    """A source tree whose page is as new as its sources, and whose frontend needs no packages."""
    tree = unpack(sdist, tmp_path)
    (tree / "frontend" / "package-lock.json").write_text(
        json.dumps({"name": "page", "lockfileVersion": 3, "packages": {"": {"name": "page"}}})
    )
    build_script(tree, "exit 0")
    return tree


def build_script(tree: Path, script: str) -> None:
    """Makes `script` what npm run build does, and the built page as new as all sources."""
    (tree / "frontend" / "package.json").write_text(json.dumps({"name": "page", "scripts": {"build": script}}))
    (tree / "pyapp" / "static" / "index.html").touch()


def test_page_as_new_as_its_sources_is_not_built_again(page_tree: Path) -> None:
    build_script(page_tree, "exit 3")
    succeed(sys.executable, "setup.py", "build_py", cwd=page_tree)


def test_page_is_built_again_after_a_change_and_only_once(page_tree: Path) -> None:
    build_script(page_tree, "echo built >> ../pyapp/static/index.html")
    later = time.time() + 1
    os.utime(page_tree / "frontend" / "index.html", (later, later))
    index = page_tree / "pyapp" / "static" / "index.html"
    os.utime(index, (later - 10, later - 10))
    succeed(sys.executable, "setup.py", "build_py", cwd=page_tree)
    assert index.read_text().count("built\n") == 1
    assert (page_tree / "build" / "lib").exists() or list((page_tree / "build").glob("lib*"))
    os.utime(index, (later, later))
    succeed(sys.executable, "setup.py", "build_py", cwd=page_tree)
    assert index.read_text().count("built\n") == 1


def test_failing_page_build_names_the_command(page_tree: Path) -> None:
    build_script(page_tree, "exit 3")
    (page_tree / "pyapp" / "static" / "index.html").unlink()
    result = run(sys.executable, "setup.py", "build_py", cwd=page_tree)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == "building the page failed: npm run build (in frontend/) ended with 3"


def test_missing_page_and_sources_are_named(page_tree: Path) -> None:
    (page_tree / "frontend").rename(page_tree / "elsewhere")
    (page_tree / "pyapp" / "static" / "index.html").unlink()
    result = run(sys.executable, "setup.py", "build_py", cwd=page_tree)
    assert result.returncode != 0
    assert "neither a built page in pyapp/static nor its sources in frontend/" in result.stderr


def test_unknown_openblas_is_refused(built_tree: Path) -> None:
    result = run(sys.executable, "setup.py", "build_ext", cwd=built_tree, SRV_OPENBLAS="mkl")
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == 'SRV_OPENBLAS is "mkl"; it may be "system", or unset for the vendored one'
