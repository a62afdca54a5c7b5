"""Schemathesis asks every route of the document, in and against its words: nothing it finds may be left.

Two checks know less than the document says in words, and are left out there: `positive_data_acceptance` where a body is
right for one model and not for another, a text has a grammar, or tensors' data must fit their shape; and
`negative_data_rejection` for texts, among which a wrong one may well be another right one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks as known

from model_packages import dense_network, identity_network, write_package
from pyapp import create_app

EXAMPLES = 4  # for each operation, mode and set of models
TOKEN = "s3cret-s3cret-s3cret"
WORDS = [{"op": "count_words", "input": "words", "vocabulary": ["good", "bad"], "norm": None}]
COLUMNS = [
    {"name": "age", "type": "number"},
    {"name": "member", "type": "boolean"},
    {"name": "country", "type": "category", "categories": ["France", "Spain"]},
    {"name": "remark", "type": "text", "missing": "empty"},
]
REMARK = [{"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good"], "norm": None}]
NETWORKS: dict[str, Any] = {
    "tensor": dense_network([3, 4, 2]),
    "table": identity_network([{"name": "person", "kind": "table", "columns": COLUMNS}], 4, REMARK),
    "text": identity_network([{"name": "words", "kind": "text"}], 2, WORDS),
}

CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503", "504"]}}}
)

for media_type in ("application/x-ndjson", "text/csv"):
    schemathesis.serializer.alias(media_type, "text/plain")
for media_type in ("application/zip", "image/png", "image/jpeg"):
    schemathesis.serializer.alias(media_type, "application/octet-stream")


def load(folder: Path, names: list[str]) -> Any:
    """The document of an app with these models, each in two versions."""
    for name in names:
        for version in (1, 2):
            write_package(folder / name / str(version), *NETWORKS[name])
    app = create_app({"SERVING_MODELS": folder, "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_JOURNAL": "digest"})
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=CONFIG)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it closes no file that it was sent
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("names", [["tensor"], ["table"], ["text"], [*NETWORKS]], ids="-".join)
def test_nothing_is_found(names: list[str], mode: GenerationMode, tmp_path: Path) -> None:
    found = []
    count = 0
    for result in load(tmp_path, names).get_all_operations():
        operation = result.ok()
        count += 1
        if mode is GenerationMode.NEGATIVE and not operation.body and len(names) < len(NETWORKS):
            continue  # what can be wrong about it is the same for all models, and slow to be found
        try:
            _ask(operation, mode, names)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # nothing about it can be wrong
        except BaseExceptionGroup as group:
            found.append(f"{operation.label}: {group}\n" + "\n".join(map(str, group.exceptions)))
    assert count > 40
    assert not found, "\n\n".join(found)


def _ask(operation: Any, mode: GenerationMode, names: list[str]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"} if operation.definition.raw.get("security") else {}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=list(_excluded(case, names)))

    ask()


def _excluded(case: Any, names: list[str]) -> Iterator[Any]:
    path, query = case.path, case.query or {}
    is_json = case.media_type in (None, "application/json")
    answers = any(status.startswith("2") for status in case.operation.definition.raw["responses"])
    one_way = len(names) == 1 and not {"version", "label"} <= set(query)
    is_plain = path == "/classify" or path.startswith("/api/")
    is_labelled = "/labels/" in path and path.startswith("/v1/")  # TensorFlow Serving calls an unknown label a 400
    if is_labelled or not (answers and is_json and (case.operation.method == "get" or (one_way and is_plain))):
        yield known.positive_data_acceptance
    if not is_json:
        yield known.negative_data_rejection
