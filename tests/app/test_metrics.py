"""GET /metrics, read with Prometheus's own parsers: right, as the document says, and enough for the dashboard."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from werkzeug.test import Client

from model_packages import dense_network, write_package
from pyapp import create_app
from pyapp.api.metrics import DRIFTING_FEATURES, OUTCOMES
from pyapp.overload import Watch
from pyapp.packages.statistics import statistics_of
from pyapp.serving.drift import LEVELS
from pyapp.serving.state.errors import StateError
from pyapp.worker import Guarded

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret-s3cret-s3cret"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
PETS = {"model": "pets", "version": "2"}


TRAINING = np.random.default_rng(0).normal(0, 40, (200, 4)).astype(np.float32)


def know_training(folder: Path, outputs: Any) -> None:
    """From now on the package tells how TRAINING was distributed."""
    path = folder / "model.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"statistics": statistics_of(manifest, {"numbers": TRAINING}, outputs)}))


@pytest.fixture
def app(store: Path, networks: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    know_training(store / "pets" / "2", networks[2].scores(TRAINING))
    return create_app({"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_POLL_SECONDS": 0})


@pytest.fixture
def used(client: FlaskClient) -> FlaskClient:
    """A client of a server where there is something of everything."""
    for path, body in {
        "labels/stable": {"version": 1},
        "split": {"shares": {"1": 25, "2": 75}},
        "shadow": {"target": "stable", "percent": 10},
    }.items():
        answer = client.put(f"/api/models/pets/{path}", json=body, headers=ADMIN)
        assert answer.status_code == 200, answer.text
    client.post("/classify?version=2", json=TRAINING.tolist())
    return client


def scrape(client: FlaskClient, **headers: str) -> dict[str, Metric]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {family.name: family for family in parse(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) == 1, f"{name} {labels}: {found}"
    return found[0]


def outcomes(families: dict[str, Metric], **labels: str) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for sample in families["flask_serving_requests"].samples
        if sample.value and labels.items() <= sample.labels.items()
    }


def test_requests_are_counted_by_version_and_outcome(client: FlaskClient) -> None:
    client.post("/classify", json=[1, 2, 3, 4])
    client.post("/v1/models/pets:predict", json={"instances": [[1, 2, 3, 4]] * 3})
    client.post("/classify", json=[1, 2, 3])
    client.post("/classify", data=b"[1, ", content_type="application/json")
    client.post("/classify", data=b"x", content_type="text/html")
    client.post("/classify?version=1", json=[1, 2, 3, 4])
    client.post("/classify?version=7", json=[1, 2, 3, 4])  # never reaches the engine
    families = scrape(client)
    assert outcomes(families, **PETS) == {"ok": 2, "wrong_value": 1, "malformed": 1, "unsupported_type": 1}
    assert outcomes(families, model="pets", version="1") == {"ok": 1}
    assert value(families, "flask_serving_rows_total", **PETS) == 4
    assert value(families, "flask_serving_queue_requests_total") == 3
    assert value(families, "flask_serving_batches_total") == 3
    assert value(families, "flask_serving_batch_rows_bucket", le="1.0") == 2
    assert value(families, "flask_serving_batch_rows_bucket", le="4.0") == 3
    assert value(families, "flask_serving_batch_rows_sum") == 5
    assert value(families, "flask_serving_request_batch_rows_bucket", le="1.0", **PETS) == 1
    assert value(families, "flask_serving_request_batch_rows_bucket", le="3.0", **PETS) == 2
    assert value(families, "flask_serving_queued_rows") == value(families, "flask_serving_running_batches") == 0


def test_versions_that_nobody_asked_start_at_zero(client: FlaskClient) -> None:
    families = scrape(client)
    for version in ("1", "2"):
        for outcome in OUTCOMES:
            name = "flask_serving_requests_total"
            assert value(families, name, model="pets", version=version, outcome=outcome) == 0
        assert value(families, "flask_serving_rows_total", model="pets", version=version) == 0


def test_the_outcomes_are_those_of_the_engine() -> None:
    header = (ROOT / "ext" / "core" / "base" / "status.h").read_text()
    names = re.findall(r"^    XX\((\w+), \"", header, re.MULTILINE)
    assert [name.lower() for name in names if name != "PACKAGE"] == list(OUTCOMES)


def buckets_of(family: Metric) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
    found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            labels = tuple(sorted(item for item in sample.labels.items() if item[0] != "le"))
            found.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
    return found


def test_histograms_are_whole(client: FlaskClient) -> None:
    for _ in range(20):
        client.post("/classify", json=[1, 2, 3, 4])
    families = scrape(client)
    histograms = [family for family in families.values() if family.type == "histogram"]
    assert len(histograms) == 4
    for family in histograms:
        for labels, buckets in buckets_of(family).items():
            bounds, counts = zip(*buckets, strict=True)
            assert list(bounds) == sorted(set(bounds))
            assert bounds[-1] == float("inf")
            assert list(counts) == sorted(counts)
            assert counts[-1] == value(families, f"{family.name}_count", **dict(labels)) == 20
    whole = value(families, "flask_serving_request_duration_seconds_sum", **PETS)
    steps = ("parse", "preprocess", "queue", "compute", "reply")
    parts = [value(families, "flask_serving_step_duration_seconds_sum", step=step, **PETS) for step in steps]
    assert 0 < sum(parts) <= whole < 20


def test_times_are_in_the_buckets_that_hold_them(client: FlaskClient, app: Flask) -> None:
    client.post("/classify", json=[1, 2, 3, 4])
    (model,) = app.extensions["serving"].engine.stats()["models"]
    nanoseconds = model["histograms"]["total"]["sum"]
    (buckets,) = buckets_of(scrape(client)["flask_serving_request_duration_seconds"]).values()
    assert [count for _, count in buckets] == [float(nanoseconds * 1e-9 <= bound) for bound, _ in buckets]


def test_counters_only_go_up(client: FlaskClient) -> None:
    def counters() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in scrape(client).values()
            if family.type in ("counter", "histogram")
            for sample in family.samples
        }

    before = counters()
    client.post("/classify", json=[1, 2, 3, 4])
    client.post("/classify", json=[1])
    after = counters()
    assert before.keys() <= after.keys()
    assert all(after[key] >= before[key] for key in before)
    assert sum(after.values()) > sum(before.values())


def test_both_formats_say_the_same(used: FlaskClient) -> None:
    text, open_text = used.get("/metrics"), used.get("/metrics", headers=OPENMETRICS)
    assert text.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert open_text.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert open_text.text.endswith("# EOF\n")

    def samples(families: Iterable[Metric]) -> list[Any]:
        return sorted((s.name, sorted(s.labels.items()), s.value) for family in families for s in family.samples)

    assert samples(parse(text.text)) == samples(openmetrics(open_text.text))  # type: ignore[no-untyped-call]


def test_every_metric_has_type_and_help(used: FlaskClient) -> None:
    for family in scrape(used).values():
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert family.documentation.endswith("."), family.name
        assert family.samples, family.name


def test_versions_and_what_was_decided(used: FlaskClient, store: Path, write_network: Callable[..., Path]) -> None:
    write_network(store / "pets" / "3")
    (store / "pets" / "3" / "weights.safetensors").write_bytes(b"x")
    used.post("/api/reload", headers=ADMIN)
    families = scrape(used)
    states = {
        (sample.labels["version"], sample.labels["state"])
        for sample in families["flask_serving_version_state"].samples
        if sample.value
    }
    assert states == {("1", "AVAILABLE"), ("2", "AVAILABLE"), ("3", "FAILED")}
    assert len(families["flask_serving_version_state"].samples) == 3 * 6
    assert value(families, "flask_serving_version_bytes", **PETS) > 0
    assert len(families["flask_serving_version_bytes"].samples) == 2
    assert value(families, "flask_serving_default_version", **PETS) == 1
    assert value(families, "flask_serving_label", model="pets", label="stable", version="1") == 1
    assert value(families, "flask_serving_split_share", model="pets", target="1") == 0.25
    assert value(families, "flask_serving_split_share", model="pets", target="2") == 0.75
    assert value(families, "flask_serving_shadow_share", model="pets", target="stable") == 0.1


def test_drift_is_what_the_report_says(client: FlaskClient) -> None:
    client.post("/classify", json=TRAINING.tolist())
    client.post("/classify", json=(TRAINING + np.array([0, 0, 90, 0])).tolist())
    families, report = scrape(client), client.get("/api/models/pets/drift").json
    for feature in report["features"]:
        name = f"numbers[{feature['index']}]"
        index = value(families, "flask_serving_drift_feature_psi", feature=name, **PETS)
        assert index == pytest.approx(feature["psi"])
        assert (index > 0.25) == (name == "numbers[2]")
    assert value(families, "flask_serving_drift_label_psi", **PETS) == pytest.approx(report["label"]["psi"])
    levels = {level: value(families, "flask_serving_drift_features", level=level, **PETS) for level in LEVELS}
    assert levels == {"unknown": 0, "stable": 3, "moderate": 0, "large": 1}
    assert value(families, "flask_serving_drift_rows_total", **PETS) == 400
    assert value(families, "flask_serving_drift_sampled_rows_total", **PETS) == 400
    drift = [family for name, family in families.items() if name.startswith("flask_serving_drift_")]
    assert {sample.labels["version"] for family in drift for sample in family.samples} == {"2"}, "1 knows no training"


def test_no_drift_is_told_of_few_rows(client: FlaskClient) -> None:
    client.post("/classify", json=TRAINING[:99].tolist())
    families = scrape(client)
    assert value(families, "flask_serving_drift_rows_total", **PETS) == 99
    assert value(families, "flask_serving_drift_features", level="unknown", **PETS) == 4
    assert not families["flask_serving_drift_feature_psi"].samples
    assert not families["flask_serving_drift_label_psi"].samples
    client.post("/classify", json=TRAINING[:1].tolist())
    families = scrape(client)
    assert len(families["flask_serving_drift_feature_psi"].samples) == 4
    assert len(families["flask_serving_drift_label_psi"].samples) == 1


def test_of_many_features_those_that_drifted_furthest_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    features = 3 * DRIFTING_FEATURES
    rows = np.random.default_rng(0).normal(size=(300, features)).astype(np.float32)
    manifest, tensors = dense_network([features, 3])
    statistics = statistics_of(manifest, {"x": rows})
    statistics["features"].append(statistics["features"][7])  # the same one again would be a series twice
    write_package(tmp_path / "models" / "wide" / "1", manifest | {"statistics": statistics}, tensors)
    client = create_app({"SERVING_MODELS": tmp_path / "models"}).test_client()
    moved = np.zeros(features, np.float32)
    moved[[7, 50, 95]] = 2
    assert client.post("/classify", json=(rows + moved).tolist()).status_code == 200
    families = scrape(client)
    told = {sample.labels["feature"]: sample.value for sample in families["flask_serving_drift_feature_psi"].samples}
    assert len(families["flask_serving_drift_feature_psi"].samples) == len(told) <= DRIFTING_FEATURES
    assert {name for name, index in told.items() if index > 0.25} == {"x[7]", "x[50]", "x[95]"}
    levels = [sample.value for sample in families["flask_serving_drift_features"].samples]
    assert sum(levels) == features + 1, "all are counted"
    assert not families["flask_serving_drift_label_psi"].samples, "nothing is known of labels"


def test_a_store_that_is_away_is_told(app: Flask, client: FlaskClient, store: Path) -> None:
    families = scrape(client)
    assert value(families, "flask_serving_store_up") == 1
    assert value(families, "flask_serving_store_errors_total") == 0
    store.rename(store.with_name("away"))
    for _ in range(2):
        app.extensions["serving"].watcher.look()
    families = scrape(client)
    assert value(families, "flask_serving_store_up") == 0
    assert value(families, "flask_serving_store_errors_total") == 2
    assert value(families, "flask_serving_database_errors_total") == 0
    assert value(families, "flask_serving_version_bytes", **PETS) > 0


def test_a_database_that_is_away_is_told(used: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StateError("the database is away")

    monkeypatch.setattr(app.extensions["serving"].decisions.state, "routings", fail)
    app.extensions["serving"].watcher.look()
    families = scrape(used)
    assert value(families, "flask_serving_database_errors_total") == 1
    assert value(families, "flask_serving_store_errors_total") == 0


def test_dropped_observations_are_told(used: FlaskClient, app: Flask) -> None:
    observer = app.extensions["serving"].observer
    observer._running = True  # as if its thread had stopped for good
    entry = app.extensions["serving"].registry.snapshot.entry("pets")
    observer._journal = type(observer._journal)(percent=100)
    for i in range(1010):
        observer.seen(entry, entry.available[2], "classify", b"[1,2,3,4]", "", str(i))
    assert value(scrape(used), "flask_serving_observer_dropped_total") == observer.dropped >= 9


def test_refusals_are_told_by_their_reason(store: Path) -> None:
    key = {"X-API-Key": "k" * 16}
    settings = {"SERVING_MODELS": store, "SERVING_API_KEYS": "k" * 16, "SERVING_RATE_LIMIT": "5/hour;4/hour"}
    client = create_app({**settings, "SERVING_ADMIN_TOKEN": "secret-secret-secret"}).test_client()
    statuses = [client.post("/classify", json=[1, 2, 3, 4], headers=key).status_code for _ in range(7)]
    assert statuses == [200] * 4 + [429] * 3
    for path in ("/classify", "/v1/models/pets:predict", "/V1/models/pets:predict", "/v2/models/pets/infer"):
        assert client.post(path, json=[1]).status_code in (401, 429)
    assert client.post("/v2/repository/models/pets/load").status_code == 401
    families = scrape(client)
    refused = {kind: value(families, f"flask_serving_refused_{kind}_total") for kind in ("key", "limit", "admin")}
    assert refused["limit"] + refused["key"] == 3 + 4
    assert refused["admin"] == 1
    assert outcomes(families) == {"ok": 4}


def test_refusals_for_want_of_a_key_are_told(store: Path) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_API_KEYS": "k" * 16}).test_client()
    for headers in ({}, {}, {"X-API-Key": "wrong"}, {"X-API-Key": "k" * 16}):
        client.post("/classify", json=[1, 2, 3, 4], headers=headers)
    client.get("/healthz")
    assert client.post("/v2/repository/models/pets/load").status_code == 403  # no token was set
    families = scrape(client)
    assert value(families, "flask_serving_refused_key_total") == 3
    assert value(families, "flask_serving_refused_limit_total") == 0
    assert value(families, "flask_serving_refused_admin_total") == 1


def test_requests_that_come_late_are_told(app: Flask, client: FlaskClient) -> None:
    guarded = Guarded(app)
    guarded._watch = watch = Watch(("127.0.0.1", 1), 0.3, lambda: False)
    for late, is_alone, status in ((False, False, 200), (True, False, 503), (True, False, 503), (True, True, 200)):
        watch._waiting.clear()
        watch._waiting.append(time.monotonic() - (0.2 if late else 0))
        with nullcontext() if is_alone else guarded._answering:
            assert Client(guarded).post("/classify", json=[1, 2, 3, 4]).status_code == status
    assert not guarded._answering.locked()
    guarded._next_one = time.monotonic() + 60  # one has been answered just now
    assert Client(guarded).post("/classify", json=[1, 2, 3, 4]).status_code == 503
    assert Client(guarded).get("/healthz").status_code == 200
    families = scrape(client)
    assert value(families, "flask_serving_refused_late_total") == 3
    assert outcomes(families) == {"ok": 2}


def test_two_apps_in_one_process_have_their_own(store: Path) -> None:
    one, other = (create_app({"SERVING_MODELS": store}).test_client() for _ in range(2))
    one.post("/classify", json=[1, 2, 3, 4])
    assert outcomes(scrape(one)) == {"ok": 1}
    assert outcomes(scrape(other)) == {}


def test_no_key_is_needed(store: Path) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_API_KEYS": "me:0123456789abcdef"}).test_client()
    assert client.post("/classify", json=[1, 2, 3, 4]).status_code == 401
    assert outcomes(scrape(client)) == {}


def documented() -> dict[str, tuple[str, set[str], str]]:
    lines = re.findall(
        r"^\| `(\w+)` \| (\w+) \| ([^|]*)\| ([^|]+) \|$", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE
    )
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in lines}


def labels_of(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def test_the_document_lists_what_is_exported(used: FlaskClient) -> None:
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            labels_of(family),
            family.documentation,
        )
        for family in scrape(used).values()
    }
    assert documented() == exported


FUNCTIONS = {"sum", "max", "count", "rate", "increase", "histogram_quantile"}
TARGET_LABELS = {"job", "instance"}
"""What Prometheus itself adds."""


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        assert panel["type"] == "row" or panel["targets"], panel["title"]
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def read_expression(text: str) -> tuple[dict[str, set[str]], set[str]]:
    """The series of a PromQL expression with the labels that each is asked for, and those that results are grouped by.

    Whatever is not known here counts as a series.
    """
    assert all(text.count(pair[0]) == text.count(pair[1]) for pair in ("()", "{}", "[]")), text
    if asked := re.fullmatch(r"label_values\((\w+), (\w+)\)", text):
        return {asked[1]: {asked[2]}}, set()
    text = text.replace("[$__rate_interval]", "")
    series: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", text):
        labels = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"', matchers)
        assert len(labels) == len(matchers.split(",")), text
        series.setdefault(name, set()).update(labels)
    text = re.sub(r"\{[^}]*\}", "", text)
    groups = re.findall(r"\bby\s*\(([^)]*)\)", text)
    text = re.sub(r"\bby\s*\([^)]*\)", "", text)
    for word in re.findall(r"[A-Za-z_:][\w:]*", text):
        if word not in FUNCTIONS:
            series.setdefault(word, set())
    return series, {name.strip() for group in groups for name in group.split(",")}


def test_the_dashboard_asks_for_what_is_exported(used: FlaskClient) -> None:
    families = scrape(used)
    known: dict[str, set[str]] = {}
    for family in families.values():
        for sample in family.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
    asked_for: set[str] = set()
    for expression in expressions(json.loads((ROOT / "deploy" / "grafana.json").read_text())):
        series, groups = read_expression(expression)
        assert series, expression
        assert series.keys() <= known.keys(), expression
        for name, labels in series.items():
            assert labels | groups <= known[name] | TARGET_LABELS, expression
        asked_for |= series.keys()
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in asked_for}
    assert shown == {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families.values()
    }, "what is exported has a place on the dashboard"


@pytest.mark.parametrize(
    ("expression", "series", "groups"),
    [
        ("sum(rate(wrong_total[$__rate_interval])) > 0", {"wrong_total": set()}, set()),
        ('max by (le, a) (wrong{b="x", c!~"y"}) / other', {"wrong": {"b", "c"}, "other": set()}, {"le", "a"}),
        ("label_values(other, model)", {"other": {"model"}}, set()),
    ],
)
def test_a_wrong_name_would_be_seen(expression: str, series: dict[str, set[str]], groups: set[str]) -> None:
    assert read_expression(expression) == (series, groups)


def test_every_panel_has_its_place() -> None:
    board = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
