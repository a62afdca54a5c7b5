"""API keys, limits, CORS."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from pyapp import ConfigError, create_app

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
ROW = [0.5, -1, 2, 0.25]
ORIGIN = {"Origin": "https://shop.example"}


def client_of(store: Path, **settings: Any) -> FlaskClient:
    return create_app({"SERVING_MODELS": store, **settings}).test_client()


def test_who_has_a_key_may_ask(store: Path) -> None:
    client = client_of(store, SERVING_API_KEYS=f"anna:{KEY}, {OTHER}")
    for headers, status in (
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"X-API-Key": KEY}, 200),
        ({"Authorization": f"Bearer {OTHER}"}, 200),
        ({"X-API-Key": f"{KEY}x"}, 401),
        ({"X-API-Key": "naïve"}, 401),
    ):
        for _ in range(2):
            answer = client.post("/classify", json=ROW, headers=headers)
            assert answer.status_code == status
            if status == 401:
                assert "X-API-Key" in answer.json["error"]
            body = {"instances": [ROW]}
            assert client.post("/v1/models/pets:predict", json=body, headers=headers).status_code == status
    for path in ("/healthz", "/api/models", "/v2/health/ready", "/v1/models/pets"):
        assert client.get(path).status_code == 200


def test_short_keys_stop_the_start(store: Path) -> None:
    with pytest.raises(ConfigError, match="key 2 is shorter than 16 characters"):
        client_of(store, SERVING_API_KEYS=f"{KEY},anna:secret")
    with pytest.raises(ConfigError, match=r"^SERVING_ADMIN_TOKEN: shorter than 16 characters") as caught:
        client_of(store, SERVING_ADMIN_TOKEN="s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_short_key_is_told_before_models_are_loaded(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(ConfigError):
        client_of(store, SERVING_API_KEYS="secret")
    assert "is available" not in caplog.text
    client_of(store, SERVING_API_KEYS=KEY)
    assert "is available" in caplog.text


def test_limits_count_by_key(store: Path) -> None:
    client = client_of(store, SERVING_API_KEYS=f"anna:{KEY},ben:{OTHER}", SERVING_RATE_LIMIT="3/minute")
    for _ in range(3):
        assert client.post("/classify", json=ROW, headers={"X-API-Key": KEY}).status_code == 200
    refused = client.post("/classify", json=ROW, headers={"X-API-Key": KEY})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "3 per 1 minute" in refused.json["error"]
    assert client.post("/classify", json=ROW, headers={"X-API-Key": OTHER}).status_code == 200
    assert client.get("/api/models").status_code == 200


def test_limits_count_by_address_without_keys(store: Path) -> None:
    client = client_of(store, SERVING_RATE_LIMIT="2/hour")
    statuses = [client.post("/classify", json=ROW).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert client.post("/classify", json=ROW, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200


def test_a_limit_that_is_none_stops_the_start(store: Path) -> None:
    with pytest.raises(ConfigError, match="SERVING_RATE_LIMIT is 'fast'; expected"):
        client_of(store, SERVING_RATE_LIMIT="fast")


def test_no_page_elsewhere_may_read_replies_unless_it_is_listed(store: Path) -> None:
    listing = "https://a.example, https://shop.example"
    closed, listed, everybody = (client_of(store, SERVING_CORS_ORIGINS=text) for text in ("", listing, "*"))
    for client, allowed in ((closed, None), (listed, "https://shop.example"), (everybody, "*")):
        for _ in range(2):
            answer = client.post("/classify", json=ROW, headers=ORIGIN)
            assert answer.status_code == 200
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = listed.options("/classify", headers={**ORIGIN, **asked})
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    other = listed.post("/classify", json=ROW, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in other.headers["Vary"]
