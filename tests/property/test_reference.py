"""The plain evaluation of a package agrees with the frameworks' own hashes and vectorizers, and with the engine."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyapp import engine
from pyapp.packages import load, write_package
from pyapp.packages.reference import evaluate
from pyapp.packages.reference.hashes import farmhash64, murmurhash3, siphash
from pyapp.packages.reference.texts import count_words

pytest.importorskip("jsonschema", reason="the writer needs the [import] extra")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_murmurhash3_is_scikit_learns(text: str) -> None:
    from sklearn.utils import murmurhash3_32

    assert murmurhash3(text.encode()) == murmurhash3_32(text.encode(), seed=0)


def test_siphash_is_the_papers() -> None:
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5


@pytest.mark.parametrize(
    ("size", "value"),
    [
        (0, 0x9AE16A3B2F90404F),
        (3, 0x26B4DA356B8B9558),
        (7, 0x1FAFA9EDD289AE25),
        (15, 0x7F9B0297BAC70335),
        (31, 0xE8DEA1514638326F),
        (63, 0xE9CE2F267CE7E857),
        (129, 0x3DAC9153FD008293),
        (511, 0xDDE2587EB19CB146),
    ],
)
def test_farmhash_is_the_published_one(size: int, value: int) -> None:
    assert farmhash64(bytes((i * 7 + 1) & 0xFF for i in range(size))) == value


PHRASES = st.lists(st.text("aäßA1_ .,!é\t", max_size=30), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    PHRASES,
    st.sampled_from(["word", "char", "char_wb"]),
    st.sampled_from([(1, 1), (1, 2), (2, 3)]),
    st.booleans(),
    st.sampled_from([None, "ascii", "unicode"]),
)
def test_terms_are_scikit_learns(
    texts: list[str], analyzer: str, ngrams: tuple[int, int], lowercase: bool, accents: str | None
) -> None:
    from sklearn.feature_extraction.text import HashingVectorizer

    theirs = HashingVectorizer(
        n_features=64, analyzer=analyzer, ngram_range=ngrams, lowercase=lowercase, strip_accents=accents, norm="l2"
    )
    step = {
        "hashing": {"features": 64, "alternate_sign": True},
        "analyzer": analyzer,
        "ngrams": list(ngrams),
        "lowercase": lowercase,
        "strip_accents": accents,
        "norm": "l2",
    }
    np.testing.assert_allclose(count_words(texts, step, None), theirs.transform(texts).toarray(), atol=1e-12)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("lowercase", [False, True, "ascii"])
@pytest.mark.parametrize("pattern", ["word", "word1", "whitespace", "ascii_whitespace", "character", "text"])
def test_terms_are_the_engines(pattern: str, lowercase: bool | str, strip: bool, tmp_path: Path) -> None:
    texts = ["", "!!", "The CAT", "the cat", "É é", "é", "a\u00a0b\tc", "don't", "a b", "  b  a ", "x_1, B", "\n"]
    step = {
        "op": "count_words",
        "input": "text",
        "vocabulary": ["the", "cat", "é", "the cat", "a", "b", "a b", "\u00a0b", "dont", "don't", "É é", "é é"],
        "unknown": "first",
        "pattern": pattern,
        "lowercase": lowercase,
        "strip_punctuation": strip,
        "ngrams": [1, 2],
    }
    manifest: dict[str, Any] = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "text", "kind": "text"}],
        "preprocess": [step],
        "layers": [{"name": "y", "op": "dense", "inputs": ["text"], "units": 13, "kernel": "k"}],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    tensors = {"k": np.eye(13, dtype=np.float32)}
    expected = evaluate(manifest, tensors, texts)
    assert np.count_nonzero(expected)
    samples = [{"input": text, "output": list(row)} for text, row in zip(texts, expected, strict=True)]
    load(write_package(tmp_path / "m" / "1", manifest, tensors, samples))  # which replays the samples


def activations() -> list[str]:
    schema = json.loads((Path(engine.__file__).parent / "packages" / "schema.json").read_text())
    found: list[str] = schema["$defs"]["activation"]["then"]["enum"]
    return found


@pytest.mark.parametrize("activation", activations())
def test_every_activation_is_the_engines(activation: str, tmp_path: Path) -> None:
    manifest: dict[str, Any] = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [7]}],
        "layers": [{"name": "y", "op": "activation", "inputs": ["x"], "activation": activation}],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    rows = np.array([[-60, -3.5, -0.3, 0, 0.4, 2.5, 30], [5, -5, 1, -1, 0.1, -0.1, 0]], np.float32)
    model = load(write_package(tmp_path / "m" / "1", manifest, {}, []))
    np.testing.assert_allclose(model.predict(rows), evaluate(manifest, {}, rows), rtol=2e-6, atol=1e-6)


def test_a_table_with_missing_values_and_unknown_categories(tmp_path: Path) -> None:
    columns = [
        {"name": "age", "type": "number", "missing": "nan"},
        {"name": "member", "type": "boolean"},
        {"name": "country", "type": "category", "categories": ["France", "Spain"], "unknown": "ignore"},
        {"name": "remark", "type": "text", "missing": "empty"},
    ]
    words = {"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good", "bad"]}
    manifest: dict[str, Any] = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "person", "kind": "table", "columns": columns}],
        "preprocess": [
            {"op": "one_hot", "input": "person", "columns": ["country"]},
            {**words, "idf": [1.25, 2], "norm": "l2"},
            {"op": "impute", "input": "person", "columns": ["age"], "value": 38.5},
            {"op": "standardise", "input": "person", "columns": ["age"], "mean": [40.5], "scale": [2]},
        ],
        "layers": [{"name": "y", "op": "dense", "inputs": ["person"], "units": 6, "kernel": "k"}],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    rows = [
        {"age": 44.5, "member": True, "country": "Spain", "remark": "Good, good and BAD"},
        {"age": None, "member": 0, "country": "Peru", "remark": None},
    ]
    norm = np.hypot(2 * 1.25, 2)
    expected = [[2, 1, 0, 1, 2.5 / norm, 2 / norm], [-1, 0, 0, 0, 0, 0]]
    tensors = {"k": np.eye(6, dtype=np.float32)}
    np.testing.assert_allclose(evaluate(manifest, tensors, rows), expected, rtol=1e-7)
    # And the engine says the same, as it replays the samples.
    samples = [{"input": row, "output": output} for row, output in zip(rows, expected, strict=True)]
    write_package(tmp_path / "m" / "1", manifest, tensors, samples)
    with pytest.raises(ValueError, match="none of its categories"):
        evaluate({**manifest, "inputs": [_strict(manifest)]}, tensors, rows)


def _strict(manifest: dict[str, Any]) -> dict[str, Any]:
    table = manifest["inputs"][0]
    return {**table, "columns": [{k: v for k, v in column.items() if k != "unknown"} for column in table["columns"]]}
