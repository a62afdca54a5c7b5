"""GET /openapi.json: the API as an OpenAPI 3.1 document, made from the app's routes and the models that it serves.

Paths and methods come from the app's rules, words from the views' docstrings, statuses and shapes from OPERATIONS, and
what each model takes from its manifest.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, current_app, json, request
from werkzeug.routing import Rule

from pyapp.request_id import REQUEST_ID_HEADER
from pyapp.serving.snapshot import Snapshot

from . import errors, lines, serving
from .openapi_inputs import Body, ModelInput, inputs_of
from .openapi_operations import BODIES, JSON, OPERATIONS, UNKNOWN, Operation
from .openapi_schemas import SCHEMAS, STRING, Schema, ref

bp = Blueprint("openapi", __name__)

TITLE = "Flask Serving"
API_VERSION = "1"
MAX_VERSION = 10**18 - 1

_ARGUMENT = re.compile(r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>")
_INPUT_KINDS: dict[str, tuple[str, Callable[[ModelInput], Body]]] = {
    "classify": ("Input", ModelInput.classify),
    "predict": ("Predict", ModelInput.predict),
    "infer": ("Infer", ModelInput.infer),
}
_PICTURES = ("image/png", "image/jpeg")


@bp.get("/openapi.json")
def document() -> Response:
    """The API, as the document that you read."""
    snapshot, known = serving().registry.snapshot, current_app.extensions.get("serving.openapi")
    if known is None or known[0] is not snapshot:
        needs_key = bool(serving().config.api_keys.strip())
        text = json.dumps(build(current_app, snapshot, needs_key), separators=(",", ":"))
        current_app.extensions["serving.openapi"] = known = (snapshot, text)
    response = Response(known[1], content_type=JSON)
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def build(app: Flask, snapshot: Snapshot, needs_key: bool = False) -> dict[str, Any]:
    """The document for the models of that snapshot."""
    inputs = inputs_of(snapshot)
    bodies = _input_components(inputs)
    paths: dict[str, dict[str, Any]] = {}
    prefix, named = "", set()
    for rule, view in views(app):
        if view == "openapi.document":
            prefix = rule.rule.removesuffix("/openapi.json")
    for rule, view in sorted(views(app), key=lambda found: found[0].rule):
        path = _ARGUMENT.sub(r"{\1}", rule.rule.removeprefix(prefix))
        item = paths.setdefault(path, {})
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for method in methods:
            function = inspect.unwrap(app.view_functions[rule.endpoint])
            told = _operation(OPERATIONS.get(view, UNKNOWN), rule, function.__doc__ or "", inputs, snapshot, needs_key)
            name = "_".join([*view.split("."), *(["of", *_choosers(rule)] if _choosers(rule) else [])])
            name = name if (name, method) not in named else f"{name}_all"  # the same view, of all models
            named.add((name, method))
            item[method.lower()] = {"operationId": f"{name}_{method.lower()}" if len(methods) > 1 else name, **told}
    tags = sorted({operation["tags"][0] for item in paths.values() for operation in item.values()})
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": API_VERSION, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **{name: body.schema for name, body in bodies.items()}},
            "examples": {name: {"value": body.example} for name, body in bodies.items() if body.example is not None},
            "responses": _errors(),
            "parameters": _headers(),
            "securitySchemes": {
                "admin": {"type": "http", "scheme": "bearer", "description": "the server's SERVING_ADMIN_TOKEN"},
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "one of SERVING_API_KEYS",
                },
                "bearerKey": {"type": "http", "scheme": "bearer", "description": "one of SERVING_API_KEYS"},
            },
        },
    }


def views(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule of ours with its `blueprint.view`, also where our blueprints lie within another app's; but those that
    take any verb, and refuse it.
    """
    own = {f"{name}." for name in _blueprints()}
    for rule in app.url_map.iter_rules():
        view = ".".join(rule.endpoint.split(".")[-2:])
        if rule.methods is not None and any(view.startswith(name) for name in own):
            yield rule, view


def _blueprints() -> set[str]:
    from . import modules

    return {blueprint.name for blueprint in modules()}


def _choosers(rule: Rule) -> list[str]:
    """What chooses one of the rules of a view, for names that differ."""
    return sorted(rule.arguments & {"version", "label", "rest"})


# ------------------------------------------------------------------------------------------------------- operations


def _operation(
    operation: Operation, rule: Rule, words: str, inputs: dict[str, ModelInput], snapshot: Snapshot, needs_key: bool
) -> dict[str, Any]:
    first, _, rest = inspect.cleandoc(words).partition("\n")
    told: dict[str, Any] = {"tags": [operation.tag], "summary": first.strip().rstrip(".")}
    if rest.strip():
        told["description"] = rest.strip()
    parameters = [_argument(name, rule, snapshot) for name in _ARGUMENT.findall(rule.rule)]
    parameters += [
        ref(parameter["name"], "parameters") if parameter["in"] == "header" else _with_models(parameter, snapshot)
        for parameter in operation.parameters
    ]
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": _content(operation.body, inputs)}
    told["responses"] = _responses(operation)
    if operation.security == "admin":
        told["security"] = [{"admin": []}]
    elif operation.security == "key" and needs_key:
        told["security"] = [{"key": []}, {"bearerKey": []}]
    return told


def _argument(name: str, rule: Rule, snapshot: Snapshot) -> Schema:
    """A part of the path."""
    converter = type(rule._converters[name]).__name__
    schema: Schema = STRING
    if converter == "VersionNumber":
        schema = {"type": "integer", "minimum": 0, "maximum": MAX_VERSION}
    elif converter == "AnyConverter":
        schema = {"type": "string", "enum": sorted(rule._converters[name].items)}  # type: ignore[attr-defined]
    elif converter == "ModelName":
        schema = {"type": "string", "pattern": "^[^/:]+$"}
    return _with_models({"name": name, "in": "path", "required": True, "schema": schema}, snapshot)


def _with_models(parameter: Schema, snapshot: Snapshot) -> Schema:
    """Names which models there are, where it is one that is asked for."""
    is_model = parameter["name"] == "model" or (parameter["name"] == "name" and "pattern" in parameter["schema"])
    if is_model and snapshot.models:
        parameter = {**parameter, "examples": {name: {"value": name} for name in snapshot.models}}
    if parameter["name"] == "model" and snapshot.default_model:
        parameter = {**parameter, "schema": {**parameter["schema"], "default": snapshot.default_model}}
    return parameter


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, shape in operation.replies.items():
        reply: dict[str, Any] = {"description": errors.title(status)}
        if isinstance(shape, str):
            reply["content"] = {shape: {}}
        elif shape is not None:
            reply["content"] = {JSON: {"schema": shape}}
        if operation.body in _INPUT_KINDS:
            reply["headers"] = {"X-Model-Version": {"schema": STRING, "description": "the version that answered"}}
        if operation.body == "classify":
            reply["content"] |= {"text/csv": {"schema": STRING}, lines.CONTENT_TYPES[0]: {"schema": STRING}}
        responses[str(status)] = reply
    for status in operation.errors:
        responses.setdefault(str(status), ref(f"{operation.error_schema}{status}", "responses"))
    if operation is UNKNOWN:
        responses["default"] = {"description": "an error", "content": {JSON: {"schema": ref("Error")}}}
    return responses


def _errors() -> dict[str, Any]:
    """What goes wrong in several operations."""
    return {
        f"{operation.error_schema}{status}": {
            "description": errors.title(status),
            "headers": {REQUEST_ID_HEADER: {"schema": STRING, "description": "to find it in the server's log"}},
            "content": {JSON: {"schema": ref(operation.error_schema)}},
        }
        for operation in OPERATIONS.values()
        for status in operation.errors
    }


def _headers() -> dict[str, Schema]:
    return {
        parameter["name"]: parameter
        for operation in OPERATIONS.values()
        for parameter in operation.parameters
        if parameter["in"] == "header"
    }


# ------------------------------------------------------------------------------------------------------------ bodies


def _content(body: str, inputs: dict[str, ModelInput]) -> dict[str, Any]:
    if body in BODIES:
        return dict(BODIES[body])
    if body not in _INPUT_KINDS:
        return {JSON: {"schema": ref(body)}}
    prefix, make = _INPUT_KINDS[body]
    names = [f"{prefix}_{name}" for name in inputs]
    json_body: dict[str, Any] = {"schema": {"anyOf": [ref(name) for name in names]} if names else {}}
    examples = {
        name: ref(f"{prefix}_{name}", "examples") for name, found in inputs.items() if make(found).example is not None
    }
    if examples:
        json_body["examples"] = examples
    content = {JSON: json_body}
    if body == "classify":
        content |= _other_ways(inputs)
    return content


def _other_ways(inputs: dict[str, ModelInput]) -> dict[str, Any]:
    """What /classify takes besides JSON."""
    field = {"type": "object", "additionalProperties": STRING}
    content: dict[str, Any] = {
        "application/x-www-form-urlencoded": {"schema": {**field, "description": "`data`, or a table's columns"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"data": {"description": "a picture or CSV file, or numbers in text"}},
                "additionalProperties": True,
            }
        },
        "text/csv": {"schema": {**STRING, "description": "a row a line; a table's columns may be named in the first"}},
        "text/plain": {"schema": {**STRING, "description": "as text/csv"}},
        "application/octet-stream": {"schema": {"description": "float32, little-endian"}},
        lines.CONTENT_TYPES[0]: {
            "schema": {
                **STRING,
                "description": "a row, record or text as JSON on each line, of any number; answered a line each",
            }
        },
    }
    if any(found.takes_image for found in inputs.values()):
        content |= {kind: {"schema": {"description": "the picture"}} for kind in _PICTURES}
    return content


def _input_components(inputs: dict[str, ModelInput]) -> dict[str, Body]:
    return {f"{prefix}_{name}": make(found) for prefix, make in _INPUT_KINDS.values() for name, found in inputs.items()}
