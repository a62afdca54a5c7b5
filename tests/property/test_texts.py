"""Texts through count_words, against scikit-learn's vectorizers themselves."""

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
    strip_accents_ascii,
    strip_accents_unicode,
)

from model_packages import identity_network, write_package
from pyapp import engine
from shared_data import SHARED, TESTS_DATA, jsonl, needs_shared_data

ENGINE = engine.Engine()
PATTERNS = {"word": r"(?u)\b\w\w+\b", "word1": r"(?u)\b\w+\b", "whitespace": r"\S+", "text": r"(?s).+"}
STOP_WORDS = ["the", "ab", "a", "ςσ", "δρόμος", "x", "cafe"]

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the tables are of the Unicode version that Python 3.11 has"
)


def load(folder: Path, width: int, step: dict[str, Any]) -> engine.Model:
    """A model that answers the row that the step makes of a text."""
    steps = [{"op": "count_words", "input": "text", **step}]
    network = identity_network([{"name": "text", "kind": "text"}], width, steps)
    return engine.Model.load(write_package(folder / "words" / "1", *network))


def rows(model: engine.Model, texts: list[str]) -> NDArray[np.float64]:
    status, _, body = ENGINE.handle(model, "classify", json.dumps(texts).encode(), "application/json")
    assert status == 200, body
    return np.array([row.get("values", [row.get("value")]) for row in json.loads(body)["results"]])


words = st.sampled_from(
    [
        *STOP_WORDS,
        "The",
        "ΔΡΌΜΟΣ",
        "İzmir",
        "Straße",
        "GROẞ",
        "Café",
        "naïve",
        "x1_",
        "don't",
        "日本",
        "한국어",
        "ﬁsh",
        "²",
        "½",
        "akqlrggi",
    ]
)
separators = st.sampled_from([" ", "  ", "\n", "\t \n", "\u3000", "\x1c", "\x85", "-", ".", "’", "\u0301", "\xad", ""])
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
sentences = st.lists(st.tuples(words, separators), max_size=12).map(lambda pairs: "".join(a + b for a, b in pairs))
texts = (
    st.lists(sentences | st.text(characters, max_size=12), max_size=3).map(" ".join)
    | sentences
    | st.text(characters, max_size=40)
)
forms = st.fixed_dictionaries(
    {"lowercase": st.booleans(), "strip_accents": st.sampled_from([None, "unicode", "ascii"]), "binary": st.booleans()}
)
ranges = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda ends: (ends[0], ends[0] + ends[1]))


@st.composite
def tokens(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a text is cut: a vectorizer's arguments, and the step's members."""
    analyzer = draw(st.sampled_from(["word", "word", "char", "char_wb"]))
    ends = draw(ranges)
    ours: dict[str, Any] = {"analyzer": analyzer, "ngrams": list(ends)}
    theirs: dict[str, Any] = {"analyzer": analyzer, "ngram_range": ends}
    if analyzer == "word":
        pattern = draw(st.sampled_from(list(PATTERNS)))
        stop_words = draw(st.sampled_from([[], STOP_WORDS]))
        ours |= {"pattern": pattern, "stop_words": stop_words}
        theirs |= {"token_pattern": PATTERNS[pattern], "stop_words": stop_words or None}
    form = draw(forms)
    return theirs | form, ours | form


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(
    cut=tokens(),
    known=st.lists(texts, min_size=1, max_size=4),
    others=st.lists(texts, max_size=3),
    weights=st.none()
    | st.fixed_dictionaries(
        {"use_idf": st.booleans(), "sublinear_tf": st.booleans(), "norm": st.sampled_from([None, "l1", "l2"])}
    ),
)
def test_terms_of_a_vocabulary(
    tmp_path_factory: pytest.TempPathFactory,
    cut: tuple[dict[str, Any], dict[str, Any]],
    known: list[str],
    others: list[str],
    weights: dict[str, Any] | None,
) -> None:
    theirs, ours = cut
    vectorizer = CountVectorizer(**theirs) if weights is None else TfidfVectorizer(**theirs, **weights)
    try:
        vectorizer.fit(known)
    except ValueError:  # no word at all
        assume(False)
    vocabulary = vectorizer.get_feature_names_out().tolist()
    assume(not any("\x00" in term for term in vocabulary))
    step = ours | {"vocabulary": vocabulary}
    if weights is not None:
        step |= {"sublinear": weights["sublinear_tf"], "norm": weights["norm"]}
        step |= {"idf": vectorizer.idf_.tolist()} if weights["use_idf"] else {}
    model = load(tmp_path_factory.mktemp("terms"), len(vocabulary), step)
    np.testing.assert_allclose(
        rows(model, known + others), vectorizer.transform(known + others).toarray(), rtol=1e-6, atol=1e-6
    )


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None)
@given(
    cut=tokens(),
    some=st.lists(texts, min_size=1, max_size=4),
    features=st.integers(1, 40),
    alternate_sign=st.booleans(),
    norm=st.sampled_from([None, "l1", "l2"]),
)
def test_hashed_terms(
    tmp_path_factory: pytest.TempPathFactory,
    cut: tuple[dict[str, Any], dict[str, Any]],
    some: list[str],
    features: int,
    alternate_sign: bool,
    norm: str | None,
) -> None:
    theirs, ours = cut
    vectorizer = HashingVectorizer(**theirs, n_features=features, alternate_sign=alternate_sign, norm=norm)
    step = ours | {"norm": norm, "hashing": {"features": features, "alternate_sign": alternate_sign}}
    model = load(tmp_path_factory.mktemp("hashed"), features, step)
    np.testing.assert_allclose(rows(model, some), vectorizer.transform(some).toarray(), rtol=1e-6, atol=1e-6)


def test_long_texts_and_long_words(tmp_path: Path) -> None:
    """Longer than all that is kept at once: the window moves, finds are merged, and hashes take words in by parts."""
    rng = np.random.default_rng(5)
    known = [f"w{i:03}" for i in range(400)]
    long = ["y" * n + str(n) for n in (255, 256, 257, 258, 1023, 1024, 5000)]
    some = [" ".join(rng.choice([*known, *long, "the"], n)) for n in (60, 3000, 40_000)]
    arguments: dict[str, Any] = {"ngram_range": (1, 3), "stop_words": ["the"]}
    vocabulary = [*known, f"{known[0]} {known[1]}"]
    vectorizer = TfidfVectorizer(**arguments, vocabulary=vocabulary, use_idf=False).fit(known)
    step = {"ngrams": [1, 3], "stop_words": ["the"], "vocabulary": vocabulary, "norm": "l2"}
    np.testing.assert_allclose(
        rows(load(tmp_path / "v", 401, step), some), vectorizer.transform(some).toarray(), rtol=1e-6, atol=1e-7
    )
    hashing = HashingVectorizer(**arguments, n_features=700)
    del step["vocabulary"]
    step["hashing"] = {"features": 700}
    np.testing.assert_allclose(
        rows(load(tmp_path / "h", 700, step), some), hashing.transform(some).toarray(), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(("name", "strip"), [("unicode", strip_accents_unicode), ("ascii", strip_accents_ascii)])
def test_every_character_without_its_accents(tmp_path: Path, name: str, strip: Callable[[str], str]) -> None:
    some = [
        chr(code) for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    text = "\n".join(f"q{c}q" for c in some if not c.isspace())
    found = strip(text).split()
    vocabulary = sorted(set(found))
    step = {"vocabulary": vocabulary, "strip_accents": name, "lowercase": False, "pattern": "whitespace"}
    steps = [{"op": "count_words", "input": "text"} | step]
    manifest, _ = identity_network([{"name": "text", "kind": "text"}], 1, steps)
    # Sums instead of all counts: how many words, and each with a weight of its own.
    weights = np.random.default_rng(0).integers(1, 1000, len(vocabulary))
    tensors = {"out/kernel": weights[:, None].astype(np.float32)}
    model = engine.Model.load(write_package(tmp_path / "words" / "1", manifest, tensors))
    status, _, body = ENGINE.handle(model, "classify", text.encode(), "text/plain")
    index = {word: i for i, word in enumerate(vocabulary)}
    assert status == 200
    assert json.loads(body)["value"] == pytest.approx(sum(float(weights[index[word]]) for word in found), rel=1e-6)


def keras(text: str, standardize: str | None, split: str | None, most: int) -> list[str]:
    """The terms of Keras' TextVectorization: TensorFlow's operations know ASCII's white space and capitals alone."""
    if standardize in ("lower", "lower_and_strip_punctuation"):
        text = re.sub("[A-Z]", lambda found: found[0].lower(), text)
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        text = re.sub(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""", "", text)
    parts = (
        re.findall(r"[^\t-\r ]+", text) if split == "whitespace" else list(text) if split else [text] if text else []
    )
    return [" ".join(parts[i : i + n]) for n in range(1, most + 1) for i in range(len(parts) - n + 1)]


def keras_step(standardize: str | None, split: str | None, output: str, idf: list[float] | None) -> dict[str, Any]:
    """The members of count_words that are such a layer's, but for n-grams and vocabulary."""
    step: dict[str, Any] = {
        "lowercase": "ascii" if standardize in ("lower", "lower_and_strip_punctuation") else False,
        "strip_punctuation": standardize in ("strip_punctuation", "lower_and_strip_punctuation"),
        "pattern": {None: "text", "whitespace": "ascii_whitespace", "character": "character"}[split],
        "unknown": "first",
        "binary": output == "multi_hot",
    }
    return step | ({"idf": idf} if output == "tf_idf" else {})


@settings(max_examples=150, deadline=None)
@given(
    known=st.lists(texts, min_size=1, max_size=4),
    others=st.lists(texts, max_size=3),
    standardize=st.sampled_from([None, "lower", "strip_punctuation", "lower_and_strip_punctuation"]),
    split=st.sampled_from([None, "whitespace", "character"]),
    most=st.integers(1, 3),
    output=st.sampled_from(["multi_hot", "count", "tf_idf"]),
)
def test_terms_of_keras(
    tmp_path_factory: pytest.TempPathFactory,
    known: list[str],
    others: list[str],
    standardize: str | None,
    split: str | None,
    most: int,
    output: str,
) -> None:
    vocabulary = sorted({term for text in known for term in keras(text, standardize, split, most)})
    idf = np.linspace(0.5, 3, len(vocabulary) + 1)
    step = keras_step(standardize, split, output, idf.tolist())
    step |= {"ngrams": [1, most], "vocabulary": vocabulary}
    wanted = np.zeros((len(known + others), len(vocabulary) + 1))
    for row, text in zip(wanted, known + others, strict=True):
        for term in keras(text, standardize, split, most):
            row[vocabulary.index(term) + 1 if term in vocabulary else 0] += 1
    wanted = {"multi_hot": np.minimum(wanted, 1), "count": wanted, "tf_idf": wanted * idf}[output]
    model = load(tmp_path_factory.mktemp("keras"), len(vocabulary) + 1, step)
    np.testing.assert_allclose(rows(model, known + others), wanted, rtol=1e-6, atol=1e-6)


def test_rows_of_keras_itself(tmp_path: Path) -> None:
    for i, case in enumerate(jsonl(TESTS_DATA / "keras_texts" / "cases.jsonl")):
        most = case["ngrams"] or 1
        step = keras_step(case["standardize"], case["split"], case["mode"], case["idf"])
        step |= {"ngrams": [1, most] if isinstance(most, int) else [most[0], most[-1]]}
        step |= {"vocabulary": case["vocabulary"][1:]}
        model = load(tmp_path / str(i), len(case["vocabulary"]), step)
        np.testing.assert_allclose(rows(model, case["texts"]), case["rows"], rtol=1e-6, atol=2e-6)


@needs_shared_data
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        (
            {"ngram_range": (1, 2), "stop_words": sorted(ENGLISH_STOP_WORDS), "strip_accents": "unicode"},
            {"ngrams": [1, 2], "stop_words": sorted(ENGLISH_STOP_WORDS), "strip_accents": "unicode"},
        ),
        ({"analyzer": "char_wb", "ngram_range": (2, 4)}, {"analyzer": "char_wb", "ngrams": [2, 4]}),
    ],
    ids=["defaults", "pairs", "characters"],
)
def test_real_messages(tmp_path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    lines = (SHARED / "data/sms_spam/SMSSpamCollection.tsv").read_text(encoding="utf-8").splitlines()
    messages = [line.split("\t", 1)[1] for line in lines]
    vectorizer = TfidfVectorizer(**theirs, max_features=1000).fit(messages[:4000])
    step = {"vocabulary": vectorizer.get_feature_names_out().tolist(), "idf": vectorizer.idf_.tolist(), "norm": "l2"}
    model = load(tmp_path, len(step["vocabulary"]), step | ours)
    some = messages[4000:4400]
    np.testing.assert_allclose(rows(model, some), vectorizer.transform(some).toarray(), rtol=1e-6, atol=1e-6)
