"""The answers of /classify as CSV (RFC 4180): a header, then a line for each row that was asked about."""

import csv
import json
from io import StringIO
from typing import Any

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"


def to_csv(reply: bytes, labels: list[str]) -> str:
    """`reply`: the JSON of /classify; `labels`: the model's.

    Columns: `label,score` and every label with its score; with ?top=K instead `label_2,score_2,…` for the next best.
    A regression has `value`, or `value_1,value_2,…`.
    """
    told = json.loads(reply)
    results: list[dict[str, Any]] = told.get("results", [told])
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_header(results[0], labels))
    writer.writerows(_cells(result) for result in results)
    return text.getvalue()


def _header(result: dict[str, Any], labels: list[str]) -> list[str]:
    if "value" in result:
        return ["value"]
    if "values" in result:
        return [f"value_{i}" for i in range(1, len(result["values"]) + 1)]
    if "top" in result:
        further = range(2, len(result["top"]) + 1)
        return ["label", "score", *(name for i in further for name in (f"label_{i}", f"score_{i}"))]
    return ["label", "score", *(labels or map(str, range(len(result["scores"]))))]


def _cells(result: dict[str, Any]) -> list[Any]:
    if "value" in result:
        return [result["value"]]
    if "values" in result:
        return list(result["values"])
    if "top" in result:
        return [cell for one in result["top"] for cell in (one["label"], one["score"])]
    return [result["label"], result["score"], *result["scores"]]
