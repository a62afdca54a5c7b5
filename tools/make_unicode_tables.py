r"""Writes ext/core/base/unicode_tables.h and accents_tables.h from the Unicode database of the Python that runs this.

    python tools/make_unicode_tables.py

Word characters are those of `\w`, white space is `\s`, lower case is str.lower(), as scikit-learn's vectorizers use
them.  What Python does not tell about a character (is it cased, is it passed over when a final sigma is looked for?) is
found by asking str.lower() about a sigma behind it.

Stripped of accents, a character is its compatibility decomposition (NFKD) without combining characters.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

BASE = Path(__file__).parents[1] / "ext/core/base"
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


HANGUL = range(0xAC00, 0xAC00 + 11172)  # decomposed by arithmetic
SEQUENCE = 0xD800  # from here on (no character) a value is the number of a sequence


def stripped(code: int) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", chr(code)) if not unicodedata.combining(c))


def accent_ranges(changed: dict[int, str]) -> Iterator[tuple[int, int]]:
    """Ranges of characters that change; short gaps, where 16 bits can name a character itself, are bridged."""
    first = last = -1
    for code in changed:
        if first >= 0 and code > last + (4 if code < SEQUENCE else 1):
            yield first, last
            first = -1
        first, last = code if first < 0 else first, code
    yield first, last


def accent_tables() -> list[str]:
    changed = {c: text for c in CHARACTERS if c not in HANGUL and (text := stripped(c)) != chr(c)}
    values: list[int] = []
    rows: list[tuple[int, int, int]] = []
    sequences: dict[str, int] = {}
    for first, last in accent_ranges(changed):
        rows.append((first, last, len(values)))
        for code in range(first, last + 1):
            text = changed.get(code, chr(code))
            alone = len(text) == 1 and ord(text) <= 0xFFFF
            values.append(ord(text) if alone else SEQUENCE + sequences.setdefault(text, len(sequences)))
    assert len(sequences) < 0xE000 - SEQUENCE
    starts = [0]
    for text in sequences:
        starts.append(starts[-1] + len(text))
    return [
        f"#define LONGEST {max(map(len, sequences))}",
        table("accent_range", "accent_ranges", iter(rows)),
        numbers("uint16_t", "values", values),
        numbers("uint16_t", "sequence_starts", starts),
        numbers("uint32_t", "sequences", [ord(c) for text in sequences for c in text]),
    ]


def numbers(kind: str, name: str, items: list[int]) -> str:
    lines = [f"static const {kind} {name}[] = {{"]
    line = "   "
    for item in items:
        if len(line) + len(f" {item},") > 120:
            lines.append(line)
            line = "   "
        line += f" {item},"
    return "\n".join([*lines, line, "};"])


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


def write(name: str, tables: list[str]) -> None:
    (BASE / name).write_text(
        f"/* Unicode {unicodedata.unidata_version}.  Written by tools/make_unicode_tables.py; do not edit. */\n"
        "/* clang-format off */\n" + "\n\n".join(tables) + "\n/* clang-format on */\n",
        encoding="ascii",
    )


def main() -> None:
    long = [chr(code) for code in CHARACTERS if len(chr(code).lower()) > 1]
    assert long == ["\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"], "unicode.c knows this one alone"
    write(
        "unicode_tables.h",
        [
            table("range", "word_ranges", ranges(is_word)),
            table("range", "space_ranges", ranges(str.isspace)),
            table("range", "cased_ranges", ranges(is_cased)),
            table("range", "ignorable_ranges", ranges(is_ignorable)),
            table("lower_run", "lower_runs", lower_runs()),
        ],
    )
    write("accents_tables.h", accent_tables())


if __name__ == "__main__":
    main()
