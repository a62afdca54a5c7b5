"""GET /api/models: what is served, for the page and for people."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify

from pyapp.serving.routing import to_document
from pyapp.serving.snapshot import Entry, Snapshot
from pyapp.serving.versions import Version

from . import serving

bp = Blueprint("models", __name__, url_prefix="/api")


@bp.get("/models")
def models() -> Response:
    """Every model of the store with all its versions, newest first, those that failed to load with the reason."""
    return jsonify(listing(serving().registry.snapshot))


def listing(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON."""
    return {"models": [_entry(entry) for entry in snapshot.models.values()]}


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "default": entry.default,
        "labels": entry.labels(),
        "routing": to_document(entry.routing),
        "versions": [_version(version) for version in entry.versions],
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "state": version.state,
        "reason": version.reason,
        "nbytes": version.model.nbytes if version.model else 0,
        **asdict(version.description),
    }
