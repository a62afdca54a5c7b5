"""GET /healthz: may traffic come here?"""

from flask import Blueprint, Response, jsonify

from . import serving

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 with the versions that answer, by model; 503 if there are none."""
    models = serving().registry.snapshot.available()
    return jsonify(status="ok" if models else "unavailable", models=models), 200 if models else 503
