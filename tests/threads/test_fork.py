"""os.fork around the engine, two engines in one process, and interpreters beside the main one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from model_packages import dense_network, write_package
from pyapp import create_app, engine

FORKS = int(os.environ.get("FORKS", "25"))
# Newer Pythons warn of what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

Reply = tuple[int, bytes]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[engine.Model]:
    folder = tmp_path_factory.mktemp("models")
    shapes = [(16, 8, 4), (256, 512, 512, 8)]
    return [
        engine.Model.load(write_package(folder / f"m{i}" / "1", *dense_network(shape)))
        for i, shape in enumerate(shapes)
    ]


def ask(eng: engine.Engine, model: engine.Model) -> Reply:
    body = json.dumps([0.5] * model.features).encode()
    status, _, reply = eng.handle(model, "classify", body, "application/json")
    return status, reply


def child_of(check: Callable[[], bool], seconds: float = 20) -> int:
    """What a forked child ends with: 0 if check() is true there."""
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            status = 0 if check() else 1
        finally:
            os._exit(status)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail(f"the child hangs after {seconds} s")


@pytest.fixture
def busy(models: list[engine.Model]) -> Iterator[engine.Engine]:
    """An engine that six other threads are using; checked at the end that they got on."""
    eng = engine.Engine()
    expected = [ask(eng, model) for model in models]
    stop, answered, wrong = threading.Event(), [0] * 6, []

    def client(number: int) -> None:
        while not stop.is_set():
            which = number % 2
            if ask(eng, models[which]) != expected[which]:
                wrong.append(number)
            models[which].predict(np.full((1, models[which].features), 0.5, np.float32))
            answered[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    yield eng
    before, end = list(answered), time.monotonic() + 20
    while (
        not (got_on := all(now > then for now, then in zip(answered, before, strict=True))) and time.monotonic() < end
    ):
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert wrong == []
    assert got_on


def test_a_child_of_an_idle_engine(models: list[engine.Model]) -> None:
    eng = engine.Engine()
    expected = [ask(eng, model) for model in models]
    for _ in range(FORKS):
        assert child_of(lambda: [ask(eng, model) for model in models] == expected) == 0
    assert [ask(eng, model) for model in models] == expected


def test_a_child_forked_while_others_are_inside(models: list[engine.Model], busy: engine.Engine) -> None:
    expected = [ask(busy, model) for model in models]
    rows = [np.full((70, model.features), 0.5, np.float32) for model in models]
    predicted = [model.predict(x) for model, x in zip(models, rows, strict=True)]

    def works() -> bool:
        same = [ask(busy, model) for model in models] * 2 == expected * 2
        for model, x, y in zip(models, rows, predicted, strict=True):
            same = same and np.array_equal(model.predict(x), y)
        busy.close()  # waits for nobody: those inside are in the parent
        return same and ask(busy, models[0])[0] == 503

    for _ in range(FORKS):
        assert child_of(works) == 0


def test_threads_of_a_child_share_batches(models: list[engine.Model], busy: engine.Engine) -> None:
    expected = ask(busy, models[1])

    def works() -> bool:
        replies: list[Reply] = []
        threads = [
            threading.Thread(target=lambda: replies.extend(ask(busy, models[1]) for _ in range(20))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies == [expected] * 160

    for _ in range(5):
        assert child_of(works) == 0


def test_a_child_of_a_child(models: list[engine.Model], busy: engine.Engine) -> None:
    expected = ask(busy, models[0])
    assert child_of(lambda: child_of(lambda: ask(busy, models[0]) == expected) == 0) == 0


def test_counts_are_of_all_processes_and_outlive_them(models: list[engine.Model]) -> None:
    eng = engine.Engine()

    def count() -> bool:
        for _ in range(3):
            ask(eng, models[0])
        ask(eng, models[1])
        eng.handle(models[0], "classify", b"[1]", "application/json")
        eng.count("store_errors", 2)
        return True

    def count_and_die() -> bool:
        count()
        os.kill(os.getpid(), signal.SIGKILL)
        return False

    count()
    for _ in range(4):
        assert child_of(count) == 0
        assert child_of(count_and_die) == -signal.SIGKILL
    stats = eng.stats()
    assert (stats["requests"], stats["rows"], stats["batches"], stats["batch_rows"]) == (36, 36, 36, {1: 36})
    assert (stats["queued_rows"], stats["running"]) == (0, 0)
    first, second = stats["models"]
    assert (first["rows"], second["rows"]) == (27, 9)
    assert first["requests"] == {"OK": 27, "WRONG_VALUE": 9}
    assert {histogram["count"] for histogram in first["histograms"].values()} == {27}
    assert stats["host"]["store_errors"] == 18


def test_what_runs_in_another_process_is_seen_until_it_dies(models: list[engine.Model]) -> None:
    eng = engine.Engine(slots=1)
    pid = os.fork()
    if pid == 0:
        rows = json.dumps([[0.5] * models[1].features] * 400).encode()
        while True:
            eng.handle(models[1], "classify", rows, "application/json")
    try:
        end = time.monotonic() + 20
        while eng.stats()["running"] == 0:
            assert time.monotonic() < end
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert (eng.stats()["queued_rows"], eng.stats()["running"]) == (0, 0)


def test_an_engine_that_is_gone_is_not_looked_for(models: list[engine.Model]) -> None:
    kept = engine.Engine()
    for _ in range(10):
        ask(engine.Engine(), models[0])
    expected = ask(kept, models[0])
    assert child_of(lambda: ask(kept, models[0]) == expected) == 0


def test_two_engines_share_nothing(models: list[engine.Model]) -> None:
    one, other = engine.Engine(max_request_rows=1), engine.Engine()
    two_rows = json.dumps([[0.5] * 16] * 2).encode()
    assert one.handle(models[0], "classify", two_rows, "application/json")[0] == 413
    assert other.handle(models[0], "classify", two_rows, "application/json")[0] == 200
    requests = other.stats()["requests"]
    ask(one, models[0])
    assert other.stats()["requests"] == requests
    one.close()
    assert ask(one, models[0])[0] == 503
    assert ask(other, models[0])[0] == 200


def test_two_apps_share_nothing(tmp_path: Path) -> None:
    write_package(tmp_path / "a" / "toy" / "1", *dense_network((4, 3), seed=1))
    write_package(tmp_path / "b" / "toy" / "2", *dense_network((4, 3), seed=2))
    one, other = (create_app({"SERVING_MODELS": str(tmp_path / name)}).test_client() for name in "ab")
    body = {"json": [1, 2, 3, 4]}
    assert one.post("/classify", **body).json["version"] == 1
    assert other.post("/classify", **body).json["version"] == 2
    assert other.post("/classify?version=1", **body).status_code == 404


INTERPRETERS = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
from pyapp import engine
number = interpreters.create()
try:
    failed = interpreters.run_string(number, "import pyapp.engine as engine; engine.Engine().close()")
except Exception as error:
    failed = str(error)
# numpy can be loaded once per process; what matters is that it says so, and that this interpreter is none the worse.
print("refused" if "ImportError" in str(failed) else "works" if not failed else failed)
interpreters.destroy(number)
engine.Engine().close()
"""


def test_a_second_interpreter_works_or_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERPRETERS], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("refused", "works"), done.stdout
