"""Tables and texts through the whole engine, against plain Python."""

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model_packages import identity_network, write_package
from pyapp import engine

ENGINE = engine.Engine()
CATEGORIES = ["France", "Germany", "Spain", "Côte d'Ivoire", 'a "quoted", one', "7"]
COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "member", "type": "boolean"},
    {"name": "country", "type": "category", "categories": CATEGORIES, "unknown": "index"},
    {"name": "häufig/~", "type": "number"},
    {"name": "tier", "type": "category", "categories": ["low", "high"], "unknown": "ignore", "missing": "nan"},
]
NAMES = [column["name"] for column in COLUMNS]
STEPS = [
    {"op": "one_hot", "input": "person", "columns": ["country"], "drop": "first"},
    {"op": "impute", "input": "person", "columns": ["age"], "value": 38.5},
    {"op": "standardise", "input": "person", "mean": [40.5, 0.25], "scale": [12.25, 3]},
    {"op": "one_hot", "input": "person", "columns": ["tier"]},
]
WIDTH = 1 + 1 + len(CATEGORIES) + 1 + 2

numbers = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(2**31), 2**31)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
records = st.fixed_dictionaries(
    {
        "age": st.none() | numbers,
        "member": st.booleans(),
        "country": st.sampled_from(CATEGORIES) | words,
        "häufig/~": numbers,
        "tier": st.none() | st.sampled_from(["low", "high", "other"]),
    }
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> engine.Model:
    inputs = [{"name": "person", "kind": "table", "columns": COLUMNS}]
    folder = tmp_path_factory.mktemp("tables") / "person" / "1"
    return engine.Model.load(write_package(folder, *identity_network(inputs, WIDTH, STEPS)))


def answer(model: engine.Model, body: bytes, content_type: str = "application/json") -> Any:
    status, _, reply = ENGINE.handle(model, "classify", body, content_type)
    parsed = json.loads(reply)
    assert status == 200, parsed
    return parsed


def values(model: engine.Model, body: bytes, content_type: str = "application/json") -> np.ndarray:
    reply = answer(model, body, content_type)
    rows = [row["values"] if "values" in row else [row["value"]] for row in reply.get("results", [reply])]
    return np.array(rows, np.float32)


def encoded(record: dict[str, Any]) -> list[np.float32]:
    """The network's row of a record: computed in double precision, rounded once."""
    with np.errstate(over="ignore", invalid="ignore"):
        age = 38.5 if record["age"] is None else float(record["age"])
        row = [np.float32((age - 40.5) / 12.25), np.float32(record["member"])]
        index = CATEGORIES.index(record["country"]) if record["country"] in CATEGORIES else len(CATEGORIES)
        row += [np.float32(index == i) for i in range(1, len(CATEGORIES) + 1)]
        row.append(np.float32((float(record["häufig/~"]) - 0.25) / 3))
    return row + [np.float32(record["tier"] == tier) for tier in ("low", "high")]


def as_cells(record: dict[str, Any]) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in record.items()}


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(records, min_size=1, max_size=40), data=st.data())
def test_every_way_in_gives_the_same_bits(table: engine.Model, rows: list[dict[str, Any]], data: Any) -> None:
    wanted = np.array([encoded(row) for row in rows], np.float32)
    order = data.draw(st.permutations(NAMES))
    shuffled = [{key: row[key] for key in order if row[key] is not None or key == "age"} for row in rows]
    ascii_only = data.draw(st.booleans())
    assert np.array_equal(values(table, json.dumps(shuffled, ensure_ascii=ascii_only).encode()), wanted)
    assert np.array_equal(values(table, json.dumps({"data": rows}).encode()), wanted)
    positional = [[row[key] for key in NAMES] for row in rows]
    assert np.array_equal(values(table, json.dumps(positional).encode()), wanted)
    alone = answer(table, json.dumps(positional[0]).encode())
    assert "results" not in alone and np.array_equal(np.float32(alone["values"]), wanted[0])
    # Blanks around a cell that is not quoted, and no text at all, mean nothing in CSV and forms.
    assume(all(row["country"] != "" for row in rows))
    text = io.StringIO()
    terminator = data.draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(
        text, quoting=csv.QUOTE_ALL, lineterminator=terminator, delimiter=data.draw(st.sampled_from(",;\t"))
    )
    writer.writerow(order)
    writer.writerows([as_cells(row)[key] for key in order] for row in rows)
    mark = data.draw(st.sampled_from(["", "\ufeff"]))
    assert np.array_equal(values(table, (mark + text.getvalue()).encode(), "text/csv"), wanted)
    form = urlencode({key: as_cells(rows[0])[key] for key in order}).encode()
    assert np.array_equal(values(table, form, "application/x-www-form-urlencoded"), wanted[:1])
    parts = "".join(
        f'--bnd\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{as_cells(rows[0])[key]}\r\n' for key in order
    )
    assume("--bnd" not in as_cells(rows[0])["country"])
    body = (parts + "--bnd--\r\n").encode()
    assert np.array_equal(values(table, body, "multipart/form-data; boundary=bnd"), wanted[:1])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(records, min_size=1, max_size=20))
def test_arrays_hold_the_numbers_of_the_columns(table: engine.Model, rows: list[dict[str, Any]]) -> None:
    def index(value: str | None, categories: list[str], unknown: float) -> float:
        return np.nan if value is None else categories.index(value) if value in categories else unknown

    raw = np.array(
        [
            [
                np.nan if row["age"] is None else row["age"],
                row["member"],
                index(row["country"], CATEGORIES, len(CATEGORIES)),
                row["häufig/~"],
                index(row["tier"], ["low", "high"], -1),
            ]
            for row in rows
        ],
        np.float32,
    )
    assert table.features == len(COLUMNS)
    narrow = [
        {**row, "häufig/~": np.float32(row["häufig/~"]), "age": None if row["age"] is None else np.float32(row["age"])}
        for row in rows
    ]
    assert np.array_equal(table.predict(raw), np.array([encoded(row) for row in narrow], np.float32))


@given(codes=st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_no_number_in_place_of_a_category_does_harm(table: engine.Model, codes: list[float]) -> None:
    raw = np.tile(np.float32([[40.5, 0, 0, 0.25, 0]]), (len(codes), 1))
    raw[:, 2] = codes
    indicators = table.predict(raw)[:, 2 : 2 + len(CATEGORIES)]
    for code, row in zip(codes, indicators, strict=True):
        assert row.tolist() == [float(code == i) for i in range(1, len(CATEGORIES) + 1)]


VOCABULARY = ["the", "straße", "naïve", "_x1", "δρόμος", "город", "i̇zmir", "42", "日本", "ſs", "ab"]


def count_words(text: str, lowercase: bool, binary: bool, idf: list[float] | None, norm: str | None) -> list[float]:
    """CountVectorizer and TfidfVectorizer of scikit-learn, in their default token_pattern."""
    found = re.findall(r"(?u)\b\w\w+\b", text.lower() if lowercase else text)
    row = [float(found.count(word)) for word in VOCABULARY]
    if binary:
        row = [float(n > 0) for n in row]
    if idf:
        row = [n * weight for n, weight in zip(row, idf, strict=True)]
    length = {"l1": sum(map(abs, row)), "l2": sum(n * n for n in row) ** 0.5, None: 1}[norm]
    return [n / (length or 1) for n in row]


# Characters of scripts that have long been in Unicode: the newest ones depend on the version of Python.
old = st.characters(max_codepoint=0x52F, exclude_characters="\x00") | st.sampled_from(
    "日本語ſẞΣςσİıǅﬁ٣²Ⅷ͏\u00ad's-_ \u2019"
)
texts = st.text(old, max_size=30) | st.lists(st.sampled_from([*VOCABULARY, "ΔΡΌΜΟΣ", "İZMIR", "The", "STRASSE"])).map(
    " ".join
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(texts, min_size=1, max_size=8),
    lowercase=st.booleans(),
    binary=st.booleans(),
    weighted=st.booleans(),
    norm=st.sampled_from([None, "l1", "l2"]),
)
def test_words_are_counted_as_scikit_learn_does(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[str],
    lowercase: bool,
    binary: bool,
    weighted: bool,
    norm: str | None,
) -> None:
    idf = [1 + i / 7 for i in range(len(VOCABULARY))] if weighted else None
    step: dict[str, Any] = {"op": "count_words", "input": "text", "vocabulary": VOCABULARY, "pattern": "word"}
    step |= {"lowercase": lowercase, "binary": binary, "norm": norm} | ({"idf": idf} if idf else {})
    inputs = [{"name": "text", "kind": "text"}]
    folder = tmp_path_factory.mktemp("text") / "words" / "1"
    model = engine.Model.load(write_package(folder, *identity_network(inputs, len(VOCABULARY), [step])))
    wanted = [count_words(row, lowercase, binary, idf, norm) for row in rows]
    for body in (rows, {"data": rows}, [{"text": row} for row in rows], [[row] for row in rows]):
        assert np.abs(values(model, json.dumps(body).encode()) - wanted).max() < 1e-6
    assert np.abs(values(model, json.dumps(rows[0]).encode()) - wanted[0]).max() < 1e-6
    if rows[0]:
        assert np.abs(values(model, rows[0].encode(), "text/plain") - wanted[0]).max() < 1e-6
        form = urlencode({"data": rows[0]}).encode()
        assert np.abs(values(model, form, "application/x-www-form-urlencoded") - wanted[0]).max() < 1e-6
    with pytest.raises(engine.InputError, match=r"takes text"):
        model.predict([0.0])


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the tables are of the Unicode version that Python 3.11 has"
)
def test_every_character_of_unicode(tmp_path: Path) -> None:
    """Each character between two letters either joins them or parts them; its lower case is Python's."""
    characters = [chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(characters), 60_000):
        some = characters[start : start + 60_000]
        text = "\n".join(f"q{c}q" for c in some)
        vocabulary = sorted(set(re.findall(r"(?u)\b\w\w+\b", text.lower())))
        step = {"op": "count_words", "input": "text", "vocabulary": [*vocabulary, "nothing else"]}
        manifest, _ = identity_network([{"name": "text", "kind": "text"}], 1, [step])
        # Sums instead of all counts: how many words, and each with a weight of its own.
        weights = np.random.default_rng(0).integers(1, 1000, len(vocabulary) + 1).astype(np.float32)
        tensors = {"out/kernel": weights[:, None]}
        model = engine.Model.load(write_package(tmp_path / str(start) / "1", manifest, tensors))
        found = re.findall(r"(?u)\b\w\w+\b", text.lower())
        index = {word: i for i, word in enumerate(vocabulary)}
        assert values(model, text.encode(), "text/plain")[0, 0] == pytest.approx(
            sum(float(weights[index[word]]) for word in found), rel=1e-5
        )


def test_a_table_a_text_and_a_tensor_together(tmp_path: Path) -> None:
    inputs = [
        {"name": "pixels", "kind": "tensor", "shape": [2]},
        {"name": "person", "kind": "table", "columns": COLUMNS[:3]},
        {"name": "remark", "kind": "text"},
    ]
    steps = [
        {"op": "count_words", "input": "remark", "vocabulary": ["good", "bad"]},
        {"op": "one_hot", "input": "person"},
        {"op": "scale", "input": "pixels", "factor": 2},
        {"op": "scale", "input": "remark", "factor": 10},
    ]
    model = engine.Model.load(write_package(tmp_path / "m" / "1", *identity_network(inputs, 2 + 2 + 7 + 2, steps)))
    record = {"remark": "Bad, bad!", "pixels": [1, 3], "country": "Spain", "member": True, "age": 5}
    wanted = [2, 6, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 20]
    assert values(model, json.dumps(record).encode()).tolist() == [wanted]
    assert values(model, json.dumps([[[1, 3], 5, True, "Spain", "bad bad"]] * 2).encode()).tolist() == [wanted] * 2
    assert values(model, json.dumps([[1, 3], 5, 1, "Spain", "bad bad"]).encode()).tolist() == [wanted]
