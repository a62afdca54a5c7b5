"""kill -9 at any moment of an import, a promotion or a fetch: store and database then start as if nothing had been."""

import functools
import http.server
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from model_packages import dense_network, write_package
from postgres_server import postgres
from pyapp import packages
from pyapp.cli.rubbish import TOUCHED_SECONDS, leftovers, remove_all
from pyapp.serving.policy import Policy
from pyapp.serving.registry import Registry
from pyapp.serving.remote import RemoteStore
from pyapp.serving.state import tables
from pyapp.serving.state.state import State
from pyapp.serving.store import FolderStore
from pyapp.serving.versions import State as Stage
from running_server import running

pytestmark = pytest.mark.timeout(1200)  # where all cores are busy

ROOT = Path(__file__).parents[2]
TRIALS = int(os.environ.get("CRASH_TRIALS", "8"))

BEGIN = """
import os, sys
from pyapp.cli import models
said = sys.stdout
sys.stdout = open(os.devnull, "w")
def say(word):
    print(word, file=said, flush=True)
def run(*arguments):
    models.main(list(arguments), standalone_mode=False)
    say("done")
"""

IMPORT = """
import pyapp.importers.run, pyapp.importers.torch, jsonschema, safetensors.numpy
say("begin")
while True:
    run("import", sys.argv[1], "--name", "flowers", "--architecture", sys.argv[2], "--json")
"""

PROMOTE = """
import sqlalchemy, alembic.command, pyapp.serving.state.state
say("begin")
while True:
    for version in ("1", "2"):
        run("promote", "pets", version, "--json")
"""

FETCH = """
import pathlib
from pyapp.packages.store import take_away
from pyapp.serving.remote import RemoteStore
url, cache = sys.argv[1], pathlib.Path(sys.argv[2])
RemoteStore(url, cache).list()
say("begin")
while True:
    store = RemoteStore(url, cache)
    for number in store.list()["pets"]:
        take_away(store.fetch("pets", number))
        store.fetch("pets", number)
        say("done")
"""


class Killer:
    """Kills processes at random points of what they do over and over, however fast or slow the machine is."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seconds = 0.5
        """That the work took the last time."""

    def __call__(self, code: str, *arguments: object, **environment: str) -> None:
        """`code` says `begin`, and `done` each time; it never ends."""
        variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-c", BEGIN + code, *map(str, arguments)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, text=True
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == "begin\n", process.stderr.read()
            for _ in range(self.chance.randrange(3)):
                begun = time.monotonic()
                assert process.stdout.readline() == "done\n", process.stderr.read()
                self.seconds = time.monotonic() - begun
            time.sleep(self.chance.uniform(0, 1.2 * self.seconds))
            process.kill()
            errors = process.stderr.read()
            assert process.wait(30) == -signal.SIGKILL, errors


def write_pets(store: Path, sizes: tuple[int, ...] = (4, 3, 2)) -> Path:
    for version in (1, 2):
        write_package(store / "pets" / str(version), *dense_network(sizes, seed=version))
    return store


def check_store(registry: Registry) -> None:
    """Nothing in it is broken: all versions load."""
    registry.reload()
    for entry in registry.snapshot.models.values():
        assert {version.state for version in entry.versions} == {Stage.AVAILABLE}, entry.versions


def clear_away(store: FolderStore | RemoteStore, root: Path) -> int:
    """gc, an hour later; how much it found."""
    for item in root.rglob("*"):
        os.utime(item, (time.time() - 2 * TOUCHED_SECONDS,) * 2)
    found = list(leftovers(store))
    remove_all(found)
    assert [item for item in root.rglob(".*") if not item.name.startswith(".serving")] == []
    return len(found)


def check_server(store: Path | str, body: list[float], model: str, folder: Path, **environment: str) -> None:
    """A server starts with it, and answers."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SERVING_MODELS": str(store), **environment}.items():
            patch.setenv(name, value)
        with running(folder / "log") as server:
            assert server.ask("POST", f"/classify?model={model}", json.dumps(body))[0] == 200


def test_imports(tmp_path: Path) -> None:
    store, kill, source = tmp_path / "store", Killer(1), ROOT / "tests" / "data" / "torch" / "made-sequential"
    store.mkdir()
    registry = Registry(store, Policy.parse("all"))
    for _ in range(TRIALS):
        arguments = (source / "model.pt", source / "architecture.txt")
        kill(IMPORT, *arguments, SERVING_MODELS=str(store))
        check_store(registry)
    (flowers,) = registry.snapshot.models.values()
    numbers = sorted(version.number for version in flowers.versions)
    assert numbers == list(range(1, len(numbers) + 1))
    print(f"{len(numbers)} imports, and {clear_away(FolderStore(store), store)} that were cut off")
    check_server(store, np.load(source / "input.npy")[0].tolist(), "flowers", tmp_path)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_promotions(kind: str, tmp_path: Path) -> None:
    store, kill = write_pets(tmp_path / "store"), Killer(2)
    with postgres_url() if kind == "postgresql" else nullcontext(f"sqlite:///{store / '.serving.sqlite3'}") as url:
        environment = {"SERVING_MODELS": str(store), "DATABASE_URL": url, "XDG_STATE_HOME": str(tmp_path / "state")}
        decided = 0
        for trial in range(TRIALS):
            if trial % 3 == 0:
                empty(url)  # so that migrations are killed, too
            kill(PROMOTE, **environment)
            decided += check_database(url)
        print(f"{decided} promotions")
        assert decided > 0
        check_server(store, [0.5, -1, 2, 0.25], "pets", tmp_path, **environment)


@contextmanager
def postgres_url() -> Iterator[str]:
    with postgres() as server:
        yield server.url


def empty(url: str) -> None:
    state = State(url)
    if state.file is not None:
        for path in state.file.parent.glob(f"{state.file.name}*"):
            path.unlink()
        return
    engine = sa.create_engine(state.url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


def check_database(url: str) -> int:
    """Each decision is there with its audit, or neither of them is; how many there are."""
    state = State(url)
    if state.file is not None and state.file.exists():
        with closing(sqlite3.connect(state.file)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    engine = state._open()
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.decisions)).all()
    changes = state.audit("pets", limit=100_000)
    assert [row.revision for row in rows] == ([len(changes)] if changes else [])
    assert all(later.before == earlier.after for later, earlier in zip(changes, changes[1:], strict=False))
    if changes:
        assert rows[0].document == changes[0].after
    state.decide("birds", "test", "test", lambda routing: routing)  # nothing is locked
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.decisions).where(tables.decisions.c.model == "birds"))
    engine.dispose()
    return len(changes)


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                pass  # the client was killed

    handler: Callable[..., Quiet] = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_fetches(tmp_path: Path) -> None:
    store, cache, kill = write_pets(tmp_path / "store", (4, 500, 2000, 2)), tmp_path / "cache", Killer(3)
    with web_server(store) as url:
        for _ in range(TRIALS):
            kill(FETCH, url, cache)
            for folder in cache.glob("pets/[0-9]*"):
                packages.load(folder, name="pets", version=int(folder.name.split(".")[0]))
            check_store(Registry(RemoteStore(url, cache), Policy.parse("all")))
        print(f"{clear_away(RemoteStore(url, cache), cache)} fetches that were cut off")
    check_store(Registry(RemoteStore(url, cache), Policy.parse("all")))  # with the store away
