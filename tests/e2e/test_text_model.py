"""A text model trained in scikit-learn, imported by the command line and asked over HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from running_server import running
from shared_data import SHARED, needs_shared_data

TRAINED = 4500


def messages() -> tuple[list[str], list[str]]:
    lines = (SHARED / "data" / "sms_spam" / "SMSSpamCollection.tsv").read_text(encoding="utf-8").split("\n")
    pairs = [line.strip(" ").split("\t", 1) for line in lines if "\t" in line]
    return [text for _, text in pairs], [label for label, _ in pairs]


@needs_shared_data
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "classifier",
    [LogisticRegression(), MLPClassifier((16,), max_iter=12, random_state=0)],
    ids=["logistic regression", "mlp"],
)
def test_a_text_model_reaches_its_accuracy_through_http(
    classifier: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, labels = messages()
    pipeline = make_pipeline(TfidfVectorizer(), classifier).fit(texts[:TRAINED], labels[:TRAINED])
    held_out, truth = texts[TRAINED:], np.array(labels[TRAINED:])
    skops.io.dump(pipeline, tmp_path / "spam.skops")
    monkeypatch.setenv("SERVING_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    command = [sys.executable, "-m", "flask", "--app", "pyapp", "models", "import", "spam.skops", "--name", "spam"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    with running(tmp_path / "server.log") as server:
        status, answer = server.ask("POST", "/classify", json.dumps(held_out))
        assert status == 200
        said = np.array([result["label"] for result in answer["results"]])
        scores = np.array([result["scores"] for result in answer["results"]])
        one_by_one = [server.ask("POST", "/classify", json.dumps(text))[1]["label"] for text in held_out[:50]]
    np.testing.assert_allclose(scores, pipeline.predict_proba(held_out), atol=1e-5)
    assert (said == pipeline.predict(held_out)).all()
    assert (said == truth).mean() == pipeline.score(held_out, truth) > 0.95
    assert one_by_one == said[:50].tolist()
