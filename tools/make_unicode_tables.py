r"""Writes ext/core/base/unicode_tables.h from the Unicode database of the Python that runs this.

    python tools/make_unicode_tables.py

Word characters are those of `\w`, lower case is str.lower(), as scikit-learn's vectorizers use them.  What Python does
not tell about a character (is it cased, is it passed over when a final sigma is looked for?) is found by asking
str.lower() about a sigma behind it.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

TARGET = Path(__file__).parents[1] / "ext/core/base/unicode_tables.h"
CHARACTERS = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
FINAL = "\N{GREEK SMALL LETTER FINAL SIGMA}"
SIGMA = "\N{GREEK CAPITAL LETTER SIGMA}"


def is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def is_cased(character: str) -> bool:
    """Cased and not ignorable: alone before a sigma it makes that final."""
    return (character + SIGMA).lower().endswith(FINAL)


def is_ignorable(character: str) -> bool:
    return ("A" + character + SIGMA).lower().endswith(FINAL) and not is_cased(character)


def ranges(test: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    first = last = -2
    for code in CHARACTERS:
        if not test(chr(code)):
            continue
        if code != last + 1:
            if first >= 0:
                yield first, last
            first = code
        last = code
    yield first, last


def lower_runs() -> Iterator[tuple[int, int, int, int]]:
    """(first, last, stride, delta) of characters with one character as lower case; sigma as if it were never final."""
    run: tuple[int, int, int, int] | None = None
    for code in CHARACTERS:
        lower = chr(code).lower()
        if len(lower) > 1 or lower == chr(code):
            continue
        delta = ord(lower) - code
        if run and run[3] == delta and code - run[1] in ((run[2],) if run[1] > run[0] else (1, 2)):
            run = (run[0], code, code - run[1], delta)
            continue
        if run:
            yield run
        run = (code, code, 1, delta)
    if run:
        yield run


def table(kind: str, name: str, rows: Iterator[tuple[int, ...]]) -> str:
    lines = [f"static const {kind} {name}[] = {{"]
    line = "   "
    for row in rows:
        item = " {" + ", ".join(hex(n).upper().replace("X", "x") if i < 2 else str(n) for i, n in enumerate(row)) + "},"
        if len(line) + len(item) > 120:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line, "};"])


def main() -> None:
    long = [chr(code) for code in CHARACTERS if len(chr(code).lower()) > 1]
    assert long == ["\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"], "unicode.c knows this one alone"
    TARGET.write_text(
        f"/* Unicode {unicodedata.unidata_version}.  Written by tools/make_unicode_tables.py; do not edit. */\n"
        "/* clang-format off */\n"
        + "\n\n".join(
            [
                table("range", "word_ranges", ranges(is_word)),
                table("range", "cased_ranges", ranges(is_cased)),
                table("range", "ignorable_ranges", ranges(is_ignorable)),
                table("lower_run", "lower_runs", lower_runs()),
            ]
        )
        + "\n/* clang-format on */\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    main()
