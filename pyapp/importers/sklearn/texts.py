"""Vectorisers of texts, and what may follow them while their numbers are still counts."""

from typing import Any

import numpy as np

from .rows import Block, Raw, Rows, Writer, width
from .stop_words import ENGLISH_STOP_WORDS
from .tree import Name, Numbers, RefusedError, Sparse, Thing

_PATTERNS = {
    r"\b\w\w+\b": "word",
    r"\w\w+": "word",
    r"\w{2,}": "word",
    r"\b\w{2,}\b": "word",
    r"\b\w+\b": "word1",
    r"\w+": "word1",
    r"\S+": "whitespace",
    r"[^\s]+": "whitespace",
}
"""Regular expressions by the name that docs/package.md has for what they find."""


def count_vectorizer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """CountVectorizer."""
    vocabulary = _vocabulary(thing)
    return _words(thing, rows, writer, len(vocabulary), vocabulary=vocabulary, **_flag("binary", thing))


def tfidf_vectorizer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """TfidfVectorizer."""
    vocabulary = _vocabulary(thing)
    rows = _words(thing, rows, writer, len(vocabulary), vocabulary=vocabulary, **_flag("binary", thing))
    return tfidf_transformer(thing.thing("_tfidf"), rows, writer)


def hashing_vectorizer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """HashingVectorizer."""
    features = int(thing.get("n_features", 2**20))
    hashing = {"features": features, "alternate_sign": bool(thing.get("alternate_sign", True))}
    norm = {"norm": thing.get("norm", "l2")} if thing.get("norm", "l2") else {}
    return _words(thing, rows, writer, features, hashing=hashing, **_flag("binary", thing), **norm)


def tfidf_transformer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """TfidfTransformer, which becomes part of the step that counts the words."""
    if len(rows) != 1 or not isinstance(rows[0], Block) or rows[0].origin != "words" or rows[0].pick is not None:
        raise RefusedError("TfidfTransformer can be served right after one vectoriser only")
    step, norm = _own_step(rows[0], writer), thing.get("norm", "l2")
    if "idf" in step or rows[0].scale is not None or ("norm" in step and thing.get("sublinear_tf")):
        raise RefusedError("TfidfTransformer after numbers that are weighted already cannot be served")
    idf = _idf(thing) if thing.get("use_idf", True) else None
    if idf is not None and len(idf) != rows[0].size:
        raise RefusedError(f"weighs {len(idf)} terms, but {rows[0].size} come in")
    if "norm" in step and norm is None:
        return rows if idf is None else writer.scale(rows, idf, np.zeros(len(idf)))
    step.pop("norm", None)  # the one that follows makes it undone
    if thing.get("sublinear_tf"):
        step["sublinear"] = True
    if idf is not None:
        step["idf"] = writer.parameter("idf", idf)
    if norm is not None:
        step["norm"] = str(norm)
    return rows


def _idf(thing: Thing) -> Numbers:
    if thing.has("idf_"):
        return thing.numbers("idf_", 1)
    diagonal = thing.need("_idf_diag")  # before scikit-learn 1.5
    if not isinstance(diagonal, Sparse):
        raise RefusedError("_idf_diag is no sparse matrix")
    if diagonal.format == "dia":
        return np.asarray(diagonal.parts["data"], np.float64).reshape(-1)
    if len(diagonal.parts["data"]) != diagonal.shape[0]:
        raise RefusedError("_idf_diag is no diagonal")
    return np.asarray(diagonal.parts["data"], np.float64)


def _own_step(block: Block, writer: Writer) -> dict[str, Any]:
    """The step that counts these words, which nobody else reads."""
    if not block.owned:
        raise RefusedError("several steps read the same counts; give each its own vectoriser")
    return next(step for step in reversed(writer.network.steps) if step.get("output", step.get("input")) == block.name)


def normalised_words(rows: Rows, writer: Writer, norm: str) -> Rows | None:
    """A Normalizer right after a vectoriser, as part of it; None where it has to be a step of its own."""
    if len(rows) == 1 and isinstance(block := rows[0], Block) and block.origin == "words" and block.owned:
        step = _own_step(block, writer)
        if "norm" not in step and block.pick is None and block.scale is None and norm in ("l1", "l2"):
            step["norm"] = norm
            return rows
    return None


def _flag(name: str, thing: Thing) -> dict[str, bool]:
    return {name: True} if thing.get(name) else {}


def _vocabulary(thing: Thing) -> list[str]:
    vocabulary = thing.need("vocabulary_")
    terms: list[str | None] = [None] * len(vocabulary)
    for term, index in vocabulary.items():
        if not 0 <= int(index) < len(terms) or terms[int(index)] is not None:
            raise RefusedError(f"vocabulary_ numbers {term!r} as {index}; expected each number below {len(terms)} once")
        terms[int(index)] = str(term)
    return [term for term in terms if term is not None]


def _words(thing: Thing, rows: Rows, writer: Writer, count: int, **more: Any) -> Rows:
    parameters = _analysis(thing) | more
    if len(rows) != 1 or not isinstance(raw := rows[0], Raw) or raw.width != 1:
        raise RefusedError(f"reads one text, but {width(rows)} columns come in")
    if raw.columns[0].fill is not None:
        raise RefusedError("a text whose missing values are replaced before cannot be served; send an empty text")
    columns = writer.columns
    columns.reads += 1
    none = (frozenset[Any](),) * count
    if columns.is_text:
        name = writer.network.step("count_words", writer.input, output=writer.label, **parameters)
        return (Block(name, count, none, "words"),)
    index = raw.columns[0].index
    if not raw.scalar and len(columns.columns) > 1:
        raise RefusedError(
            "reads a table of one column where it needs the column itself: name it without brackets, as a text"
        )
    columns.need(index, "text")
    columns.refuse({("missing", index)})
    column = columns.columns[index].name
    name = writer.network.step("count_words", writer.input, output=writer.label, column=column, **parameters)
    return (Block(name, count, none, "words"),)


def _analysis(thing: Thing) -> dict[str, Any]:
    """What is done to a text until terms are counted; only what differs from a package's defaults."""
    out: dict[str, Any] = {}
    for name in ("preprocessor", "tokenizer"):
        if thing.has(name):
            raise RefusedError(
                f"its {name} {_called(thing.get(name))} is Python code, which is not run here; leave it out"
            )
    analyzer = thing.get("analyzer", "word")
    if analyzer not in ("word", "char", "char_wb"):
        raise RefusedError(f"its analyzer {_called(analyzer)} is Python code, which is not run here; use word or char")
    if analyzer != "word":
        out["analyzer"] = analyzer
    if not thing.get("lowercase", True):
        out["lowercase"] = False
    accents = thing.get("strip_accents")
    if accents not in (None, "ascii", "unicode"):
        raise RefusedError(f"its strip_accents {_called(accents)} is Python code, which is not run here; use unicode")
    if accents:
        out["strip_accents"] = accents
    low, high = thing.get("ngram_range", (1, 1))
    if (low, high) != (1, 1):
        out["ngrams"] = [int(low), int(high)]
    if analyzer == "word":
        out |= _tokens(thing)
    return out


def _tokens(thing: Thing) -> dict[str, Any]:
    pattern = str(thing.get("token_pattern", r"(?u)\b\w\w+\b"))
    name = _PATTERNS.get(pattern.removeprefix("(?u)"))
    if name is None:
        raise RefusedError(
            f"its token_pattern {pattern!r} cannot be served; use the default, or one of {', '.join(_PATTERNS)}"
        )
    out: dict[str, Any] = {} if name == "word" else {"pattern": name}
    stop_words = thing.get("stop_words")
    if isinstance(stop_words, str):
        if stop_words != "english":
            raise RefusedError(f"stop_words is {stop_words!r}; expected 'english', a list or None")
        stop_words = ENGLISH_STOP_WORDS
    if stop_words is not None:
        if not isinstance(stop_words, list | tuple | np.ndarray | frozenset):
            raise RefusedError(f"stop_words is {_called(stop_words)}; expected a list")
        out["stop_words"] = sorted({str(word) for word in stop_words})
    return out


def _called(value: Any) -> str:
    return value.path if isinstance(value, Name) else repr(value)


def binary_words(rows: Rows, writer: Writer) -> Rows | None:
    """Binarizer(0) right after plain counts; None where it has to be a step of its own."""
    if len(rows) == 1 and isinstance(block := rows[0], Block) and block.origin == "words" and block.owned:
        step = _own_step(block, writer)
        if not {"norm", "idf", "hashing", "sublinear"} & set(step) and block.scale is None:
            step["binary"] = True
            return rows
    return None
