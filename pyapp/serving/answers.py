"""What versions answered to the same rows, and how far it is apart: matched by label, never by place.

A version may have its labels in another order, or other ones: of a label that it lacks, its score is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyapp import engine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one version, to some rows."""

    values: NDArray[np.float32]
    """[rows, columns] of all outputs, side by side."""
    labels: Sequence[str] = ()
    """Of the first output; empty for a regression."""
    columns: int = 0
    """Of the first output: one for each label, or a single one, the score of the second of two labels."""

    @classmethod
    def of(cls, model: engine.Model, values: NDArray[np.float32]) -> "Answers":
        """`values`: as the engine gives them raw."""
        return cls(values, model.labels, next(iter(model.output_columns.values())))

    def best(self) -> list[str]:
        """The label of each row."""
        if self._is_one_score:
            return [self.labels[int(score > 0.5)] for score in self.values[:, 0]]
        return [self.labels[int(i)] for i in self.values[:, : self.columns].argmax(axis=1)]

    def scores(self) -> Floats:
        """[rows, labels]"""
        scores = self.values[:, : self.columns].astype(np.float64)
        return np.hstack([1 - scores, scores]) if self._is_one_score else scores

    def scores_of(self, labels: Sequence[str]) -> Floats:
        """[rows, labels], for these labels; 0 for those that it does not know."""
        scores = self.scores()
        places = dict(zip(reversed(self.labels), reversed(range(len(self.labels))), strict=True))
        there = [i for i, label in enumerate(labels) if label in places]
        found = np.zeros((len(scores), len(labels)))
        found[:, there] = scores[:, [places[labels[i]] for i in there]]
        return found

    @property
    def _is_one_score(self) -> bool:
        return self.columns == 1 and len(self.labels) == 2


def distances(first: Answers, second: Answers) -> Floats:
    """[rows, …]: differences of scores by label, and of further outputs by place if both have as many numbers there; of
    regressions relative to the first's values.  Raises ValueError as `mismatch`.
    """
    if reason := mismatch(first, second):
        raise ValueError(reason)
    if not first.labels:
        values = first.values.astype(np.float64)
        gaps: Floats = np.abs(values - second.values) / np.maximum(np.abs(values), 1e-12)
        return gaps
    if list(first.labels) == list(second.labels):
        scores = np.abs(first.scores() - second.scores())
    else:
        every = list(dict.fromkeys([*first.labels, *second.labels]))
        scores = np.abs(first.scores_of(every) - second.scores_of(every))
    rest = [answers.values[:, answers.columns :].astype(np.float64) for answers in (first, second)]
    if rest[0].shape != rest[1].shape:
        return scores
    return np.hstack([scores, np.abs(rest[0] - rest[1])])


def mismatch(first: Answers, second: Answers) -> str:
    """Why the two can't be compared; empty if they can."""
    if not (first.labels or second.labels):
        one, other = first.values.shape[1], second.values.shape[1]
        return "" if one == other else f"the one answers with {one} numbers a row, the other with {other}"
    if not (first.labels and second.labels):
        kinds = ["a classification" if answers.labels else "a regression" for answers in (first, second)]
        return f"the one is {kinds[0]}, the other {kinds[1]}"
    if set(first.labels).isdisjoint(second.labels):
        named = [
            ", ".join(answers.labels[:5]) + (" …" if len(answers.labels) > 5 else "") for answers in (first, second)
        ]
        return f"they have no label in common: the one has {named[0]}, the other {named[1]}"
    return ""
