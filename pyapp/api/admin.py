"""/api/models/<model>/…: what people decide about a model.  Needs `SERVING_ADMIN_TOKEN`; without one these are off.

`Authorization: Bearer TOKEN`.  Who decided is written to the audit: the token's holder, or whom `X-Actor` names.
"""

import hmac
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable, Unauthorized

from pyapp.serving.decisions import Decisions
from pyapp.serving.routing import Routing, to_document
from pyapp.serving.state.errors import StateError

from . import serving
from .errors import BadField, whole

bp = Blueprint("admin", __name__, url_prefix="/api")

ACTOR_HEADER = "X-Actor"
ADMIN = "/models/<model:name>"


def require_admin() -> None:
    """Lets in whoever has the token.  Raises Forbidden if there is none, Unauthorized if it is another."""
    token = serving().config.admin_token
    if not token:
        serving().engine.count("refused_admin")
        raise Forbidden("this server takes no changes: it has no SERVING_ADMIN_TOKEN")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        serving().engine.count("refused_admin")
        refusal = Unauthorized("Authorization must be: Bearer, a blank, and the server's SERVING_ADMIN_TOKEN")
        refusal.www_authenticate = None
        raise refusal


bp.before_request(require_admin)


@bp.post(f"{ADMIN}/promote")
def promote(name: str) -> Response:
    """{"version": 3} answers from now on; {"version": "newest"} lets the newest one answer as it comes."""
    wanted = _body("version")["version"]
    if wanted == "newest":
        return _decided(name, _decisions().follow_newest(name, who()))
    return _decided(name, _decisions().promote(name, _number(wanted, "/version"), who()))


@bp.post(f"{ADMIN}/rollback")
def rollback(name: str) -> Response:
    """What answered before answers again."""
    return _decided(name, _decisions().rollback(name, who()))


@bp.put(f"{ADMIN}/labels/<model:label>")
def put_label(name: str, label: str) -> Response:
    """{"version": 3}: the label means that version from now on."""
    number = _number(_body("version")["version"], "/version")
    return _decided(name, _decisions().label(name, label, number, who()))


@bp.delete(f"{ADMIN}/labels/<model:label>")
def delete_label(name: str, label: str) -> Response:
    """Removes the label."""
    return _decided(name, _decisions().unlabel(name, label, who()))


@bp.put(f"{ADMIN}/split")
def put_split(name: str) -> Response:
    """{"shares": {"1": 90, "canary": 10}}: percents of the traffic that names no version, by version or label."""
    shares = _body("shares")["shares"]
    if not isinstance(shares, dict) or not all(_is_number(percent) for percent in shares.values()):
        raise BadField("/shares", 'expected an object of percents by version or label, such as {"1": 90, "2": 10}')
    return _decided(name, _decisions().split(name, shares, who()))


@bp.delete(f"{ADMIN}/split")
def delete_split(name: str) -> Response:
    """One version answers again."""
    return _decided(name, _decisions().split(name, None, who()))


@bp.put(f"{ADMIN}/shadow")
def put_shadow(name: str) -> Response:
    """{"target": "2", "percent": 20}: a share of the traffic also runs on that version or label, unseen."""
    body = _body("target", "percent")
    target, percent = body["target"], body["percent"]
    number = whole(target)
    if not isinstance(target, str) and number is None:
        raise BadField("/target", "expected a version or a label")
    if not _is_number(percent):
        raise BadField("/percent", "expected a number, more than 0 and at most 100")
    return _decided(name, _decisions().shadow(name, str(target if number is None else number), percent, who()))


@bp.delete(f"{ADMIN}/shadow")
def delete_shadow(name: str) -> Response:
    """Ends it."""
    return _decided(name, _decisions().shadow(name, None, 0, who()))


@bp.put(f"{ADMIN}/policy")
def put_policy(name: str) -> Response:
    """{"policy": "latest:2"}: which versions of this model are served."""
    text = _body("policy")["policy"]
    if not isinstance(text, str):
        raise BadField("/policy", "expected a text, such as latest:2, all, or 1,3")
    return _decided(name, _decisions().policy(name, text, who()))


@bp.delete(f"{ADMIN}/policy")
def delete_policy(name: str) -> Response:
    """As the configuration says."""
    return _decided(name, _decisions().policy(name, None, who()))


@bp.get(f"{ADMIN}/audit")
def audit(name: str) -> Response:
    """Who changed what about this model, newest first."""
    changes = _decisions().audit(name)
    return jsonify(
        audit=[
            {
                "at": change.at.isoformat(),
                "who": change.who,
                "action": change.action,
                "before": change.before,
                "after": change.after,
            }
            for change in changes
        ]
    )


@bp.post("/reload")
def reload() -> Response:
    """Looks at the store now, in the process that answers, and soon in the others."""
    with suppress(StateError):  # the decisions known stay in force
        _decisions().sync()
    try:
        snapshot = serving().registry.reload()
    except OSError:
        raise ServiceUnavailable("the store can't be listed; the versions served before stay") from None
    return jsonify(models=snapshot.available())


def _decisions() -> Decisions:
    return serving().decisions


def who() -> str:
    """Whom the audit is to name."""
    actor = request.headers.get(ACTOR_HEADER, "").strip()[:200]
    return actor or f"admin from {request.remote_addr or 'here'}"


def _decided(name: str, routing: Routing) -> Response:
    """What is decided now, and what it comes to with the versions that are there."""
    entry = serving().registry.snapshot.entry(name)
    return jsonify(model=name, default=entry.default, labels=entry.labels(), routing=to_document(routing))


def _body(*keys: str) -> dict[str, Any]:
    """The request's JSON object with exactly these members."""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadRequest(f"expected a JSON object with {' and '.join(keys)}")
    for key in keys:
        if key not in body:
            raise BadField(f"/{key}", f"{key} is missing")
    for key in body:
        if key not in keys:
            raise BadField(f"/{key}", f"there is no {key} here; expected {' and '.join(keys)}")
    return body


def _is_number(value: object) -> bool:
    """A number that can be a percentage; JSON can hold larger ones than a float can."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _number(value: object, where: str) -> int:
    number = whole(value)
    if number is not None and 0 < number < 10**18:
        return number
    raise BadField(where, f"the version is {value!r}; expected a whole number from 1")
