"""The shapes of what the API answers and of the small bodies that it takes, as JSON schemas.

What models take is in openapi_inputs.
"""

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
POINTS: Schema = {"type": "integer", "minimum": 0, "maximum": 10_000, "description": "hundredths of a percent"}
TIME: Schema = {"type": "string", "format": "date-time"}
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


def pair(items: Schema) -> Schema:
    """Two of these."""
    return {"type": "array", "prefixItems": [items, items], "minItems": 2, "maxItems": 2}


def by_name(values: Schema) -> Schema:
    """An object with such members, whatever their names are."""
    return {"type": "object", "additionalProperties": values}


_ANSWER = {
    "label": {**STRING, "description": "of a classification: the best one"},
    "score": {**NUMBER, "description": "the best label's"},
    "scores": {**array(NUMBER), "description": "of every label, in the order of the model's labels"},
    "top": {**array(body(label=STRING, score=NUMBER)), "description": "with ?top=K, instead of scores: the best ones"},
    "value": {**NUMBER, "description": "of a regression with one output"},
    "values": {**array(NUMBER), "description": "of a regression with several"},
    "explanation": {**ref("Explanation"), "description": "with ?explain=1: what each input has contributed"},
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
    "Explanation": record(
        {
            "method": {"enum": ["integrated", "gradient"]},
            "steps": COUNT,
            "score": {**nullable(NUMBER), "description": "what is explained"},
            "baseline_score": {**nullable(NUMBER), "description": "that of a row of zeros, as the network sees it"},
            "sum": {**nullable(NUMBER), "description": "of all contributions"},
            "contributions": {
                "anyOf": [ref("Contribution"), by_name(ref("Contribution"))],
                "description": "of a tensor or text alone; else by column or input",
            },
        },
        {
            "label": {**STRING, "description": "of a classification: whose score it is"},
            "output": {**COUNT, "description": "of a regression: the number of the value"},
        },
        description="how much each input has added to a score (docs/explain.md)",
    ),
    "Contribution": {
        "anyOf": [nullable(NUMBER), array(nullable(NUMBER)), array(ref("Term"))],
        "description": "of a number; of each number of a tensor; of the terms of a text",
    },
    "Term": record(
        {"contribution": nullable(NUMBER)}, {"term": STRING, "index": {**COUNT, "description": "of a hashed term"}}
    ),
    "Column": record(
        {"name": STRING, "type": {"enum": ["number", "boolean", "category", "text"]}},
        {
            "categories": array(STRING),
            "missing": {
                "anyOf": [STRING, NUMBER],
                "description": "what becomes of a value that is not there; left out, or error: none may be missing",
            },
        },
    ),
    "ModelInput": record(
        {
            "name": STRING,
            "kind": {"enum": ["tensor", "table", "text"]},
            "shape": {**array(COUNT), "description": "one row, without the batch"},
            "takes_image": {"type": "boolean"},
        },
        {
            "columns": {**array(ref("Column")), "description": "of a table"},
            "image": {
                **record({"height": COUNT, "width": COUNT, "channels": COUNT}),
                "description": "what a picture becomes",
            },
        },
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
            "labels": {**by_name(VERSION), "description": "the version that answers for each"},
            "routing": ref("Routing"),
            "versions": {**array(ref("ModelVersion")), "description": "newest first"},
        }
    ),
    "Routing": record(
        {
            "promoted": {**array(VERSION), "description": "the newest first; none: the newest version answers"},
            "labels": {**by_name(array(VERSION)), "description": "the versions that each has meant, the newest first"},
            "split": {**nullable(by_name(POINTS)), "description": "by version or label"},
            "shadow": nullable(record({"target": {**STRING, "description": "version or label"}, "points": POINTS})),
            "policy": {**nullable(STRING), "description": "which versions are served; null: as configured"},
        },
        description="what people have decided about a model",
    ),
    "ModelList": record({"models": array(ref("Model"))}),
    "Health": record({"status": {"enum": ["ok", "unavailable"]}, "models": ref("Versions")}),
    "Versions": by_name(array(VERSION)),
    "Reloaded": record({"models": ref("Versions")}),
    "PromoteBody": body(version={"anyOf": [VERSION, {"const": "newest"}]}),
    "LabelBody": body(version=VERSION),
    "SplitBody": body(shares={**by_name(PERCENT), "examples": [{"1": 90, "2": 10}]}),
    "ShadowBody": body(target={"anyOf": [STRING, INTEGER]}, percent={**PERCENT, "exclusiveMinimum": 0}),
    "PolicyBody": body(policy={**STRING, "examples": ["latest:2", "all", "1,3"]}),
    "Decided": record(
        {
            "model": STRING,
            "default": nullable(VERSION),
            "labels": by_name(VERSION),
            "routing": ref("Routing"),
        }
    ),
    "Audit": record({"audit": {**array(ref("Change")), "description": "newest first"}}),
    "Change": record(
        {
            "at": TIME,
            "who": STRING,
            "action": STRING,
            "before": nullable(ref("Routing")),
            "after": nullable(ref("Routing")),
        }
    ),
    "Compared": record({"model": STRING, "compared": array(ref("Comparison"))}),
    "Comparison": record(
        {
            "versions": pair(COUNT),
            "requests": COUNT,
            "rows": COUNT,
            "agreement": {**nullable(SHARE), "description": "rows to which both say the same; null: no rows"},
            "mean_distance": nullable(NUMBER),
            "distance": {
                **array(record({"at_most": nullable(NUMBER), "rows": COUNT})),
                "description": "rows by how far their scores are apart; null: beyond all bounds",
            },
            "confusion": {**by_name(by_name(COUNT)), "description": "the first's label, the second's, rows"},
            "accuracy": {**nullable(pair(SHARE)), "description": "of rows whose truth was told"},
            "first": ref("ComparedSide"),
            "second": ref("ComparedSide"),
        },
        description="two versions on the same rows",
    ),
    "ComparedSide": record(
        {
            "errors": COUNT,
            "last_error": STRING,
            "mean_ms": nullable(NUMBER),
            "p50_ms": nullable(NUMBER),
            "p99_ms": nullable(NUMBER),
        }
    ),
    "Accuracy": record({"model": STRING, "versions": array(ref("VersionAccuracy"))}),
    "VersionAccuracy": record(
        {
            "version": VERSION,
            "rows": {**COUNT, "description": "whose truth was told"},
            "right": COUNT,
            "over_time": array(record({"from": TIME, "rows": COUNT, "right": COUNT})),
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
            "features": {**array(ref("FeatureDrift")), "description": "the largest drift first"},
            "label": nullable(ref("LabelDrift")),
        }
    ),
    "FeatureDrift": record(
        {
            "name": STRING,
            "psi": {**NUMBER, "description": "population stability index"},
            "level": ref("DriftLevel"),
            "expected": {**array(SHARE), "description": "in training: by bin, then missing values"},
            "seen": array(SHARE),
        },
        {"index": {**COUNT, "description": "in a tensor"}, "edges": array(NUMBER)},
    ),
    "LabelDrift": record(
        {
            "psi": NUMBER,
            "level": ref("DriftLevel"),
            "labels": by_name(record({"expected": SHARE, "seen": SHARE})),
        }
    ),
    "Stats": record(
        {
            "requests": COUNT,
            "rows": COUNT,
            "batches": COUNT,
            "rejected": {**COUNT, "description": "as too many waited"},
            "expired": {**COUNT, "description": "as they waited too long"},
            "cancelled": COUNT,
            "queued_rows": {**COUNT, "description": "that wait now"},
            "running": {**COUNT, "description": "batches now"},
            "models": array(ref("VersionStats")),
        },
        description="counts since the server started",
    ),
    "VersionStats": record(
        {
            "model": STRING,
            "version": COUNT,
            "rows": COUNT,
            "requests": {**by_name(COUNT), "description": "by outcome: OK, or what was wrong"},
            "batch_rows": ref("Summary"),
            "times_ms": {**by_name(ref("Summary")), "description": "by step of a request"},
        }
    ),
    "Summary": record(
        {"count": COUNT, "mean": nullable(NUMBER), "p50": nullable(NUMBER), "p99": nullable(NUMBER)},
        description="of what was counted; null: nothing was",
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
    "Kept": record(
        {
            "kept": array(
                record({"row": COUNT, "model": STRING, "version": VERSION, "predicted": STRING, "actual": STRING})
            )
        }
    ),
    "Stored": record({"model": STRING, "version": VERSION}),
    "TensorflowError": record({"error": STRING}),
    "Predictions": {
        "anyOf": [
            record({"predictions": {"type": "array"}}),
            record({"outputs": {}}),
            record({"results": {"type": "array"}}),
        ],
        "description": "predictions for instances, outputs for inputs; results of :classify and :regress",
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
