"""TensorFlow Serving's REST API, /v1: predict, classify, regress, status and metadata; and the list that it lacks.

Its answers are kept, status codes and words too: whatever is no request of this API, a wrong verb included, is a 400.
"""

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from pyapp.fastpath import TENSORFLOW_METHODS
from pyapp.serving.manifest import Description
from pyapp.serving.snapshot import Entry
from pyapp.serving.versions import State, UnknownVersionError, Version

from . import serving
from .bodies import read_body
from .predict import answer, find, with_version

bp = Blueprint("tensorflow", __name__, url_prefix="/v1")

SIGNATURE = "serving_default"
_DTYPES = {"boolean": "DT_BOOL", "category": "DT_STRING", "text": "DT_STRING"}


@bp.post("/models/<model:name>:<any(predict, classify, regress):method>")
@bp.post("/models/<model:name>/versions/<version:version>:<any(predict, classify, regress):method>")
@bp.post("/models/<model:name>/labels/<model:label>:<any(predict, classify, regress):method>")
def predict(name: str, method: str, version: int | None = None, label: str | None = None) -> Response:
    """Rows, columns or examples in, `predictions`, `outputs` or `results` out.  The content type says nothing."""
    body = read_body()
    try:
        found = find(name, version, label, body)
    except UnknownVersionError as error:
        _check_request(body)  # TensorFlow Serving reads the body before it looks for the model
        raise _not_found(error, name, version, label) from None
    return answer(found, TENSORFLOW_METHODS[method], body)


@bp.get("/models", strict_slashes=False)
def models() -> Response:
    """The names, as KServe lists them, and more of each: TensorFlow Serving has no such list."""
    entries = serving().registry.snapshot.models
    return jsonify(models=list(entries), details=[_detail(entry) for entry in entries.values()])


@bp.get("/models/<model:name>")
@bp.get("/models/<model:name>/versions/<version:version>")
@bp.get("/models/<model:name>/labels/<model:label>")
def status(name: str, version: int | None = None, label: str | None = None) -> Response:
    """The state of every version, newest first, or of one."""
    entry, version = _resolve(name, version, label)
    reply = jsonify(model_version_status=[_status(found) for found in _versions(name, version)])
    return with_version(reply, version or entry.default)


@bp.get("/models/<model:name>/metadata")
@bp.get("/models/<model:name>/versions/<version:version>/metadata")
@bp.get("/models/<model:name>/labels/<model:label>/metadata")
def metadata(name: str, version: int | None = None, label: str | None = None) -> Response:
    """The signatures: names, types and shapes of inputs and outputs."""
    entry, version = _resolve(name, version, label)
    _versions(name, version)
    number = entry.find(version).version
    reply = jsonify(
        model_spec={"name": name, "signature_name": "", "version": str(number)},
        metadata={"signature_def": {"signature_def": _signatures(entry.version(number).description)}},
    )
    return with_version(reply, number)


@bp.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False)
@bp.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def malformed(rest: str = "") -> Response:
    """Everything else under /v1."""
    raise BadRequest(f"Malformed request: {request.method} {request.path}")


def _check_request(body: bytes) -> None:
    """Raises what the engine would say of a body that is no request for any model."""
    try:
        value, _ = json.JSONDecoder().raw_decode(body.decode().lstrip(" \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"JSON Parse error: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("JSON Parse error: the body is not an object")
    if not isinstance(value.get("signature_name", ""), str):
        raise BadRequest("JSON Value not formatted correctly. 'signature_name' key must be a string value.")


def _not_found(error: UnknownVersionError, name: str, version: int | None, label: str | None) -> NotFound | BadRequest:
    """In TensorFlow Serving's words, with ours after them.  To it an unknown label is a bad argument."""
    if label is not None and name in serving().registry.snapshot.models:
        return BadRequest(f"Unrecognized servable version label: {label}; {error}")
    sought = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return NotFound(f"Servable not found for request: {sought}; {error}")


def _resolve(name: str, number: int | None, label: str | None) -> tuple[Entry, int | None]:
    """The model, and the version that is meant; None: none in particular."""
    entry = serving().registry.snapshot.models.get(name)
    if entry is None:
        raise NotFound(f"Could not find any versions of model {name}")
    if label is not None:
        try:
            number = entry.find(label=label).version
        except UnknownVersionError as error:
            raise _not_found(error, name, None, label) from None
    return entry, number


def _versions(name: str, number: int | None) -> tuple[Version, ...]:
    versions = serving().registry.snapshot.entry(name).versions
    if number is not None:
        versions = tuple(version for version in versions if version.number == number)
        if not versions:
            raise NotFound(f"Could not find version {number} of model {name}")
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
        return [
            (column["name"], _tensor(column["name"], _DTYPES.get(column["type"], "DT_FLOAT"), []))
            for column in item["columns"]
        ]
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
