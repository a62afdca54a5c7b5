"""The lists behind StringLookup, IntegerLookup and TextVectorization: from the configuration or the texts beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .architecture import Layer, number
from .rows import UnservableError


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a lookup layer knows.  Its indices are: the mask's 0 (in mode int, if there is a mask), those of unknown
    values, those of `tokens`.
    """

    tokens: list[Any]
    """Strings or whole numbers."""
    mask: Any
    """The value that stands for none; None if there is none."""
    unknown: int
    """How many indices there are for unknown values."""
    mode: str
    """int, one_hot, multi_hot, count or tf_idf."""
    depth: int
    """How many numbers the encoded row has."""
    idf: NDArray[Any] | None
    """[depth], in mode tf_idf."""

    @property
    def first(self) -> int:
        """The first index of unknown values."""
        return int(self.mask is not None and self.mode == "int")

    def known(self) -> list[Any]:
        """The mask, if any, and the tokens."""
        return ([] if self.mask is None else [self.mask]) + self.tokens

    def indices(self) -> list[int]:
        """Keras' index of each of `known`, and of a value that is none of these.  -1: it counts nothing."""
        start = self.first + self.unknown
        mask = [] if self.mask is None else [0 if self.mode == "int" else -1]
        return [*mask, *range(start, start + len(self.tokens)), self.first if self.unknown else -1]


def read_lookup(layer: Layer, assets: Mapping[str, str], whole: bool = False) -> Lookup:
    """`whole`: of whole numbers instead of strings.  Raises UnservableError for what cannot be served."""
    config = layer.config
    if config.get("invert"):
        raise UnservableError("has invert=True and makes words of numbers; end the model before it and give labels")
    text = layer.kind == "TextVectorization"
    mask = "" if text else config.get("mask_token")
    unknown = 1 if text else config.get("num_oov_indices", 1)
    if not isinstance(unknown, int) or not 0 <= unknown <= 1 << 20:
        raise UnservableError(f"has num_oov_indices={unknown}; expected a number from 0")
    mode = output_mode(config, "int")
    listed = _listed(layer, assets, whole)
    first = int(mask is not None and mode == "int")
    special = [mask] * first + [config.get("oov_token", -1 if whole else "[UNK]")] * unknown
    given = len(listed)
    tokens = listed[len(special) :] if listed[: len(special)] == special else listed
    if mask is not None and mask in tokens:
        raise UnservableError(f"has its mask_token {mask!r} among its words")
    if len(set(tokens)) < len(tokens) or not tokens:
        raise UnservableError("has an empty vocabulary" if not tokens else "has a vocabulary with a word twice")
    depth = len(special) + len(tokens)
    if config.get("pad_to_max_tokens") and mode != "int":
        depth = max(depth, int(config.get("max_tokens") or 0))
    idf = _idf(layer, depth, given, len(tokens), len(special)) if mode == "tf_idf" else None
    return Lookup(tokens, mask, unknown, mode, depth, idf)


def output_mode(config: Mapping[str, Any], preset: str) -> str:
    """Also under the names of earlier versions."""
    mode = config.get("output_mode") or preset
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in ("int", "one_hot", "multi_hot", "count", "tf_idf"):
        raise UnservableError(f"has output_mode={mode!r}; expected int, one_hot, multi_hot, count or tf_idf")
    return str(mode)


def _listed(layer: Layer, assets: Mapping[str, str], whole: bool) -> list[Any]:
    vocabulary = layer.config.get("vocabulary")
    if isinstance(vocabulary, str):
        raise UnservableError(f"reads its vocabulary from the file {vocabulary!r}; save the model as .keras")
    vocabulary = number(vocabulary) if isinstance(vocabulary, dict) else vocabulary
    if isinstance(vocabulary, np.ndarray):
        vocabulary = vocabulary.tolist()
    if not vocabulary:
        for path in (f"{layer.assets}/vocabulary.txt", f"{layer.assets}/_lookup_layer/vocabulary.txt"):
            if path in assets:
                vocabulary = assets[path].replace("\r\n", "\n").rstrip("\n").split("\n")
                break
    if not vocabulary:
        raise UnservableError("has no vocabulary in the file; HDF5 keeps none: save the model as .keras")
    try:
        return [int(value) for value in vocabulary] if whole else [str(value) for value in vocabulary]
    except (TypeError, ValueError):
        raise UnservableError("has a vocabulary that is not of whole numbers") from None


def _idf(layer: Layer, depth: int, given: int, tokens: int, special: int) -> NDArray[Any]:
    """For each index; padded as Keras does it: what is unknown has the mean, what has no word 0."""
    weights = layer.extra.get("idf_weights")
    if weights is None:
        listed = number(layer.config.get("idf_weights"))
        weights = None if listed is None else np.asarray(listed, np.float64).reshape(-1)
        if weights is not None and weights.size == given == tokens and special:
            weights = np.concatenate([np.full(special, weights.mean()), weights])
    if weights is None:
        raise UnservableError("has no idf_weights in the file; save the model as .keras after adapt()")
    weights = weights.astype(np.float64).reshape(-1)
    if not tokens + special <= weights.size <= depth:
        raise UnservableError(f"has {weights.size} idf_weights for {tokens + special} indices")
    return np.concatenate([weights, np.zeros(depth - weights.size)])


def strings(values: Sequence[Any]) -> list[str]:
    """As the manifest has them."""
    return [str(value) for value in values]
