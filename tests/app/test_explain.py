from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

ROW = [0.5, -1.0, 2.0, 0.25]


def ask(client: FlaskClient, query: str, body: Any = ROW) -> dict[str, Any]:
    response = client.post(f"/classify?{query}", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def test_an_explanation_stands_beside_the_usual_answer(client: FlaskClient) -> None:
    plain, answer = ask(client, "version=2"), ask(client, "explain=1")
    explanation = answer.pop("explanation")
    assert answer == plain
    assert explanation["method"] == "integrated"
    assert explanation["steps"] == 32
    assert (explanation["label"], explanation["score"]) == (plain["label"], plain["score"])
    assert len(explanation["contributions"]) == 4
    assert sum(explanation["contributions"]) == pytest.approx(explanation["sum"], abs=1e-5)
    assert explanation["sum"] == pytest.approx(explanation["score"] - explanation["baseline_score"], abs=1e-3)


def test_method_steps_and_target(client: FlaskClient) -> None:
    gradient = ask(client, "explain=true&method=gradient")["explanation"]
    assert (gradient["method"], gradient["steps"]) == ("gradient", 1)
    cat, dog = (
        ask(client, f"explain=1&steps=200&target={label}&top=1")["explanation"]["contributions"]
        for label in ("cat", "1")
    )
    np.testing.assert_allclose(cat, -np.array(dog), atol=1e-5)  # what one label wins, the other loses


def test_each_row_has_its_own(client: FlaskClient) -> None:
    rows = [ROW, [4 * value for value in ROW], [0, 0, 0, 0]]
    answers = ask(client, "explain=1&version=1", rows)["results"]
    for row, answer in zip(rows, answers, strict=True):
        assert answer["explanation"] == ask(client, "explain=1&version=1", row)["explanation"]
    assert answers[2]["explanation"]["contributions"] == [0.0] * 4
    assert answers[2]["explanation"]["sum"] == 0.0


def test_a_picture_is_explained_by_its_numbers(client: FlaskClient) -> None:
    file = BytesIO()
    Image.fromarray(np.array([[0, 255], [128, 64]], np.uint8)).save(file, "PNG")
    response = client.post("/classify?explain=1", data=file.getvalue(), content_type="image/png")
    contributions = response.get_json()["explanation"]["contributions"]
    assert len(contributions) == 4
    assert contributions[0] == 0.0  # nothing was there
    assert contributions[1] != 0.0


@pytest.mark.parametrize(
    ("query", "where", "said"),
    [
        ("explain=yes", "?explain", "must be 1 or 0"),
        ("explain=1&method=shap", "?method", "must be integrated or gradient"),
        ("explain=1&steps=0", "?steps", "from 1 to 512"),
        ("explain=1&steps=513", "?steps", "from 1 to 512"),
        ("explain=1&steps=ten", "?steps", "from 1 to 512"),
        ("explain=1&method=gradient&steps=2", "?steps", "method integrated"),
        ("explain=1&target=cow", "?target", "must be a label"),
        ("explain=1&target=2", "?target", "from 0 to 1"),
        ("explain=1&target=", "?target", "must be a label"),
        ("explain=1&target=a%00b", "?target", "NUL"),
        ("steps=4", "?steps", "needs explain=1"),
        ("explain=0&target=cat", "?target", "needs explain=1"),
    ],
)
def test_what_is_asked_wrongly_is_named(client: FlaskClient, query: str, where: str, said: str) -> None:
    response = client.post(f"/classify?{query}", json=ROW)
    assert response.status_code == 400
    answer = response.get_json()
    assert answer["where"] == where
    assert said in answer["error"]


def test_too_many_rows(client: FlaskClient) -> None:
    assert len(ask(client, "explain=1&method=gradient", [ROW] * 64)["results"]) == 64
    response = client.post("/classify?explain=1", json=[ROW] * 65)
    assert response.status_code == 413
    assert "65 rows; at most 64" in response.get_json()["error"]
