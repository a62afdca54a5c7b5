"""Version changes of every kind on a server under load, and what each reply may then be: for test and bench."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_packages import dense_network, write_package
from pyapp import engine
from pyapp.client import Client, ClientError

NAME = "network"
BODIES = 8
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Change:
    """One that was made: what may answer after it, and when it began and was done (time.monotonic())."""

    what: str
    allowed: frozenset[int]
    begun: float
    done: float


class Versions:
    """Packages of one model with different weights, made beforehand, and what each answers to the bodies."""

    def __init__(self, folder: Path, sizes: tuple[int, ...], count: int) -> None:
        self.folder = folder
        rows = np.random.default_rng(3).uniform(-1, 1, (BODIES, sizes[0])).astype(np.float32)
        self.bodies = [json.dumps([round(float(value), 4) for value in row]) for row in rows]
        self.expected: dict[int, list[str]] = {}
        computing = engine.Engine()
        for number in range(1, count + 1):
            place = write_package(folder / NAME / str(number), *dense_network(sizes, seed=number))
            model = engine.Model.load(place)
            replies = [computing.handle(model, "classify", body.encode(), "application/json") for body in self.bodies]
            assert all(status == 200 for status, _, _ in replies)
            self.expected[number] = [reply.decode() for _, _, reply in replies]
        assert len({replies[0].split('"model"')[0] for replies in self.expected.values()}) == count  # all differ

    def put(self, store: Path, number: int) -> None:
        """Into the store, whole at once."""
        waiting = store / ".incoming"
        shutil.copytree(self.folder / NAME / str(number), waiting)
        (store / NAME).mkdir(exist_ok=True)
        waiting.rename(store / NAME / str(number))


@dataclass
class Controller:
    """Makes the changes, one after the other, and writes down what they allow."""

    client: Client
    store: Path
    versions: Versions
    wait: float  # seconds after each change
    changes: list[Change] = field(default_factory=list)
    newest: int = 1
    default: int = 1

    def run(self, count: int) -> None:
        """So many changes."""
        self.changes.append(Change("begin", frozenset([self.default]), 0.0, 0.0))
        while True:
            for step in (
                self.load,
                self.split,
                self.end_split,
                self.promote,
                self.rollback,
                self.send_corrupt,
                self.delete_served,
                self.follow_newest,
            ):
                if len(self.changes) > count:
                    return
                begun = time.monotonic()
                what, allowed = step()
                self.changes.append(Change(what, frozenset(allowed), begun, time.monotonic()))
                time.sleep(self.wait)

    def load(self) -> tuple[str, set[int]]:
        self.before, self.newest = self.default, self.newest + 1
        self.client.upload(NAME, self.newest, self.versions.folder / NAME / str(self.newest))
        self.default = self.newest
        return f"load {self.newest}", {self.newest}

    def split(self) -> tuple[str, set[int]]:
        self.client.split(NAME, {self.before: 50, self.newest: 50})
        return f"split {self.before}, {self.newest}", {self.before, self.newest}

    def end_split(self) -> tuple[str, set[int]]:
        self.client.split(NAME, None)
        return "end split", {self.newest}

    def promote(self) -> tuple[str, set[int]]:
        assert self.client.promote(NAME, self.before).default == self.before
        return f"promote {self.before}", {self.before}

    def rollback(self) -> tuple[str, set[int]]:
        assert self.client.rollback(NAME).default == self.newest
        return f"roll back to {self.newest}", {self.newest}

    def send_corrupt(self) -> tuple[str, set[int]]:
        """Over the API, where it is refused, and straight into the store as the newest version, where it must fail."""
        broken = self.store / ".broken"
        shutil.copytree(self.versions.folder / NAME / str(self.newest), broken)
        weights = broken / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        try:
            self.client.upload(NAME, 10_000, broken)
        except ClientError as error:
            assert error.status == 422, error
        else:
            raise AssertionError("a corrupt package was taken")
        broken.rename(self.store / NAME / str(10_000 + self.newest))
        return "corrupt upload", {self.newest}

    def delete_served(self) -> tuple[str, set[int]]:
        """By hand, in the order in which `rm -r` does it."""
        place = self.store / NAME / str(self.newest)
        for file in sorted(place.iterdir()):
            file.unlink()
        place.rmdir()
        shutil.rmtree(self.store / NAME / str(10_000 + self.newest))
        self.default = self.before
        return f"delete {self.newest}", {self.before}

    def follow_newest(self) -> tuple[str, set[int]]:
        assert self.client.promote(NAME, None).routing["promoted"] == []
        return "follow the newest", {self.before}


@dataclass(frozen=True)
class Result:
    """Of a load: times of time.monotonic(), one entry a reply."""

    due: NDArray[np.float64]
    done: NDArray[np.float64]
    version: NDArray[np.int64]
    faults: list[str]


@contextmanager
def steady_load(
    folder: Path, port: int, versions: Versions, rate: float, connections: int
) -> Iterator[Callable[[], Result]]:
    """A client process (steady_load.py); what is yielded ends it and tells what it saw."""
    plan: dict[str, Any] = {"port": port, "path": f"/classify?model={NAME}", "bodies": versions.bodies}
    plan |= {"rate": rate, "connections": connections, "expected": versions.expected}
    (folder / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, HERE / "steady_load.py", folder / "plan.json", folder / "seen.npz"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:

        def end() -> Result:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0
            with np.load(folder / "seen.npz") as seen:
                return Result(seen["due"], seen["done"], seen["version"], seen["faults"].tolist())

        try:
            yield end
        finally:
            if process.poll() is None:
                process.kill()


def forbidden(result: Result, changes: list[Change], grace: float) -> list[str]:
    """Replies by a version that nothing allowed at any time between their asking and `grace` seconds before it."""
    found = []
    allowed = np.zeros(len(result.due), bool)
    for change, following in zip(changes, [*changes[1:], None], strict=True):
        until = following.done + grace if following else np.inf
        in_force = (result.done >= change.begun) & (result.due <= until)
        allowed |= in_force & np.isin(result.version, list(change.allowed))
    for i in np.flatnonzero(~allowed)[:20]:
        last = max(
            (change for change in changes if change.done <= result.due[i]), key=lambda c: c.done, default=changes[0]
        )
        late = result.due[i] - last.done
        found.append(
            f"version {result.version[i]} answered {late:.2f} s after {last.what!r} (allowed: {set(last.allowed)})"
        )
    return found
