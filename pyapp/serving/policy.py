"""Which versions of a model are loaded, and which of them are served: `latest:N`, `all`, numbers, or `none`.

`latest:N` (the default is `latest:1`) serves the N newest versions and keeps one older one loaded and warm: it answers
whoever asks for it by number, and a rollback to it takes no loading.  `all` serves every version, `1,3` those two, and
`none` no version at all: the model is unloaded until another policy is given to it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_LATEST = re.compile(r"latest(?::([1-9][0-9]{0,3}))?")
_NUMBERS = re.compile(r"[1-9][0-9]{0,17}(,[1-9][0-9]{0,17})*")

EXPECTED = "latest, latest:N, all, none, or numbers such as 1,3"


@dataclass(frozen=True, slots=True)
class Policy:
    """One of these; immutable."""

    latest: int = 0
    """How many of the newest; 0: not by age."""
    numbers: frozenset[int] = frozenset()
    """These; empty with latest 0: all."""
    none: bool = False
    """None at all, whatever else is said."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError saying what is expected."""
        words = text.strip().lower().replace(" ", "")
        if match := _LATEST.fullmatch(words):
            return cls(latest=int(match[1] or 1))
        if words in {"all", "none"}:
            return cls(none=words == "none")
        if _NUMBERS.fullmatch(words):
            return cls(numbers=frozenset(map(int, words.split(","))))
        raise ValueError(f"{text!r} is no policy; expected {EXPECTED}")

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self.none:
            return "none"
        if self.latest:
            return f"latest:{self.latest}"
        return ",".join(map(str, sorted(self.numbers))) if self.numbers else "all"

    def wanted(self, working: Iterable[int], pinned: Iterable[int] = ()) -> set[int]:
        """Those to keep loaded, of the versions that work or may; `pinned` ones (promoted, labelled) stay."""
        if self.none:
            return set()
        newest = sorted(working, reverse=True)
        kept = {number for number in pinned if number in newest}
        if self.latest:
            return kept | set(newest[: self.latest + 1])
        return kept | ({number for number in newest if number in self.numbers} if self.numbers else set(newest))
