"""GET /api/stats."""

import pytest
from flask.testing import FlaskClient

from pyapp.api.stats import quantile, summary


def test_what_was_asked_is_counted_by_version(client: FlaskClient) -> None:
    assert client.get("/api/stats").json["models"] == []
    for _ in range(3):
        client.post("/classify?version=1", json=[[0.5, -1, 2, 0.25]] * 2)
    client.post("/classify", json=[1, 2])
    told = client.get("/api/stats")
    assert told.headers["Cache-Control"] == "no-store"
    found = {version["version"]: version for version in told.json["models"]}
    assert told.json["requests"] == 3
    assert (found[1]["model"], found[1]["rows"]) == ("pets", 6)
    assert found[1]["requests"] == {"OK": 3}
    assert found[1]["batch_rows"] == {"count": 3, "mean": 2, "p50": 2, "p99": 2}
    total = found[1]["times_ms"]["total"]
    assert total["count"] == 3
    assert 0 < total["p50"] <= total["p99"] < 10_000
    assert list(found[2]["requests"].values()) == [1] and "OK" not in found[2]["requests"]
    assert found[2]["times_ms"]["total"] == {"count": 0, "mean": None, "p50": None, "p99": None}


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.9, 2), (0.91, 5), (1, 11)])
def test_a_quantile_is_in_its_bucket(share: float, value: int) -> None:
    assert quantile([(3, 90), (6, 9), (12, 1)], share) == value


def test_times_have_the_unit_asked_for() -> None:
    assert summary({"count": 2, "sum": 3_000_000, "buckets": [(2_000_000, 2)]}, 1e-6) == {
        "count": 2,
        "mean": 1.5,
        "p50": pytest.approx(2),
        "p99": pytest.approx(2),
    }
