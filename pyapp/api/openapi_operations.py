"""What each view takes and answers: the table that the OpenAPI document is made from.  Words are in the docstrings."""

from dataclasses import dataclass, field
from typing import Any

from .admin import ACTOR_HEADER
from .openapi_schemas import STRING, VERSION, Schema, ref
from .predict import PRIORITY_HEADER, TIMEOUT_HEADER

JSON = "application/json"
LARGEST = 2**31 - 1
MAX_HOURS = 24 * 365


@dataclass(frozen=True, slots=True)
class Operation:
    """What a view takes and gives."""

    tag: str
    replies: dict[int, Schema | str | None] = field(default_factory=dict)
    """Status → schema of its JSON; or the media type of what is no JSON; None: no body."""
    errors: tuple[int, ...] = ()
    error_schema: str = "Error"
    parameters: tuple[Schema, ...] = ()
    body: str | None = None
    """The schema of its JSON; "classify", "predict", "infer": made from the models; "zip": a file."""
    is_body_optional: bool = False
    security: str | None = None
    """"admin", or "key" where keys are configured."""


def query(name: str, description: str, schema: Schema) -> Schema:
    """A query parameter; none is required."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def header(name: str, description: str, schema: Schema) -> Schema:
    """A header; none is required."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


_POSITIVE: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_EXPLANATION = (
    query("explain", "1: say what each input has contributed to the score", {"enum": ["0", "1", "false", "true"]}),
    query("method", "of the explanation", {"enum": ["integrated", "gradient"]}),
    query("steps", "of the integral", {"type": "integer", "minimum": 1, "maximum": 512}),
    query("target", "the label, or the number of an output, that is explained", {"type": "string"}),
)

_COMPUTING = (
    header(
        TIMEOUT_HEADER,
        "answered 504 once it is older than so many milliseconds",
        {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    ),
    header(
        PRIORITY_HEADER,
        "background: computed when no other waits",
        {"type": "string", "enum": ["interactive", "background"]},
    ),
    header("X-Request-ID", "repeated in the reply, and kept in logs and journal", STRING),
    header("X-Sticky-Key", "the same key has the same version answer while traffic is split", STRING),
)
_CHOICE = (
    query(
        "model",
        "the model's name; may be left out where there is only one, or a default (SERVING_DEFAULT_MODEL)",
        STRING,
    ),
    query("version", "default: as was decided, or the newest", _POSITIVE),
    query("label", "a label in place of a version", STRING),
    query("top", "the so many best labels, in place of all scores", _POSITIVE),
)
_ADMIN_ERRORS = (400, 401, 403, 404, 409, 503)
_ACTOR = (header(ACTOR_HEADER, "who decided this, for the audit", STRING),)


def _decision(body: str | None = None) -> Operation:
    return Operation(
        "Administration", {200: ref("Decided")}, _ADMIN_ERRORS, parameters=_ACTOR, body=body, security="admin"
    )


def _page(kind: str, *errors: int) -> Operation:
    return Operation("Page", {200: kind, 503: "text/plain"} if kind == "text/html" else {200: kind}, errors)


OPERATIONS: dict[str, Operation] = {
    "classify.classify": Operation(
        "Classify",
        {200: ref("Classified")},
        (400, 401, 404, 413, 415, 422, 429, 503, 504),
        parameters=(*_CHOICE, *_EXPLANATION, *_COMPUTING),
        body="classify",
        security="key",
    ),
    "tensorflow.predict": Operation(
        "TensorFlow Serving",
        {200: ref("Predictions")},
        (400, 401, 404, 413, 415, 429, 503, 504),
        "TensorflowError",
        _COMPUTING,
        "predict",
        security="key",
    ),
    "tensorflow.status": Operation("TensorFlow Serving", {200: ref("TensorflowStatus")}, (400, 404), "TensorflowError"),
    "tensorflow.metadata": Operation(
        "TensorFlow Serving", {200: ref("TensorflowMetadata")}, (400, 404, 503), "TensorflowError"
    ),
    "tensorflow.malformed": Operation("TensorFlow Serving", {}, (400, 401, 404, 413, 429), "TensorflowError"),
    "openinference.infer": Operation(
        "Open Inference",
        {200: ref("Inferred")},
        (400, 401, 404, 413, 415, 429, 503, 504),
        parameters=_COMPUTING,
        body="infer",
        security="key",
    ),
    "openinference.server": Operation("Open Inference", {200: ref("ServerMetadata")}),
    "openinference.live": Operation("Open Inference", {200: ref("Live")}),
    "openinference.ready": Operation("Open Inference", {200: ref("Ready"), 400: ref("Ready")}),
    "openinference.model": Operation("Open Inference", {200: ref("TensorMetadata")}, (404, 503)),
    "openinference.model_ready": Operation("Open Inference", {200: ref("Ready"), 400: ref("Ready")}, (404,)),
    "health.healthz": Operation("Models", {200: ref("Health"), 503: ref("Health")}),
    "models.models": Operation("Models", {200: ref("ModelList")}),
    "insight.compare": Operation(
        "Insight",
        {200: ref("Compared")},
        (400, 404, 503),
        parameters=(
            query("first", "a version; together with second", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
            query("second", "a version; together with first", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
        ),
    ),
    "insight.accuracy": Operation(
        "Insight",
        {200: ref("Accuracy")},
        (400, 404, 503),
        parameters=(query("hours", "how far back", {"type": "integer", "minimum": 1, "maximum": MAX_HOURS}),),
    ),
    "stats.stats": Operation("Insight", {200: ref("Stats")}),
    "drift.drift": Operation(
        "Insight",
        {200: ref("Drift")},
        (400, 404, 503),
        parameters=(query("version", "which; default: the one that answers", VERSION),),
    ),
    "insight.feedback": Operation(
        "Insight", {200: ref("Kept")}, (400, 401, 404, 413, 429, 503), body="FeedbackBody", security="key"
    ),
    "admin.promote": _decision("PromoteBody"),
    "admin.rollback": _decision(),
    "admin.put_label": _decision("LabelBody"),
    "admin.delete_label": _decision(),
    "admin.put_split": _decision("SplitBody"),
    "admin.delete_split": _decision(),
    "admin.put_shadow": _decision("ShadowBody"),
    "admin.delete_shadow": _decision(),
    "admin.put_policy": _decision("PolicyBody"),
    "admin.delete_policy": _decision(),
    "admin.audit": Operation("Administration", {200: ref("Audit")}, _ADMIN_ERRORS, security="admin"),
    "admin.reload": Operation("Administration", {200: ref("Reloaded")}, _ADMIN_ERRORS, security="admin"),
    "upload.put_version": Operation(
        "Administration", {201: ref("Stored")}, (400, 401, 403, 404, 409, 413, 422), body="zip", security="admin"
    ),
    "upload.delete_version": Operation("Administration", {200: ref("Stored")}, (401, 403, 404, 409), security="admin"),
    "metrics.metrics": Operation("Models", {200: "*/*"}),
    "tensorflow.models": Operation("TensorFlow Serving", {200: {"type": "object"}}),
    "openinference.config": Operation("Open Inference", {200: {"type": "object"}}, (400, 404, 503)),
    "repository.index": Operation("Open Inference", {200: {"type": "array"}}, (400, 401, 413, 429)),
    "repository.load": Operation("Open Inference", {200: None}, (400, 401, 403, 404, 409, 413, 503), security="admin"),
    "repository.unload": Operation(
        "Open Inference", {200: None}, (400, 401, 403, 404, 409, 413, 503), security="admin"
    ),
    "repository.statistics": Operation("Open Inference", {200: {"type": "object"}}, (400, 404, 503)),
    "openapi.document": Operation("Documents", {200: {"type": "object"}, 304: None}),
    "page.docs": _page("text/html"),
    "page.index": _page("text/html"),
    "page.asset": _page("*/*", 404),
    "page.root_file": _page("*/*", 404),
}
"""By `blueprint.view`."""

UNKNOWN = Operation("Other", {200: "*/*"})
"""A view that somebody added."""

BODIES: dict[str, Any] = {
    "zip": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}
"""What is neither JSON nor made from models."""
