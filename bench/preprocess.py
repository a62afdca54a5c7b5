"""Preprocessing end to end, one row at a time: JSON in and JSON out here, against scikit-learn's predict_proba alone.

It trains a tf-idf model on texts and a model on table rows, imports both, checks that both sides
answer the same, and prints both sides.  scikit-learn's side gets its rows ready made, without any JSON or HTTP.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import compare, headline, with_the_cpus_own_kernel

if __name__ == "__main__":
    with_the_cpus_own_kernel()

import numpy as np
import skops.io
from safetensors.numpy import save_file
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[1]))

from pyapp import engine
from pyapp.importers import ImportOptions
from pyapp.importers.sklearn import read

SHARED = Path(__file__).parents[2] / "shared" / "data"
ROWS = 200


def texts() -> tuple[list[str], list[str]]:
    """Messages and their labels: the shared SMS collection, or made ones where it is not here."""
    folder = SHARED / "data" / "sms_spam"
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    for path in files:
        pairs = [line.strip().split("\t", 1) for line in path.read_text("utf-8", "replace").splitlines()]
        pairs = [pair for pair in pairs if len(pair) == 2 and pair[0] in ("ham", "spam")]
        if len(pairs) > 1000:
            return [pair[1] for pair in pairs], [pair[0] for pair in pairs]
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(6000)])
    made = [" ".join(words[(rng.zipf(1.3, 16) - 1) % len(words)]) for _ in range(4000)]
    return made, ["spam" if "word1 " in text else "ham" for text in made]


def table() -> tuple[Any, Any]:
    """Rows as a client has them: numbers, categories, missing values."""
    rng = np.random.default_rng(0)
    count = 2000
    rows = np.empty((count, 6), dtype=object)
    rows[:, 0] = rng.normal(40, 12, count).tolist()
    rows[:, 1] = rng.lognormal(3, 1, count).tolist()
    rows[:, 2] = rng.integers(0, 5, count).astype(float).tolist()
    rows[:, 3] = rng.choice(["France", "Germany", "Spain"], count)
    rows[:, 4] = rng.choice(["female", "male"], count)
    rows[:, 5] = rng.choice(["C", "Q", "S"], count)
    target = (0.05 * (rows[:, 0].astype(float) - 40) + (rows[:, 4] == "female") > 0.5).astype(int)
    rows[rng.random(count) < 0.2, 0] = np.nan
    return rows, target


def models() -> list[tuple[str, float, Any, Any, list[Any]]]:
    """(name, how many times as fast it must be, pipeline, its rows of one, rows as sent)."""
    messages, labels = texts()
    words = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(messages, labels)
    rows, target = table()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [("numbers", numbers, [0, 1, 2]), ("places", OneHotEncoder(handle_unknown="ignore"), [3, 4, 5])]
    )
    people = make_pipeline(columns, MLPClassifier((16, 8), max_iter=50, random_state=0)).fit(rows, target)
    sent = [[None if value != value else value for value in row] for row in rows[:ROWS].tolist()]
    return [
        ("tf-idf texts", 10, words, [[text] for text in messages[:ROWS]], messages[:ROWS]),
        ("table rows", 50, people, [rows[i : i + 1] for i in range(ROWS)], sent),
    ]


def imported(model: Any, folder: Path) -> engine.Model:
    skops.io.dump(model, folder / "model.skops")
    found = read(folder / "model.skops", ImportOptions())
    version = folder / "model" / "1"
    version.mkdir(parents=True)
    (version / "model.json").write_text(json.dumps(found.manifest))
    save_file(found.tensors, version / "weights.safetensors")
    return engine.Model.load(version)


def main() -> None:
    import warnings

    warnings.simplefilter("ignore")
    print(headline(engine.blas))
    print(f"{'':14}{'scikit-learn':>14}{'here':>10}{'times':>9}   µs a row, one at a time")
    missed = []
    for name, wanted, model, own, sent in models():
        with tempfile.TemporaryDirectory() as folder:
            served = imported(model, Path(folder))
        server = engine.Engine()
        bodies = [json.dumps(row).encode() for row in sent]

        def ours(served: engine.Model = served, server: engine.Engine = server, bodies: list[bytes] = bodies) -> Any:
            return [server.handle(served, "classify", body, "application/json") for body in bodies]

        def theirs(model: Any = model, own: list[Any] = own) -> Any:
            return [model.predict_proba(row) for row in own]

        answers = np.asarray([json.loads(reply)["scores"] for _, _, reply in ours()])
        gap = float(np.abs(answers - np.concatenate(theirs())).max())
        if gap > 1e-5:
            sys.exit(f"{name}: the answers differ by {gap:.3g}")
        slow, fast = (time / ROWS for time in compare([theirs, ours], rounds=5))
        print(
            f"{name:14}{slow:14.1f}{fast:10.2f}{slow / fast:9.0f}   answers within {gap:.1g}; at least {wanted} wanted"
        )
        if slow / fast < wanted:
            missed.append(name)
    if missed:
        sys.exit(f"too slow: {', '.join(missed)}")


if __name__ == "__main__":
    main()
