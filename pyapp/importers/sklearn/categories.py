"""Encoders of categories, and the imputers that may stand before them.

A column of strings stays what the client sent until an encoder turns it into numbers: its values are finitely many, so
whatever was done to it before is a table from the column's categories to those numbers (a step `map`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .columns import UNKNOWN
from .numbers import is_nan, one_hot
from .rows import Block, Marks, Part, Raw, RawColumn, Rows, Writer, plain, runs, shared, spans, width
from .tree import Numbers, Opaque, RefusedError, Thing

Code = float | None
"""What a value becomes; None: the source framework fails."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder makes of one column."""

    values: list[Any]
    """Categories without the missing one: all str, or all numbers or booleans."""
    codes: list[float]
    unknown: Code
    missing: Code

    @property
    def is_text(self) -> bool:
        """True for categories that are strings."""
        return any(isinstance(value, str) for value in self.values)

    @property
    def is_boolean(self) -> bool:
        """True for the categories False and True."""
        return bool(self.values) and all(isinstance(value, bool | np.bool_) for value in self.values)


def is_missing(value: Any) -> bool:
    """None, NaN and pandas' NA."""
    return value is None or is_nan(value) or (isinstance(value, Opaque) and "NAType" in value.what)


def _lists(thing: Thing, attribute: str, count: int) -> list[Any]:
    found = thing.need(attribute)
    if len(found) != count:
        raise RefusedError(f"{attribute} of {thing.name} is for {len(found)} columns, but {count} come in")
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in found]


def _encoding(categories: Sequence[Any], codes: Sequence[float], unknown: Code, missing: Code) -> Encoding:
    """`missing` counts only if the categories have no missing one."""
    values, own = [], []
    for value, code in zip(categories, codes, strict=True):
        if is_missing(value):
            missing = code
        else:
            values.append(value)
            own.append(float(code))
    is_text = [isinstance(value, str) for value in values]
    if any(is_text) and not all(is_text):
        raise RefusedError("a column's categories are strings and numbers at once; make them all strings")
    odd = [value for value in values if not isinstance(value, str | int | float | bool)]
    if odd:
        raise RefusedError(f"a category is {odd[0]!r}; expected strings, numbers or booleans")
    return Encoding(values, own, unknown, missing)


def encoded(rows: Rows, writer: Writer, encodings: Sequence[Encoding]) -> Rows:
    """Each column's number.  A step has one code for unknown values and one for missing ones."""
    out: list[Part] = []
    for part, span in spans(rows):
        traits = [_traits(part, i, encoding) for i, encoding in enumerate(encodings[span])]
        for run, inner in runs(part, traits):
            make = _categories if traits[inner.start][0] == "category" else _numbers
            out.append(make(run, writer, encodings[span][inner], *traits[inner.start]))
    return tuple(out)


def _traits(part: Part, i: int, encoding: Encoding) -> tuple[str, Any, Any]:
    """The type of a column, and its codes for what is unknown and missing, as JSON has them."""
    if isinstance(part, Block) and encoding.is_text:
        raise RefusedError(f"encodes strings ({encoding.values[0]!r} …) where numbers come in")
    if isinstance(part, Raw) and encoding.is_text:
        return "category", _json(encoding.unknown), _json(_of_missing(part.columns[i], encoding))
    kind = "boolean" if isinstance(part, Raw) and encoding.is_boolean else "number"
    return kind, _json(encoding.unknown), _json(encoding.missing)


def _of_missing(column: RawColumn, encoding: Encoding) -> Code:
    if column.fill is None:
        return encoding.missing
    return dict(zip(encoding.values, encoding.codes, strict=True)).get(column.fill, encoding.unknown)


def _categories(
    part: Part, writer: Writer, encodings: Sequence[Encoding], kind: str, unknown: Any, missing: Any
) -> Block:
    values, new_marks = [], []
    for column, encoding in zip(part.columns if isinstance(part, Raw) else (), encodings, strict=True):
        codes = dict(zip(encoding.values, encoding.codes, strict=True))
        alias = {sent: codes.get(meant, encoding.unknown) for sent, meant in column.recode.items()}
        codes |= {sent: code for sent, code in alias.items() if code is not None}
        writer.columns.category(column.index, codes, strict=encoding.unknown is None)
        of_missing = _of_missing(column, encoding)
        if of_missing is None:
            writer.columns.refuse(RawColumn(column.index).marks)
        known = writer.columns.columns[column.index].categories
        values.append([_json(codes.get(value, encoding.unknown)) for value in known])
        new_marks.append(_marks(column.index, encoding.unknown, of_missing))
    return writer.emit(part, "map", part.width, new_marks, kind=kind, values=values, unknown=unknown, missing=missing)


def _numbers(part: Part, writer: Writer, encodings: Sequence[Encoding], kind: str, unknown: Any, missing: Any) -> Block:
    new_marks: list[Marks] = []
    for mark, encoding in zip(part.marks, encodings, strict=True):
        if encoding.missing is None:
            writer.columns.refuse(mark)
        if encoding.unknown is None:
            writer.columns.note(
                f"{writer.label}: scikit-learn raises an error for a number that it has not seen in training; "
                "here such a number counts as none of the categories"
            )
            unknown = -1
        keeps = encoding.missing is None or is_nan(encoding.missing)
        new_marks.append(mark if keeps else frozenset())
    lists = [[plain(value) for value in encoding.values] for encoding in encodings]
    if all(encoding.codes == list(range(len(encoding.values))) for encoding in encodings):
        return writer.emit(
            part, "index", part.width, new_marks, kind=kind, values=lists, unknown=unknown, missing=missing
        )
    block = writer.emit(part, "index", part.width, new_marks, kind=kind, values=lists, unknown=-1, missing=None)
    codes = [[_json(code) for code in encoding.codes] for encoding in encodings]
    return writer.emit(block, "map", part.width, new_marks, values=codes, unknown=unknown, missing=missing)


def _marks(index: int, unknown: Code, missing: Code) -> Marks:
    found = set(RawColumn(index).marks) if missing is None or is_nan(missing) else set()
    return frozenset(found | ({(UNKNOWN, index)} if is_nan(unknown) else set()))


def _json(code: Code) -> float | int | None:
    return None if code is None or is_nan(code) else plain(code)


def one_hot_encoder(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """OneHotEncoder, with infrequent categories grouped and perhaps some left out."""
    categories = _lists(thing, "categories_", width(rows))
    fails = thing.get("handle_unknown", "error") == "error"
    groups_unknown = thing.get("handle_unknown") in ("infrequent_if_exist", "warn")
    grouping = thing.get("_default_to_infrequent_mappings") or [None] * len(categories)
    encodings, sizes = [], []
    for own, group in zip(categories, grouping, strict=True):
        codes = [int(code) for code in (range(len(own)) if group is None else group)]
        if len(codes) != len(own):
            raise RefusedError(f"groups {len(codes)} categories where there are {len(own)}")
        size = max(codes) + 1
        other: Code = None if fails else float(size - 1) if group is not None and groups_unknown else -1.0
        encodings.append(_encoding(own, codes, other, other))
        sizes.append(size)
    return one_hot(encoded(rows, writer, encodings), writer, sizes, _dropped(thing, len(sizes)))


def _dropped(thing: Thing, count: int) -> list[int | None] | None:
    drop = thing.get("_drop_idx_after_grouping")
    if drop is None:
        drop = thing.get("drop_idx_")
    if drop is None:
        return None
    if len(drop) != count:
        raise RefusedError(f"drops categories of {len(drop)} columns, but {count} come in")
    return [None if index is None or index < 0 else int(index) for index in drop]


def ordinal_encoder(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """OrdinalEncoder, with infrequent categories grouped."""
    categories = _lists(thing, "categories_", width(rows))
    unknown: Code = None
    if thing.get("handle_unknown", "error") == "use_encoded_value":
        unknown = float(thing.need("unknown_value"))
    of_missing = float(thing.get("encoded_missing_value", np.nan))
    grouping = thing.get("_default_to_infrequent_mappings") or [None] * len(categories)
    encodings = []
    for own, group in zip(categories, grouping, strict=True):
        codes = [float(code) for code in (range(len(own)) if group is None else group)]
        codes += [of_missing] * (len(own) - len(codes))  # a group has no place for the missing one, the last
        codes = [of_missing if is_missing(value) else code for value, code in zip(own, codes, strict=True)]
        encodings.append(_encoding(own, codes, unknown, unknown))
    return encoded(rows, writer, encodings)


def target_encoder(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """TargetEncoder for two classes or a regression."""
    if thing.get("target_type_") == "multiclass":
        raise RefusedError("TargetEncoder for more than two classes cannot be served; use OneHotEncoder")
    categories = _lists(thing, "categories_", width(rows))
    encodings = _lists(thing, "encodings_", width(rows))
    mean = float(np.asarray(thing.need("target_mean_")).reshape(()))
    made = [_encoding(own, codes, mean, mean) for own, codes in zip(categories, encodings, strict=True)]
    return encoded(rows, writer, made)


# ---- missing values


def simple_imputer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """SimpleImputer, with indicators after the values."""
    statistics = np.asarray(thing.need("statistics_"), dtype=object).tolist()
    if len(statistics) != width(rows):
        raise RefusedError(f"has values for {len(statistics)} columns, but {width(rows)} come in")
    missing = thing.get("missing_values", np.nan)
    indicator = thing.thing("indicator_") if thing.get("add_indicator") and thing.has("indicator_") else None
    kept = list(range(len(statistics)))
    if not thing.get("keep_empty_features"):  # a column without any value in training is left out
        kept = [i for i in kept if not is_missing(statistics[i])]
    values = [statistics[i] for i in kept]
    source = shared(rows) if indicator else rows
    chosen = writer.select(source, kept) if len(kept) < len(statistics) else source
    filled = _filled(chosen, writer, values, missing)
    return filled + missing_indicator(indicator, source, writer) if indicator else filled


def _filled(rows: Rows, writer: Writer, values: list[Any], missing: Any) -> Rows:
    out: list[Part] = []
    for part, span in spans(rows):
        own = values[span]
        for run, inner in runs(part, [isinstance(value, str) for value in own]):
            if isinstance(own[inner.start], str) and isinstance(run, Raw):
                out.append(_filled_categories(run, own[inner], missing))
            else:
                out.extend(_filled_numbers(run, writer, own[inner], missing))
    return tuple(out)


def _filled_categories(part: Raw, values: list[str], missing: Any) -> Raw:
    columns = []
    for column, value in zip(part.columns, values, strict=True):
        if is_missing(missing):
            columns.append(column if column.fill is not None else replace(column, fill=value))
        else:
            recode = {sent: value if meant == missing else meant for sent, meant in column.recode.items()}
            fill = value if column.fill == missing else column.fill
            columns.append(replace(column, fill=fill, recode={str(missing): value} | recode))
    return replace(part, columns=tuple(columns))


def _filled_numbers(part: Part, writer: Writer, values: list[Any], missing: Any) -> Rows:
    try:
        fill: Numbers = np.asarray([float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise RefusedError(f"replaces missing numbers by {values[0]!r}; expected a number") from error
    if is_missing(missing):
        return (writer.emit(part, "impute", part.width, [frozenset()] * part.width, value=fill),)
    if isinstance(missing, str):
        raise RefusedError(f"takes {missing!r} for missing where numbers come in; use NaN")
    # x where it is not the one that means "missing", else the fill: x + (fill − missing) · [x = missing]
    whole = shared((part,))
    marked = _equal(whole[0], writer, float(missing))
    kernel = np.concatenate([np.eye(part.width), np.diag(fill - float(missing))])
    return writer.dense((*whole, marked), kernel)


def _equal(part: Part, writer: Writer, value: float) -> Part:
    """1 where x is that value."""
    lists = [[plain(value)]] * part.width
    none = [frozenset[Any]()] * part.width
    block = writer.emit(part, "index", part.width, none, values=lists, unknown=-1, missing=-1)
    return writer.emit(block, "one_hot", part.width, none, sizes=[1] * part.width)


def missing_indicator(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """MissingIndicator: 1 where a value is missing, for the columns that had any in training."""
    missing = thing.get("missing_values", np.nan)
    chosen = writer.select(shared(rows), np.asarray(thing.need("features_")).tolist())
    out: list[Part] = []
    for part, _ in spans(chosen):
        if not is_missing(missing):
            if isinstance(missing, str):
                raise RefusedError(f"an indicator for {missing!r} cannot be served; use NaN for missing values")
            out.append(_equal(part, writer, float(missing)))
            continue
        kind = None  # of whatever type the column is, its number is NaN where it is missing
        out.append(writer.emit(part, "is_missing", part.width, [frozenset()] * part.width, kind=kind))
    return tuple(out)
