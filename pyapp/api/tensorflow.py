"""TensorFlow Serving's REST API, /v1: predict, status and metadata.

Its answers are kept, status codes and words too: whatever is no request of this API, a wrong verb included, is a 400.
"""

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from pyapp.serving.versions import State, UnknownVersionError, Version

from . import serving
from .bodies import read_body
from .predict import answer, find

bp = Blueprint("tensorflow", __name__, url_prefix="/v1")

SIGNATURE = "serving_default"


@bp.post("/models/<model:name>:predict")
@bp.post("/models/<model:name>/versions/<version:version>:predict")
@bp.post("/models/<model:name>/labels/<model:label>:predict")
def predict(name: str, version: int | None = None, label: str | None = None) -> Response:
    """Rows (`instances`) or columns (`inputs`) in, `predictions` or `outputs` out.  The content type says nothing."""
    body = read_body()
    try:
        found = find(name, version, label, body)
    except UnknownVersionError as error:
        _check_request(body)  # TensorFlow Serving reads the body before it looks for the model
        sought = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise NotFound(f"Servable not found for request: {sought}; {error}") from None
    return answer(found, "tensorflow", body)


@bp.get("/models/<model:name>")
@bp.get("/models/<model:name>/versions/<version:version>")
def status(name: str, version: int | None = None) -> Response:
    """The state of every version, newest first, or of one."""
    return jsonify(model_version_status=[_status(found) for found in _versions(name, version)])


@bp.get("/models/<model:name>/metadata")
@bp.get("/models/<model:name>/versions/<version:version>/metadata")
def metadata(name: str, version: int | None = None) -> Response:
    """The signature: names, types and shapes of inputs and outputs."""
    _versions(name, version)
    found = serving().registry.find(name, version)
    description = next(v.description for v in _versions(name, found.version))
    signature = {
        "inputs": {item["name"]: _tensor(item) for item in description.inputs},
        "outputs": {item["name"]: _tensor(item) for item in description.outputs},
        "method_name": "tensorflow/serving/predict",
    }
    return jsonify(
        model_spec={"name": name, "signature_name": "", "version": str(found.version)},
        metadata={"signature_def": {"signature_def": {SIGNATURE: signature}}},
    )


@bp.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False)
@bp.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def malformed(rest: str = "") -> Response:
    """Everything else under /v1."""
    if rest.rstrip("/") == "models" and request.method == "GET":
        raise BadRequest("Missing model name in request.")
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


def _versions(name: str, number: int | None) -> tuple[Version, ...]:
    entry = serving().registry.snapshot.models.get(name)
    if entry is None:
        raise NotFound(f"Could not find any versions of model {name}")
    versions = entry.versions
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


def _tensor(item: dict[str, Any]) -> dict[str, Any]:
    sizes = [-1, *item["shape"]]
    return {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": str(size), "name": ""} for size in sizes], "unknown_rank": False},
        "name": item["name"],
    }
