"""TensorFlow Serving's REST API, /v1: predict, classify, regress, status and metadata; and the list that it lacks.

Its answers are kept, status codes and words too: whatever is no request of this API, a wrong verb included, is a 400,
and the words of its paths may be in any case.
"""

import json
import re
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import Rule

from pyapp.fastpath import TENSORFLOW_METHODS
from pyapp.serving.manifest import Description
from pyapp.serving.snapshot import Entry
from pyapp.serving.versions import State, UnknownVersionError, Version

from . import serving
from .bodies import read_body
from .predict import answer, find, with_version

bp = Blueprint("tensorflow", __name__)

SIGNATURE = "serving_default"
_DTYPES = {"number": "DT_DOUBLE", "boolean": "DT_BOOL", "category": "DT_STRING", "text": "DT_STRING"}

_REST = re.compile(
    "(models)(/[^/:]+)?(?:(/versions/)([0-9]+)|(/labels/)([^/:]+))?(:(?:predict|classify|regress)|/metadata)?", re.I
)
"""A path after /v1/: words and what stands between them, by turns."""


@bp.post("/v1/models/<model:name>:<any(predict, classify, regress):method>")
@bp.post("/v1/models/<model:name>/versions/<version:version>:<any(predict, classify, regress):method>")
@bp.post("/v1/models/<model:name>/labels/<model:label>:<any(predict, classify, regress):method>")
def predict(name: str, method: str, version: int | None = None, label: str | None = None) -> Response:
    """Rows, columns or examples in, `predictions`, `outputs` or `results` out.  The content type says nothing."""
    body = read_body()
    try:
        found = find(name, version, label, body)
    except UnknownVersionError as error:
        _check_request(method, body)  # TensorFlow Serving reads the body before it looks for the model
        raise _not_found(error, name, version, label) from None
    return answer(found, TENSORFLOW_METHODS[method], body)


@bp.get("/v1/models", strict_slashes=False)
def models() -> Response:
    """The names, as KServe lists them, and more of each: TensorFlow Serving has no such list."""
    entries = serving().registry.snapshot.models
    return jsonify(models=list(entries), details=[_detail(entry) for entry in entries.values()])


@bp.get("/v1/models/<model:name>")
@bp.get("/v1/models/<model:name>/versions/<version:version>")
@bp.get("/v1/models/<model:name>/labels/<model:label>")
def status(name: str, version: int | None = None, label: str | None = None) -> Response:
    """The state of every version, newest first, or of one."""
    entry, number = _resolve(name, version, label, f"Could not find {_which(version)} of model {name}")
    told: dict[str, Any] = {"model_version_status": [_status(found) for found in _versions(entry, number)]}
    if version is None and label is None:
        told["ready"] = entry.default is not None  # KServe's clients ask for that
    return with_version(jsonify(told), number or entry.default)


@bp.get("/v1/models/<model:name>/metadata")
@bp.get("/v1/models/<model:name>/versions/<version:version>/metadata")
@bp.get("/v1/models/<model:name>/labels/<model:label>/metadata")
def metadata(name: str, version: int | None = None, label: str | None = None) -> Response:
    """The signatures: names, types and shapes of inputs and outputs."""
    sought = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    entry, number = _resolve(name, version, label, f"Servable not found for request: {sought}")
    _versions(entry, number)
    number = entry.find(number).version
    reply = jsonify(
        model_spec={"name": name, "signature_name": "", "version": str(number)},
        metadata={"signature_def": {"signature_def": _signatures(entry.version(number).description)}},
    )
    return with_version(reply, number)


@bp.route("/v1/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False)
@bp.route("/v1/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def malformed(rest: str = "") -> ResponseReturnValue:
    """Everything else under /v1."""
    return _in_another_case(rest) or _malformed()


@bp.before_request
def refuse_options() -> None:
    """Flask would answer that by itself.  (Where other origins are let in, their questions are answered before.)"""
    if request.method == "OPTIONS":
        _malformed()


@bp.record
def _any_verb(state: BlueprintSetupState) -> None:
    """Verbs that nobody has foreseen, and /V1."""
    view = f"{state.name_prefix}.{state.name}.{malformed.__name__}".lstrip(".")
    for path in ("/v1/", "/v1/<path:rest>", "/V1/", "/V1/<path:rest>"):
        state.app.url_map.add(Rule(f"{state.url_prefix or ''}{path}", endpoint=view, strict_slashes=False))


def _malformed() -> ResponseReturnValue:
    raise BadRequest(f"Malformed request: {request.method} {request.path}")


def _in_another_case(rest: str) -> ResponseReturnValue | None:
    """What the path would answer with its words in lower case; None: it is no path of this API even so."""
    match = _REST.fullmatch(rest)
    if match is None:
        return None
    parts = match.groups(default="")
    lower = "".join(part if i % 2 else part.lower() for i, part in enumerate(parts))
    path = request.path.removesuffix(rest)[: -len("v1/")] + "v1/" + lower
    adapter = current_app.create_url_adapter(request)
    if path == request.path or adapter is None:
        return None
    try:
        view, arguments = adapter.match(path, request.method)
    except HTTPException:
        return None
    if view == request.endpoint:
        return None
    return current_app.ensure_sync(current_app.view_functions[view])(**arguments)  # type: ignore[no-any-return]


def _check_request(method: str, body: bytes) -> None:
    """Raises what the engine would say of a body that is no request for any model."""
    try:
        value, _ = json.JSONDecoder().raw_decode(body.decode().lstrip(" \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"JSON Parse error: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("JSON Parse error: the body is not an object")
    if not isinstance(value.get("signature_name", ""), str):
        raise BadRequest("JSON Value not formatted correctly. 'signature_name' key must be a string value.")
    if method != "predict":
        _check_examples(value)


def _check_examples(value: dict[str, Any]) -> None:
    """Of a classify or regress request all but the features' names and types is checked before the model."""
    if "examples" not in value:
        raise BadRequest("When method is classify or regress, key 'examples' is expected and was not found")
    examples = value["examples"]
    if not isinstance(examples, list):
        raise BadRequest("Expecting 'examples' to be a list/array")
    if not examples:
        raise BadRequest("No values in 'examples' array")
    if not isinstance(value.get("context", {}), dict):
        raise BadRequest("Expecting 'context' to be an object")
    for i, example in enumerate(examples):
        if not isinstance(example, dict):
            raise BadRequest(f"Failed to process element: {i} of 'examples' list. Error: Expecting an object")


def _not_found(error: UnknownVersionError, name: str, version: int | None, label: str | None) -> NotFound | BadRequest:
    """In TensorFlow Serving's words, with ours after them.  To it an unknown label is a bad argument, of any model."""
    if label is not None:
        return BadRequest(f"Unrecognized servable version label: {label}; {error}")
    sought = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return NotFound(f"Servable not found for request: {sought}; {error}")


def _which(version: int | None) -> str:
    return "any versions" if version is None else f"version {version}"


def _resolve(name: str, number: int | None, label: str | None, missing: str) -> tuple[Entry, int | None]:
    """The model, and the version that is meant; None: none in particular.  `missing`: what to say without the model."""
    entry = serving().registry.snapshot.models.get(name)
    try:
        if label is not None:
            number = serving().registry.snapshot.entry(name).find(label=label).version
    except UnknownVersionError as error:
        raise _not_found(error, name, None, label) from None
    if entry is None:
        raise NotFound(missing)
    return entry, number


def _versions(entry: Entry, number: int | None) -> tuple[Version, ...]:
    if number is None:
        return entry.versions
    versions = tuple(version for version in entry.versions if version.number == number)
    if not versions:
        raise NotFound(f"Could not find version {number} of model {entry.name}")
    return versions


def _status(version: Version) -> dict[str, Any]:
    """A version that failed to load has ended, with an error."""
    failed = version.state is State.FAILED
    return {
        "version": str(version.number),
        "state": "END" if failed else version.state,
        "status": {"error_code": "FAILED_PRECONDITION" if failed else "OK", "error_message": version.reason},
    }


def _detail(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "default": None if entry.default is None else str(entry.default),
        "labels": {label: str(number) for label, number in entry.labels().items()},
        "versions": [{"version": str(version.number), "state": version.state} for version in entry.versions],
    }


def _signatures(description: Description) -> dict[str, Any]:
    """What a model can be asked: to predict, and to classify or, where it answers with one number, to regress."""
    inputs = dict(tensor for item in description.inputs for tensor in _inputs(item))
    outputs = {item["name"]: _tensor(item["name"], "DT_FLOAT", item["shape"]) for item in description.outputs}
    signatures = {SIGNATURE: _signature("predict", inputs, outputs)}
    if description.task == "classification":
        count = [max(len(description.labels), description.outputs[0]["shape"][0])]
        classes = {
            "classes": _tensor("classes", "DT_STRING", count),
            "scores": _tensor("scores", "DT_FLOAT", count),
        }
        signatures["tensorflow/serving/classify"] = _signature("classify", inputs, classes)
    elif description.outputs[0]["shape"] == [1]:
        signatures["tensorflow/serving/regress"] = _signature(
            "regress", inputs, {"outputs": _tensor("outputs", "DT_FLOAT", [])}
        )
    return signatures


def _signature(method: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": outputs, "method_name": f"tensorflow/serving/{method}"}


def _inputs(item: dict[str, Any]) -> list[tuple[str, Any]]:
    """The tensors that an input is to clients: each column of a table is one."""
    if item["kind"] == "table":
        return [(column["name"], _tensor(column["name"], _DTYPES[column["type"]], [])) for column in item["columns"]]
    if item["kind"] == "text":
        return [(item["name"], _tensor(item["name"], "DT_STRING", []))]
    return [(item["name"], _tensor(item["name"], "DT_FLOAT", item["shape"]))]


def _tensor(name: str, dtype: str, shape: list[int]) -> dict[str, Any]:
    sizes = [-1, *shape]
    return {
        "dtype": dtype,
        "tensor_shape": {"dim": [{"size": str(size), "name": ""} for size in sizes], "unknown_rank": False},
        "name": name,
    }
