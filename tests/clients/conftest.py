"""A running server for the clients of others: a network that answers its rows, a table, a text, two versions."""

import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from model_packages import dense_network, identity_network, write_package
from running_server import Server, free_port, running

TOKEN = "let me in, please"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clients")
    store = folder / "store"
    for version in (1, 2):
        write_package(store / "scores" / str(version), *dense_network((4, 8, 3), seed=version))
    write_package(store / "same" / "1", *identity_network([{"name": "x", "kind": "tensor", "shape": [2]}], 2))
    write_package(store / "spare" / "1", *dense_network((1, 1), last="linear"))
    columns = [
        {"name": "age", "type": "number"},
        {"name": "country", "type": "category", "categories": ["France", "Spain"]},
    ]
    person = [{"name": "person", "kind": "table", "columns": columns}]
    write_package(store / "person" / "1", *identity_network(person, 3, [{"op": "one_hot", "input": "person"}]))
    text = [{"name": "message", "kind": "text"}]
    words = [{"op": "count_words", "input": "message", "vocabulary": ["good", "bad"], "norm": None}]
    write_package(store / "words" / "1", *identity_network(text, 2, words))
    settings = {
        "SERVING_MODELS": str(store),
        "SERVING_ADMIN_TOKEN": TOKEN,
        "DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
        "SERVING_VERSIONS": "all",
    }
    port = free_port()
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        with running(folder / "log", [sys.executable, "-m", "pyapp", "--port", str(port)], port) as started:
            yield started
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(5, 4)).astype(np.float32)
