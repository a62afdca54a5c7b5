"""/v2/repository and /v2/models/stats: Triton's extensions for a server's models as a whole.

Looking is free; loading and unloading are decisions about a model, and need the admin's token (`pyapp.api.admin`).
"""

import json
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from pyapp.serving.snapshot import Entry
from pyapp.serving.versions import State, UnavailableError, Version

from . import serving
from .admin import require_admin, who
from .bodies import read_body
from .errors import BadField
from .predict import with_version

bp = Blueprint("repository", __name__, url_prefix="/v2")

_STATES = {State.AVAILABLE: "READY", State.LOADING: "LOADING", State.UNLOADING: "UNLOADING"}


@bp.post("/repository/index")
def index() -> Response:
    """Every version of the store; with {"ready": true} those that can answer."""
    body = _object()
    ready = body.get("ready", False)
    if not isinstance(ready, bool):
        raise BadField("/ready", "ready must be true or false")
    found = [
        {
            "name": entry.name,
            "version": str(version.number),
            "state": _STATES.get(version.state, "UNAVAILABLE"),
            "reason": version.reason,
        }
        for entry in serving().registry.snapshot.models.values()
        for version in entry.versions
        if version.state is not State.END or version.reason
    ]
    return jsonify([item for item in found if not ready or item["state"] == "READY"])


@bp.post("/repository/models/<model:name>/load")
def load(name: str) -> Response:
    """Looks at the store now, and takes back that the model was unloaded; 200 once a version of it can answer."""
    require_admin()
    parameters = _object().get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadField("/parameters", "parameters must be an object")
    for key in parameters:
        if key == "config" or key.startswith("file:"):
            raise BadField(
                f"/parameters/{key.replace('~', '~0').replace('/', '~1')}",
                "a model is loaded as it lies in the store; put another version there, or upload one",
            )
    try:
        serving().registry.reload()
    except OSError:
        raise ServiceUnavailable("the store can't be listed; the versions served before stay") from None
    entry = serving().registry.snapshot.entry(name)
    if entry.routing.policy is not None and entry.routing.policy.none:
        serving().decisions.policy(name, None, who())
        serving().registry.reload()
    try:
        number = serving().registry.find(name).version
    except UnavailableError as error:
        raise BadRequest(f"failed to load {name!r}: {error}") from None
    return with_version(Response(), number)


@bp.post("/repository/models/<model:name>/unload")
def unload(name: str) -> Response:
    """No version of the model answers any more, here and in every process, until it is loaded again."""
    require_admin()
    _object()
    serving().decisions.policy(name, "none", who())
    serving().registry.reload()
    return Response()


@bp.get("/models/stats")
@bp.get("/models/<model:name>/stats")
@bp.get("/models/<model:name>/versions/<version:version>/stats")
def statistics(name: str | None = None, version: int | None = None) -> Response:
    """Counts and times of the versions that can answer, of all processes that serve together, since they started."""
    snapshot = serving().registry.snapshot
    entries = list(snapshot.models.values()) if name is None else [snapshot.entry(name)]
    if version is not None:
        entries[0].find(version)
    counted = {(item["model"], item["version"]): item for item in serving().engine.stats()["models"]}
    return jsonify(
        model_stats=[
            _stats(entry, found, counted.get((entry.name, found.number)))
            for entry in entries
            for found in entry.versions
            if found.number in entry.available and version in (None, found.number)
        ]
    )


def _stats(entry: Entry, version: Version, counted: dict[str, Any] | None) -> dict[str, Any]:
    """As Triton tells them.  An execution is a batch, which requests may share; parsing and replying are done by
    request, so no size of batch has times of its own for them.
    """
    requests = counted["requests"] if counted else {}
    succeeded = requests.get("OK", 0)
    executions = counted["executions"] if counted else []

    def time(*steps: str) -> dict[str, int]:
        return _duration(succeeded, sum(counted["histograms"][step]["sum"] for step in steps) if counted else 0)

    return {
        "name": entry.name,
        "version": str(version.number),
        "last_inference": counted["last_ms"] if counted else 0,
        "inference_count": counted["rows"] if counted else 0,
        "execution_count": sum(count for _, count, _ in executions),
        "inference_stats": {
            "success": time("total"),
            "fail": _duration(sum(requests.values()) - succeeded, counted["failed_ns"] if counted else 0),
            "queue": time("queue"),
            "compute_input": time("parse", "preprocess"),
            "compute_infer": time("forward"),
            "compute_output": time("reply"),
        },
        "batch_stats": [
            {
                "batch_size": rows,
                "compute_input": _duration(0, 0),
                "compute_infer": _duration(count, ns),
                "compute_output": _duration(0, 0),
            }
            for rows, count, ns in executions
        ],
    }


def _duration(count: int, ns: int) -> dict[str, int]:
    return {"count": count, "ns": ns}


def _object() -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty one."""
    body = read_body()
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("expected a JSON object, or no body")
    return value
