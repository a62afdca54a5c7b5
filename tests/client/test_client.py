"""The client against a real server: every way to ask, and to decide."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_packages import dense_network, write_package
from pyapp import engine
from pyapp.client import (
    AccessError,
    AsyncClient,
    Client,
    ConflictError,
    InputError,
    NotFoundError,
)
from running_server import Server, free_port, running

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "tests" / "data" / "digits"
TOKEN, KEY = "a-token-for-tests", "a-key-of-sixteen-characters"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for number in (1, 2):
        shutil.copytree(ROOT / "models" / "mnist" / str(number), folder / "mnist" / str(number))
        write_package(folder / "small" / str(number), *dense_network([4, 3], seed=number))
    return folder


@pytest.fixture(scope="module")
def server(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"SERVING_MODELS": str(store), "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_API_KEYS": KEY}
    settings |= {"SERVING_JOURNAL": "digest", "SERVING_POLL_SECONDS": "1"}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        port = free_port()
        with running(tmp_path_factory.mktemp("server") / "log", port=port) as started:
            yield started
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{server.port}", api_key=KEY, admin_token=TOKEN, actor="tests") as client:
        yield client


def small(store: Path, number: int) -> engine.Model:
    return engine.Model.load(store / "small" / str(number), plan_cache="")


ROWS = np.random.default_rng(5).uniform(-1, 1, (5, 4)).astype(np.float32)


def test_rows_in_answers_out(client: Client, store: Path) -> None:
    expected = small(store, 2).predict(ROWS)
    for data in (ROWS, ROWS.tolist(), [list(row) for row in ROWS], tuple(map(tuple, ROWS.tolist())), iter(ROWS)):
        answers = client.classify(data, "small")
        assert (answers.model, answers.version, len(answers)) == ("small", 2, 5)
        assert np.array([row.scores for row in answers], np.float32).tobytes() == expected.tobytes()
        assert [row["label"] for row in answers] == [f"class {i}" for i in expected.argmax(axis=1)]


def test_one_row(client: Client, store: Path) -> None:
    answer = client.classify(ROWS[0], "small", version=1, top=2)
    assert answer.version == 1
    assert answer.label == answer[0].label == answer.top[0]["label"]
    assert len(answer.top) == 2
    assert answer.request_id
    with pytest.raises(AttributeError, match="the answer has no colour; it has score, label, top"):
        _ = answer.colour
    with pytest.raises(AttributeError, match=r"of a row, and there are 5; take answers\[i\].label"):
        _ = client.classify(ROWS, "small").label


def test_pictures(client: Client) -> None:
    files = [DIGITS / f"{digit}.png" for digit in (3, 7)]
    assert client.classify(files[0], "mnist").label == "3"
    assert client.classify(files[1].read_bytes(), "mnist").label == "7"
    assert [row.label for row in client.classify(files, "mnist")] == ["3", "7"]


def test_a_csv_file(client: Client, tmp_path: Path, store: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(",".join(repr(float(value)) for value in row) for row in ROWS))
    answers = client.classify(path, "small")
    expected = small(store, 2).predict(ROWS)
    assert np.array([row.scores for row in answers], np.float32).tobytes() == expected.tobytes()


@pytest.mark.parametrize("binary", [None, False])
def test_arrays_in_arrays_out(client: Client, store: Path, binary: bool | None) -> None:
    expected = small(store, 1).predict(ROWS)
    for data in (ROWS, ROWS.tolist(), {"x": ROWS}):
        found = client.predict("small", data, version=1, binary=binary)
        assert (found.model, found.version, list(found)) == ("small", 1, ["scores"])
        assert found.array.dtype == np.float32
        assert found["scores"].tobytes() == np.asarray(found).tobytes() == expected.tobytes()


def test_binary_tensors_where_the_server_has_them(client: Client, store: Path) -> None:
    if not any("binary" in name for name in extensions(client)):
        pytest.skip("this server takes no binary tensors")
    found = client.predict("small", ROWS, binary=True)
    assert found.array.tobytes() == small(store, 2).predict(ROWS).tobytes()
    halves = ROWS.astype(np.float16)
    assert client.predict("small", halves).array.tobytes() == small(store, 2).predict(halves).tobytes()


def extensions(client: Client) -> list[str]:
    return list(client._http.get("/v2").json()["extensions"])


def test_what_is_served(client: Client) -> None:
    models = client.models()
    assert [model["name"] for model in models] == ["mnist", "small"]
    assert repr(models) == "<Models: mnist 2, small 2>"
    assert [version["version"] for version in client.versions("small")] == [2, 1]
    with pytest.raises(NotFoundError, match="models: mnist, small"):
        client.versions("none")
    assert client.ready() and client.ready("small") and client.ready("small", 1)
    with pytest.raises(NotFoundError):
        client.ready("none")


def test_mistakes_are_told_where_they_are(client: Client) -> None:
    with pytest.raises(InputError) as caught:
        client.classify([[1, 2, 3, 4], [1, 2, "x", 4]], "small")
    assert caught.value.where == "/1/2"
    assert caught.value.status in (400, 422)
    assert caught.value.request_id
    with pytest.raises(NotFoundError, match="small has no version 9"):
        client.classify(ROWS, "small", version=9)
    with pytest.raises(InputError):
        client.predict("small", {"y": ROWS})
    with pytest.raises(TypeError, match="object can't be sent"):
        client.classify(object(), "small")


def test_keys_are_needed(server: Server) -> None:
    with Client(f"http://127.0.0.1:{server.port}") as stranger:
        with pytest.raises(AccessError):
            stranger.classify(ROWS, "small")
        with pytest.raises(AccessError):
            stranger.promote("small", 1)


def test_decisions(client: Client) -> None:
    assert client.promote("small", 1).default == 1
    assert client.classify(ROWS, "small").version == 1
    assert client.rollback("small").default in (1, 2)
    assert client.promote("small", None).default == 2
    assert client.label("small", "stable", 1).labels == {"stable": 1}
    assert client.classify(ROWS, "small", label="stable").version == 1
    assert client.predict("small", ROWS, label="stable").version == 1
    assert client.split("small", {"stable": 100, 2: 0}).routing["split"] == {"stable": 10000, "2": 0}
    assert client.classify(ROWS, "small", sticky_key="me").version == 1
    with pytest.raises(ConflictError):
        client.label("small", "stable", None)
    assert client.split("small", None).routing["split"] is None
    assert client.label("small", "stable", None).labels == {}
    assert client.shadow("small", 1, 50).routing["shadow"] == {"target": "1", "points": 5000}
    assert client.shadow("small", None).routing["shadow"] is None
    assert {entry["who"] for entry in client.audit("small")} == {"tests"}


def test_packages_come_and_go(client: Client, tmp_path: Path) -> None:
    folder = write_package(tmp_path / "fresh" / "1", *dense_network([4, 3], seed=9))
    assert client.upload("fresh", 1, folder) == 1
    assert client.reload()["fresh"] == [1]
    assert client.predict("fresh", ROWS).array.tobytes() == engine.Model.load(folder).predict(ROWS).tobytes()
    with pytest.raises(ConflictError):
        client.upload("fresh", 1, folder)
    with pytest.raises(FileNotFoundError, match=r"no model\.json"):
        client.upload("fresh", 2, tmp_path)
    client.remove("fresh", 1)


def test_feedback(client: Client) -> None:
    answer = client.classify(ROWS[0], "small")
    for _ in range(200):
        try:
            kept = client.feedback(answer.request_id, "class 1")
        except NotFoundError:  # the journal is written a moment later
            time.sleep(0.1)
            continue
        assert kept == [
            {"row": 0, "model": "small", "version": answer.version, "predicted": answer.label, "actual": "class 1"}
        ]
        return
    raise AssertionError("the request never came into the journal")


def test_many_at_once(server: Server, store: Path) -> None:
    expected = small(store, 2).predict(ROWS)

    async def ask() -> None:
        async with AsyncClient(f"http://127.0.0.1:{server.port}", api_key=KEY) as client:
            answers = await asyncio.gather(*(client.classify(row, "small") for row in ROWS for _ in range(20)))
            for i, answer in enumerate(answers):
                assert np.array(answer.scores, np.float32).tobytes() == expected[i // 20].tobytes()
            found = await client.predict("small", ROWS)
            assert found.array.tobytes() == expected.tobytes()

    asyncio.run(ask())


def test_notebooks_see_tables(client: Client) -> None:
    html = client.classify(ROWS, "small")._repr_html_()
    assert html.startswith("<table><caption>small, version 2</caption>")
    assert html.count("<tr>") == 6
    assert "<td>class" in html
    assert client.predict("small", ROWS)._repr_html_().count("<tr>") == 6
    assert "AVAILABLE" in client.models()._repr_html_()
    shown = repr(client.classify(ROWS, "small"))
    assert shown.startswith("<Answers of small 2: Row(score=0.")
    assert shown.endswith("… 5 rows>")


def test_notebooks_run_no_text_of_a_model() -> None:
    from pyapp.client import Answers, Row

    html = Answers((Row(label="<script>alert(1)</script>"),), "<b>m</b>", 1)._repr_html_()
    assert "<script>" not in html and "<b>" not in html


def test_importing_it_loads_neither_flask_nor_engine_nor_numpy() -> None:
    code = (
        "import sys, pyapp.client; print({'flask', 'numpy', 'pyapp.engine', 'granian', 'sqlalchemy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


def test_a_pandas_table_is_sent_as_records() -> None:
    from pyapp.client.bodies import bodies

    class Table:  # what is asked of pandas' DataFrame
        columns = ("a", "b")

        def to_dict(self, orient: str) -> list[dict[str, object]]:
            assert orient == "records"
            return [{"a": np.float64(1.5), "b": float("nan")}, {"a": 2, "b": "x"}]

    [(kind, body)] = bodies(Table())
    assert kind == "application/json"
    assert json.loads(body) == [{"a": 1.5, "b": None}, {"a": 2, "b": "x"}]


def test_the_examples_in_the_documentation(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of docs/client.md, in order, in one namespace, as a reader would run them."""
    text = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 6
    monkeypatch.chdir(tmp_path)
    shutil.copy(DIGITS / "7.png", tmp_path / "digit.png")
    shutil.copytree(ROOT / "models" / "mnist" / "1", tmp_path / "build" / "mnist" / "3")
    space: dict[str, Any] = {}
    try:
        for block in blocks:
            code = block.replace("http://127.0.0.1:5000", f"http://127.0.0.1:{server.port}")
            code = code.replace('"key-of-this-program"', repr(KEY)).replace('"token-of-administrators"', repr(TOKEN))
            exec(compile(code, "client.md", "exec"), space)
    finally:
        for name in ("client", "patient", "admin"):
            if name in space:
                space[name].close()
