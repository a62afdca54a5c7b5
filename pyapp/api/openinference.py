"""The Open Inference Protocol (KServe v2) over REST, /v2: infer, health, metadata."""

from importlib import metadata
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from pyapp.serving.manifest import Description
from pyapp.serving.versions import UnavailableError

from . import serving
from .bodies import read_body
from .predict import answer, find

bp = Blueprint("openinference", __name__, url_prefix="/v2")

PLATFORM = "flaskserving_safetensors"
BINARY_HEADER = "Inference-Header-Content-Length"


@bp.post("/models/<model:name>/infer")
@bp.post("/models/<model:name>/versions/<version:version>/infer")
@bp.post("/models/<model:name>/labels/<model:label>/infer")
def infer(name: str, version: int | None = None, label: str | None = None) -> Response:
    """Tensors in, tensors out, as JSON."""
    serving().registry.find(name, version, label)
    if BINARY_HEADER in request.headers:
        raise BadRequest(f'binary tensors are not taken: leave {BINARY_HEADER} out and send the numbers in "data"')
    body = read_body()
    return answer(find(name, version, label, body), "openinference", body)


@bp.get("/", strict_slashes=False)
def server() -> Response:
    """What serves here, and which extensions of the protocol it knows."""
    return jsonify(name="flask-serving", version=_installed_version(), extensions=[])


@bp.get("/health/live")
def live() -> Response:
    """The process answers."""
    return jsonify(live=True)


@bp.get("/health/ready")
def ready() -> tuple[Response, int]:
    """200 if some model can answer, else 400: the status is the message, as in Triton and MLServer."""
    is_ready = bool(serving().registry.snapshot.available())
    return jsonify(ready=is_ready), 200 if is_ready else 400


@bp.get("/models/<model:name>")
@bp.get("/models/<model:name>/versions/<version:version>")
def model(name: str, version: int | None = None) -> Response:
    """Names, types and shapes of inputs and outputs; -1 is the batch."""
    snapshot = serving().registry.snapshot
    number = snapshot.find(name, version).version
    description = next(found.description for found in snapshot.models[name].versions if found.number == number)
    versions = [str(available) for available in snapshot.available()[name]]
    return jsonify(name=name, versions=versions, platform=PLATFORM, **_tensors(description))


@bp.get("/models/<model:name>/ready")
@bp.get("/models/<model:name>/versions/<version:version>/ready")
def model_ready(name: str, version: int | None = None) -> tuple[Response, int]:
    """200 or 400; 404 for what is not in the store."""
    try:
        serving().registry.find(name, version)
    except UnavailableError:
        return jsonify(name=name, ready=False), 400
    return jsonify(name=name, ready=True), 200


def _tensors(description: Description) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: [{"name": item["name"], "datatype": "FP32", "shape": [-1, *item["shape"]]} for item in items]
        for kind, items in (("inputs", description.inputs), ("outputs", description.outputs))
    }


def _installed_version() -> str:
    try:
        return metadata.version("flask-serving")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "0"
