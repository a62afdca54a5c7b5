"""count_words: terms of a text by Python's `re`, counted and weighted."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .hashes import murmurhash3

PUNCTUATION = r"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"""

_PATTERNS = {
    "word": r"(?u)\b\w\w+\b",
    "word1": r"(?u)\b\w+\b",
    "ascii_whitespace": r"[^ \t-\r]+",
    "character": r"(?s).",
    "text": r"(?s).+",
}
_ASCII_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def count_words(texts: Sequence[str], step: Mapping[str, Any], idf: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """float64 [texts, terms]."""
    hashing = step.get("hashing")
    first = 1 if step.get("unknown") == "first" else 0
    index = {} if hashing else {term: first + i for i, term in enumerate(step["vocabulary"])}
    counts = np.zeros((len(texts), hashing["features"] if hashing else first + len(index)))
    for row, text in zip(counts, texts, strict=True):
        for term in terms(text, step):
            if hashing:
                value = murmurhash3(term.encode("utf-8"))
                row[abs(value) % len(row)] += -1 if value < 0 and hashing.get("alternate_sign", True) else 1
            elif term in index:
                row[index[term]] += 1
            elif first:
                row[0] += 1
    if step.get("binary"):
        counts = (counts != 0).astype(np.float64)
    if step.get("sublinear"):
        counts = np.where(counts > 0, 1 + np.log(np.where(counts > 0, counts, 1)), counts)
    if idf is not None:
        counts = counts * idf
    if step.get("norm"):
        from .steps import norm_of

        norms = norm_of(counts, step["norm"])
        counts = counts / np.where(norms == 0, 1, norms)
    return counts


def terms(text: str, step: Mapping[str, Any]) -> Iterator[str]:
    """The terms of a text, n-grams included."""
    if step.get("strip_punctuation"):
        text = re.sub(f"[{re.escape(PUNCTUATION)}]", "", text)
    lowercase = step.get("lowercase", True)
    if lowercase:
        text = text.translate(_ASCII_LOWER) if lowercase == "ascii" else text.lower()
    accents = step.get("strip_accents")
    if accents:
        decomposed = unicodedata.normalize("NFKD", text)
        text = (
            decomposed.encode("ascii", "ignore").decode()
            if accents == "ascii"
            else "".join(letter for letter in decomposed if not unicodedata.combining(letter))
        )
    low, high = step.get("ngrams", [1, 1])
    analyzer = step.get("analyzer", "word")
    if analyzer == "char":
        yield from _grams(re.sub(r"\s\s+", " ", text), low, high, "")
    elif analyzer == "char_wb":
        for word in re.sub(r"\s\s+", " ", text).split():
            yield from _grams_within(f" {word} ", low, high)
    else:
        stop = set(step.get("stop_words", ()))
        yield from _grams([word for word in _words(text, step) if word not in stop], low, high, " ")


def _words(text: str, step: Mapping[str, Any]) -> list[str]:
    pattern = step.get("pattern", "word")
    return text.split() if pattern == "whitespace" else re.findall(_PATTERNS[pattern], text)


def _grams(items: Sequence[str], low: int, high: int, joint: str) -> Iterator[str]:
    for size in range(low, high + 1):
        for start in range(len(items) - size + 1):
            yield joint.join(items[start : start + size])


def _grams_within(word: str, low: int, high: int) -> Iterator[str]:
    """A word shorter than an n-gram counts once, and in no longer n-gram, as in scikit-learn."""
    for size in range(low, high + 1):
        yield word[:size]
        for start in range(1, len(word) - size + 1):
            yield word[start : start + size]
        if len(word) <= size:
            return
