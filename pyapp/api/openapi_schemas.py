"""The shapes of what the API answers and of the small bodies that it takes, as JSON schemas.

What models take is in openapi_inputs.
"""

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
ANY_OBJECT: Schema = {"type": "object", "additionalProperties": True}
VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1, "examples": [1]}


def array(items: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items}


def ref(name: str, kind: str = "schemas") -> Schema:
    """Another one of the components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any) -> Schema:
    """An object with these members."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required), **more}


def body(**members: Schema) -> Schema:
    """An object that has all of these members, and no others."""
    return record(members, additionalProperties=False)


def nullable(schema: Schema) -> Schema:
    """Or null."""
    return {"anyOf": [schema, {"type": "null"}]}


_ANSWER = {
    "label": {**STRING, "description": "of a classification: the best one"},
    "score": {**NUMBER, "description": "the best label's"},
    "scores": {**array(NUMBER), "description": "of every label, in the order of the model's labels"},
    "top": {**array(body(label=STRING, score=NUMBER)), "description": "with ?top=K, instead of scores: the best ones"},
    "value": {**NUMBER, "description": "of a regression with one output"},
    "values": {**array(NUMBER), "description": "of a regression with several"},
    "explanation": {**ANY_OBJECT, "description": "with ?explain=1: what each input has contributed (docs/explain.md)"},
}

_TENSOR = record(
    {"name": STRING, "datatype": STRING, "shape": array(INTEGER)}, {"data": {"type": "array"}, "parameters": ANY_OBJECT}
)

SCHEMAS: dict[str, Schema] = {
    "Error": record(
        {"error": {**STRING, "description": "what is wrong, and what would be right"}},
        {
            "where": {**STRING, "description": "JSON pointer, ?parameter or header that it is about"},
            "offset": {**COUNT, "description": "byte of the body at which it was seen"},
        },
    ),
    "Answer": record({}, _ANSWER, description="the answer to one row"),
    "Classified": record(
        {"model": STRING, "version": VERSION},
        {**_ANSWER, "results": {**array(ref("Answer")), "description": "one for each row, where rows were sent"}},
    ),
    "Column": record(
        {"name": STRING, "type": {"enum": ["number", "boolean", "category", "text"]}}, {"categories": array(STRING)}
    ),
    "ModelInput": record(
        {
            "name": STRING,
            "kind": {"enum": ["tensor", "table", "text"]},
            "shape": {**array(COUNT), "description": "one row, without the batch"},
            "takes_image": {"type": "boolean"},
        },
        {"columns": array(ref("Column"))},
    ),
    "ModelVersion": record(
        {
            "version": VERSION,
            "state": {"enum": ["START", "LOADING", "AVAILABLE", "UNLOADING", "END", "FAILED"]},
            "reason": {**STRING, "description": "why it is not available"},
            "nbytes": COUNT,
            "task": STRING,
            "description": STRING,
            "inputs": array(ref("ModelInput")),
            "outputs": array(record({"name": STRING, "shape": array(COUNT)})),
            "labels": array(STRING),
            "parameters": {**COUNT, "description": "numbers learnt in training"},
            "provenance": ANY_OBJECT,
        }
    ),
    "Model": record(
        {
            "name": STRING,
            "default": {**nullable(VERSION), "description": "the version that answers when none is asked for"},
            "labels": {"type": "object", "additionalProperties": VERSION},
            "versions": {**array(ref("ModelVersion")), "description": "newest first"},
        }
    ),
    "ModelList": record({"models": array(ref("Model"))}),
    "Health": record({"status": {"enum": ["ok", "unavailable"]}, "models": ref("Versions")}),
    "Versions": {"type": "object", "additionalProperties": array(VERSION)},
    "Reloaded": record({"models": ref("Versions")}),
    "PromoteBody": body(version={"anyOf": [VERSION, {"const": "newest"}]}),
    "LabelBody": body(version=VERSION),
    "SplitBody": body(shares={"type": "object", "additionalProperties": PERCENT, "examples": [{"1": 90, "2": 10}]}),
    "ShadowBody": body(target={"anyOf": [STRING, INTEGER]}, percent={**PERCENT, "exclusiveMinimum": 0}),
    "PolicyBody": body(policy={**STRING, "examples": ["latest:2", "all", "1,3"]}),
    "Decided": record(
        {
            "model": STRING,
            "default": nullable(VERSION),
            "labels": {"type": "object", "additionalProperties": VERSION},
            "routing": {**ANY_OBJECT, "description": "all that is decided about the model"},
        }
    ),
    "Audit": record(
        {
            "audit": array(
                record(
                    {
                        "at": {**STRING, "format": "date-time"},
                        "who": STRING,
                        "action": STRING,
                        "before": nullable(ANY_OBJECT),
                        "after": nullable(ANY_OBJECT),
                    }
                )
            )
        }
    ),
    "Compared": record(
        {
            "model": STRING,
            "compared": array(record({"versions": array(COUNT), "requests": COUNT, "rows": COUNT})),
        }
    ),
    "Accuracy": record(
        {
            "model": STRING,
            "versions": array(
                record(
                    {
                        "version": VERSION,
                        "rows": COUNT,
                        "right": COUNT,
                        "over_time": array(record({"from": STRING, "rows": COUNT, "right": COUNT})),
                    }
                )
            ),
        }
    ),
    "Drift": record(
        {
            "model": STRING,
            "version": VERSION,
            "rows": {**COUNT, "description": "answered so far"},
            "sampled": {**COUNT, "description": "of those, put into bins"},
            "trained_rows": COUNT,
            "level": ref("DriftLevel"),
            "features": array(
                record(
                    {
                        "name": STRING,
                        "psi": NUMBER,
                        "level": ref("DriftLevel"),
                        "expected": array(NUMBER),
                        "seen": array(NUMBER),
                    },
                    {"index": COUNT, "edges": array(NUMBER)},
                )
            ),
            "label": nullable(record({"psi": NUMBER, "level": ref("DriftLevel"), "labels": ANY_OBJECT})),
        }
    ),
    "Stats": record(
        {
            "models": array(
                record(
                    {
                        "model": STRING,
                        "version": COUNT,
                        "rows": COUNT,
                        "requests": ANY_OBJECT,
                        "batch_rows": ANY_OBJECT,
                        "times_ms": ANY_OBJECT,
                    }
                )
            )
        },
        additionalProperties=True,
    ),
    "DriftLevel": {"enum": ["unknown", "stable", "moderate", "large"]},
    "FeedbackBody": {
        "anyOf": [
            record({"request_id": {**STRING, "minLength": 1}, "label": ref("TrueLabel")}, {"row": COUNT}),
            record(
                {
                    "request_id": {**STRING, "minLength": 1},
                    "labels": {**array(ref("TrueLabel")), "minItems": 1, "maxItems": 10_000},
                },
                {"row": COUNT},
            ),
        ]
    },
    "TrueLabel": {"anyOf": [{**STRING, "maxLength": 256}, NUMBER]},
    "Kept": record({"kept": array(ANY_OBJECT)}),
    "Stored": record({"model": STRING, "version": VERSION}),
    "TensorflowError": record({"error": STRING}),
    "Predictions": {
        "anyOf": [record({"predictions": {"type": "array"}}), record({"outputs": {}})],
        "description": "predictions for instances, outputs for inputs",
    },
    "TensorflowStatus": record(
        {
            "model_version_status": array(
                record(
                    {
                        "version": STRING,
                        "state": STRING,
                        "status": record({"error_code": STRING, "error_message": STRING}),
                    }
                )
            )
        },
        {"ready": {"type": "boolean", "description": "of a model as a whole: can it answer?  For KServe's clients"}},
    ),
    "TensorflowMetadata": record({"model_spec": ANY_OBJECT, "metadata": ANY_OBJECT}),
    "Inferred": record({"model_name": STRING, "model_version": STRING, "outputs": array(_TENSOR)}, {"id": STRING}),
    "ServerMetadata": record({"name": STRING, "version": STRING, "extensions": array(STRING)}),
    "Live": record({"live": {"type": "boolean"}}),
    "Ready": record({"ready": {"type": "boolean"}}, {"name": STRING}),
    "TensorMetadata": record(
        {
            "name": STRING,
            "versions": array(STRING),
            "platform": STRING,
            "inputs": array(_TENSOR),
            "outputs": array(_TENSOR),
        }
    ),
}
