"""GET /: the page, as the package build left it in pyapp/static."""

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

STATIC = Path(__file__).resolve().parent.parent / "static"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

NOT_BUILT = (
    "The page has not been built; the API works without it.\n"
    "`pip install .` in the project's folder builds it; so does `npm ci && npm run build` in frontend/.\n"
)

bp = Blueprint("page", __name__)


@bp.get("/")
def index() -> Response:
    """The page itself is asked for anew each time, so that it names the assets of the build that is served."""
    if not (STATIC / "index.html").is_file():
        return Response(NOT_BUILT, 503, content_type="text/plain; charset=utf-8")
    return _file("index.html", "no-cache")


@bp.get("/docs")
def docs() -> Response:
    """The API's document for people, with a form for every request."""
    if not (STATIC / "docs.html").is_file():
        return Response(NOT_BUILT, 503, content_type="text/plain; charset=utf-8")
    return _file("docs.html", "no-cache")


@bp.get("/assets/<path:name>")
def asset(name: str) -> Response:
    """Scripts, styles and pictures have a hash of their content in their name: they never change."""
    return _file(f"assets/{name}", "public, max-age=31536000, immutable")


@bp.get("/<any('favicon.ico', 'favicon.svg', 'robots.txt'):name>")
def root_file(name: str) -> Response:
    """What browsers ask for at the root."""
    if not (STATIC / name).is_file():
        abort(404)
    return _file(name, "public, max-age=86400")


def _file(name: str, cache_control: str) -> Response:
    response = send_from_directory(STATIC, name)
    response.headers["Cache-Control"] = cache_control
    return response


@bp.after_request
def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    return response
