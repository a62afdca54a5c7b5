"""The Open Inference Protocol (KServe v2) over REST, /v2: infer, health, metadata, configuration.

The extensions that `GET /v2` names are Triton's; the one for the model repository has a module of its own.
"""

from importlib import metadata
from typing import Any

from flask import Blueprint, Response, jsonify, request

from pyapp.serving.manifest import Description
from pyapp.serving.versions import UnavailableError, Version

from . import serving
from .bodies import read_body
from .errors import BadHeader
from .predict import answer, find, with_version

bp = Blueprint("openinference", __name__, url_prefix="/v2")

PLATFORM = "flaskserving_safetensors"
JSON_SIZE_HEADER = "Inference-Header-Content-Length"
EXTENSIONS = [
    "classification",
    "binary_tensor_data",
    "parameters",
    "schedule_policy",
    "model_repository",
    "model_configuration",
    "statistics",
]
_DATATYPES = {"number": "FP64", "boolean": "BOOL", "category": "BYTES", "text": "BYTES"}


@bp.post("/models/<model:name>/infer")
@bp.post("/models/<model:name>/versions/<version:version>/infer")
@bp.post("/models/<model:name>/labels/<model:label>/infer")
def infer(name: str, version: int | None = None, label: str | None = None) -> Response:
    """Tensors in, tensors out, as JSON or binary."""
    serving().registry.find(name, version, label)
    json_size = _json_size()
    body = read_body()
    return answer(find(name, version, label, body), "openinference", body, json_size=json_size)


@bp.get("/", strict_slashes=False)
def server() -> Response:
    """What serves here, and which extensions of the protocol it knows."""
    return jsonify(name="flask-serving", version=_installed_version(), extensions=EXTENSIONS)


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
@bp.get("/models/<model:name>/labels/<model:label>")
def model(name: str, version: int | None = None, label: str | None = None) -> Response:
    """Names, types and shapes of inputs and outputs; -1 is the batch."""
    found = _version(name, version, label)
    versions = [str(number) for number in serving().registry.snapshot.available()[name]]
    reply = jsonify(name=name, versions=versions, platform=PLATFORM, **_tensors(found.description))
    return with_version(reply, found.number)


@bp.get("/models/<model:name>/ready")
@bp.get("/models/<model:name>/versions/<version:version>/ready")
@bp.get("/models/<model:name>/labels/<model:label>/ready")
def model_ready(name: str, version: int | None = None, label: str | None = None) -> tuple[Response, int]:
    """200 or 400; 404 for what is not in the store."""
    try:
        number = serving().registry.find(name, version, label).version
    except UnavailableError:
        return jsonify(name=name, ready=False), 400
    return with_version(jsonify(name=name, ready=True), number), 200


@bp.get("/models/<model:name>/config")
@bp.get("/models/<model:name>/versions/<version:version>/config")
def config(name: str, version: int | None = None) -> Response:
    """The model as a configuration of Triton's: its tensors without the batch, and how many rows a batch may have."""
    found = _version(name, version, None)
    tensors = _tensors(found.description)
    reply = jsonify(
        name=name,
        platform=PLATFORM,
        backend="flask-serving",
        max_batch_size=serving().config.max_batch_rows or 64,
        input=[_configured(item) for item in tensors["inputs"]],
        output=[_configured(item) for item in tensors["outputs"]],
        dynamic_batching={},
        model_transaction_policy={"decoupled": False},
    )
    return with_version(reply, found.number)


def _json_size() -> int:
    """How many bytes of the body are JSON; -1: all of them."""
    text = request.headers.get(JSON_SIZE_HEADER)
    if text is None:
        return -1
    if text.isascii() and text.isdecimal() and len(text) <= 12:
        return int(text)
    raise BadHeader(
        JSON_SIZE_HEADER, f"{JSON_SIZE_HEADER} is {text!r}; it must be the size of the body's JSON in bytes"
    )


def _version(name: str, number: int | None, label: str | None) -> Version:
    entry = serving().registry.snapshot.entry(name)
    return entry.version(entry.find(number, label).version)


def _tensors(description: Description) -> dict[str, list[dict[str, Any]]]:
    """With the batch.  Each column of a table is an input of its own."""
    return {
        "inputs": [tensor for item in description.inputs for tensor in _inputs(item)],
        "outputs": [_tensor(item["name"], "FP32", item["shape"]) for item in description.outputs],
    }


def _inputs(item: dict[str, Any]) -> list[dict[str, Any]]:
    if item["kind"] == "table":
        return [_tensor(column["name"], _DATATYPES[column["type"]], [1]) for column in item["columns"]]
    return [_tensor(item["name"], "BYTES" if item["kind"] == "text" else "FP32", item["shape"])]


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1, *shape]}


def _configured(tensor: dict[str, Any]) -> dict[str, Any]:
    datatype = "STRING" if tensor["datatype"] == "BYTES" else tensor["datatype"]
    return {"name": tensor["name"], "data_type": f"TYPE_{datatype}", "dims": tensor["shape"][1:]}


def _installed_version() -> str:
    try:
        return metadata.version("flask-serving")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "0"
