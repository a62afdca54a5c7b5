"""Shadows, comparisons, the journal and feedback."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from pyapp import create_app
from pyapp.serving.answers import Answers
from pyapp.serving.compare import Comparison

Write = Callable[..., Path]
TOKEN = "s3cret-s3cret-s3cret"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = {"SERVING_ADMIN_TOKEN": TOKEN, "SERVING_POLL_SECONDS": 0}


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, **SETTINGS, "SERVING_JOURNAL": "digest"})


def flush(app: Flask) -> None:
    assert app.extensions["serving"].observer.flush()


def rows(count: int) -> list[list[float]]:
    return np.random.default_rng(1).normal(0, 40, (count, 4)).round(2).tolist()  # type: ignore[no-any-return]


def test_a_shadow_is_compared_and_answers_are_not_affected(app: Flask, client: FlaskClient) -> None:
    sent = rows(60)
    before = [client.post("/classify", json=row).json for row in sent]
    client.put("/api/models/pets/shadow", json={"target": 1, "percent": 100}, headers=ADMIN)
    assert [client.post("/classify", json=row).json for row in sent] == before
    client.post("/v1/models/pets:predict", json={"instances": sent})
    flush(app)
    (found,) = client.get("/api/models/pets/compare").json["compared"]
    assert found["versions"] == [2, 1]
    assert (found["requests"], found["rows"]) == (61, 120)
    models = [app.extensions["serving"].registry.find("pets", number) for number in (2, 1)]
    said = [Answers.of(model, model.predict(np.array(sent, np.float32))).best() for model in models]
    agreement = sum(a == b for a, b in zip(*said, strict=True)) / len(sent)
    assert found["agreement"] == pytest.approx(agreement)
    assert sum(count for row in found["confusion"].values() for count in row.values()) == 120
    assert sum(part["rows"] for part in found["distance"]) == 120
    assert found["first"]["errors"] == found["second"]["errors"] == 0
    assert found["first"]["p99_ms"] > 0
    assert client.get("/api/models/pets/compare?first=2&second=1").json["compared"][0]["rows"] == 120
    assert client.get("/api/models/pets/compare?first=2&second=x").status_code == 400


def test_a_shadow_that_fails_is_counted(app: Flask, client: FlaskClient, store: Path, write_network: Write) -> None:
    folder = write_network(store / "pets" / "3")
    manifest = json.loads((folder / "model.json").read_text())
    manifest["inputs"][0] = {"name": "others", "kind": "tensor", "shape": [2, 2]}
    manifest["preprocess"][0]["input"] = manifest["layers"][0]["inputs"][0] = "others"
    (folder / "model.json").write_text(json.dumps(manifest))
    client.post("/api/reload", headers=ADMIN)
    client.post("/api/models/pets/promote", json={"version": 2}, headers=ADMIN)
    client.put("/api/models/pets/shadow", json={"target": 3, "percent": 100}, headers=ADMIN)
    body = {"inputs": [{"name": "numbers", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    assert client.post("/v2/models/pets/infer", json=body).status_code == 200
    flush(app)
    (found,) = client.get("/api/models/pets/compare").json["compared"]
    assert (found["versions"], found["rows"], found["first"]["errors"], found["second"]["errors"]) == ([2, 3], 0, 0, 1)
    assert "others" in found["second"]["last_error"]


def test_nothing_is_journalled_unless_asked_for(store: Path) -> None:
    app = create_app({"SERVING_MODELS": store, **SETTINGS})
    client = app.test_client()
    answer = client.post("/classify", json=[1, 2, 3, 4])
    flush(app)
    assert list(store.glob(".serving*")) == []
    told = client.post("/api/feedback", json={"request_id": answer.headers["X-Request-ID"], "label": "cat"})
    assert told.status_code == 404
    assert "SERVING_JOURNAL" in told.json["error"]


def test_feedback_makes_accuracy(app: Flask, client: FlaskClient) -> None:
    right = 0
    for i, row in enumerate(rows(10)):
        answer = client.post("/classify", json=row, headers={"X-Request-ID": f"mine-{i}"})
        assert answer.headers["X-Request-ID"] == f"mine-{i}"
        right += answer.json["label"] == "cat"
    flush(app)
    for i in range(10):
        kept = client.post("/api/feedback", json={"request_id": f"mine-{i}", "label": "cat"}).json["kept"]
        assert kept[0]["version"] == 2
    (version,) = client.get("/api/models/pets/accuracy").json["versions"]
    assert (version["version"], version["rows"], version["right"]) == (2, 10, right)
    client.post("/api/feedback", json={"request_id": "mine-0", "label": "dog"})
    (version,) = client.get("/api/models/pets/accuracy?hours=1").json["versions"]
    assert version["rows"] == 10, "the last word about a row counts"


def test_feedback_on_many_rows(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/classify", json=rows(3))
    flush(app)
    request_id = answer.headers["X-Request-ID"]
    kept = client.post("/api/feedback", json={"request_id": request_id, "labels": ["cat", "dog", "cat"]}).json["kept"]
    assert [entry["predicted"] for entry in kept] == [result["label"] for result in answer.json["results"]]
    assert client.post("/api/feedback", json={"request_id": request_id, "label": "cat", "row": 3}).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "JSON object"),
        ({"label": "cat"}, "X-Request-ID"),
        ({"request_id": "x"}, "labels"),
        ({"request_id": "x", "label": {"a": 1}}, "a text, or a number"),
        ({"request_id": "x", "labels": []}, "one for each row"),
        ({"request_id": "x", "label": "cat", "row": -1}, "from 0"),
    ],
)
def test_feedback_that_is_none(client: FlaskClient, body: object, words: str) -> None:
    answer = client.post("/api/feedback", json=body)
    assert answer.status_code == 400
    assert words in answer.json["error"]


def test_bodies_are_kept_only_where_asked_for(store: Path) -> None:
    for journal, kept in (("digest", None), ("content", b"[1, 2, 3, 4]")):
        app = create_app({"SERVING_MODELS": store, **SETTINGS, "SERVING_JOURNAL": journal})
        answer = app.test_client().post("/classify", data=b"[1, 2, 3, 4]", content_type="application/json")
        flush(app)
        records = app.extensions["serving"].decisions.records
        (entry,) = [e for e in records.journal("pets") if e["request_id"] == answer.headers["X-Request-ID"]]
        assert entry["labels"] == [answer.json["label"]]
        assert entry["outputs"][0] == pytest.approx(answer.json["scores"])
        assert len(entry["digest"]) == 64
        assert records.body(answer.headers["X-Request-ID"]) == kept


def test_old_entries_are_forgotten(app: Flask, client: FlaskClient) -> None:
    from datetime import timedelta

    client.post("/classify", json=[1, 2, 3, 4])
    flush(app)
    records = app.extensions["serving"].decisions.records
    assert records.forget_before(timedelta(days=1)) == 0
    time.sleep(0.01)
    assert records.forget_before(timedelta(0)) == 1
    assert records.journal() == []


def test_an_observer_that_is_behind_drops_and_never_blocks(app: Flask, client: FlaskClient) -> None:
    observer = app.extensions["serving"].observer
    gate = observer._handle
    slow = []

    def handle(*arguments: object, **more: object) -> object:
        slow.append(1)
        time.sleep(0.05)
        return gate(*arguments, **more)

    observer._handle = handle
    begun = time.monotonic()
    entry = app.extensions["serving"].registry.snapshot.entry("pets")
    model = entry.find()
    for i in range(3000):
        observer.seen(entry, model, "classify", b"[1,2,3,4]", "", str(i))
    assert time.monotonic() - begun < 5
    assert observer.dropped > 1000
    observer._handle = gate
    flush(app)


def test_sums_can_be_added_and_kept() -> None:
    random = np.random.default_rng(0)
    labels = ["a", "b", "c"]
    parts = [Answers(random.random((7, 3)).astype(np.float32), labels, 3) for _ in range(4)]
    whole, first, second = Comparison(), Comparison(), Comparison()
    for comparison, pairs in ((whole, [(0, 1), (2, 3)]), (first, [(0, 1)]), (second, [(2, 3)])):
        for a, b in pairs:
            comparison.add(parts[a], parts[b], ["a"] * 7)
            comparison.took(0.3, 40)
    first.merge(Comparison.from_document(second.to_document()))
    assert first.to_document() == whole.to_document()
    report = whole.report()
    assert report["rows"] == 14
    assert report["first"]["p50_ms"] == 0.5
    assert report["accuracy"] == [
        sum(parts[i].best().count("a") for i in (0, 2)) / 14,
        sum(parts[i].best().count("a") for i in (1, 3)) / 14,
    ]


def test_regressions_are_compared_by_value() -> None:
    comparison = Comparison()
    first, second = ([[100.0], [5], [1]], [[100.5], [6], [np.nan]])
    comparison.add(*(Answers(np.array(values, np.float32), (), 1) for values in (first, second)))
    assert (comparison.rows, comparison.agreed) == (3, 1)


def answers(values: list[list[float]], labels: str, columns: int = 0) -> Answers:
    """Labels of a letter each."""
    return Answers(np.array(values, np.float32), list(labels), columns or len(labels))


@pytest.mark.parametrize(
    ("first", "second", "agreed", "distance", "confusion"),
    [
        # The same labels in another order.
        (answers([[0.7, 0.2, 0.1]], "abc"), answers([[0.1, 0.7, 0.2]], "cab"), 1, 0, {"a": {"a": 1}}),
        (answers([[0.7, 0.2, 0.1]], "abc"), answers([[0.7, 0.2, 0.1]], "bac"), 0, 0.5, {"a": {"b": 1}}),
        # One more label, one label fewer, another one in its place.
        (answers([[0.75, 0.25]], "ab"), answers([[0.4, 0.0, 0.6]], "bca"), 1, 0.15, {"a": {"a": 1}}),
        (answers([[0.1, 0.3, 0.6]], "abc"), answers([[0.9, 0.1]], "ba"), 0, 0.6, {"c": {"b": 1}}),
        (answers([[0.9, 0.1]], "ab"), answers([[0.2, 0.8]], "bc"), 0, 0.9, {"a": {"c": 1}}),
        # One score of two labels, and two scores; the further output is of both, or of one alone.
        (answers([[0.75]], "ab", 1), answers([[0.75, 0.25]], "ba"), 1, 0, {"b": {"b": 1}}),
        (answers([[0.75]], "ab", 1), answers([[0.25]], "ba", 1), 1, 0, {"b": {"b": 1}}),
        (answers([[0.75, 5]], "ab", 1), answers([[0.75, 0.25, 7]], "ba", 2), 1, 2, {"b": {"b": 1}}),
        (answers([[0.25, 5]], "ab", 1), answers([[0.25]], "ab", 1), 1, 0, {"a": {"a": 1}}),
    ],
)
def test_versions_are_compared_by_label(
    first: Answers, second: Answers, agreed: int, distance: float, confusion: dict[str, dict[str, int]]
) -> None:
    for one, other, said in (
        (first, second, confusion),
        (second, first, {b: {a: count} for a, row in confusion.items() for b, count in row.items()}),
    ):
        comparison = Comparison()
        comparison.add(one, other)
        assert (comparison.rows, comparison.agreed, comparison.confusion) == (1, agreed, said)
        assert comparison.distance_sum == pytest.approx(distance)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (answers([[1, 0]], "ab"), answers([[1, 0]], "cd"), "no label in common: the one has a, b, the other c, d"),
        (answers([[1, 0]], "ab"), answers([[1, 0]], "", 2), "the one is a classification, the other a regression"),
        (answers([[1]], "", 1), answers([[1, 0]], "", 2), "the one answers with 1 numbers a row, the other with 2"),
    ],
)
def test_what_has_nothing_in_common_is_not_compared(first: Answers, second: Answers, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Comparison().add(first, second)


def test_a_shadow_with_other_labels_is_compared(
    app: Flask, client: FlaskClient, store: Path, write_network: Write
) -> None:
    folder = write_network(store / "pets" / "3", 1)
    manifest = json.loads((folder / "model.json").read_text())
    manifest["outputs"][0]["labels"] = ["cat", "fox"]
    (folder / "model.json").write_text(json.dumps(manifest))
    client.post("/api/reload", headers=ADMIN)
    client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN)
    client.put("/api/models/pets/shadow", json={"target": 3, "percent": 100}, headers=ADMIN)
    sent = [[8 * value for value in row] for row in rows(40)]
    said = [client.post("/classify", json=row).json["label"] for row in sent]
    flush(app)
    (found,) = client.get("/api/models/pets/compare").json["compared"]
    cats, dogs = said.count("cat"), said.count("dog")
    assert cats and dogs
    assert found["confusion"] == {"cat": {"cat": cats}, "dog": {"fox": dogs}}
    assert (found["agreement"], found["second"]["errors"]) == (cats / 40, 0)


@pytest.mark.parametrize("path", ["/api/feedback", "/api/models/pets/promote"])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 20_000, b"9" * 10_000, b"\xff\xfe", b""])
def test_json_that_no_reader_takes_is_a_mistake_of_the_client(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(path, data=body, headers={**ADMIN, "Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]
