"""Who may ask, how often, and from which pages: API keys, limits, CORS.  All off unless configured.

Keys go in `X-API-Key: KEY` or `Authorization: Bearer KEY`.  They are for what computes (predict, infer, feedback);
health, metrics, documents and the page stay open.  Limits count by key, or by the client's address without keys.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import Unauthorized

from pyapp.config import Config, ConfigError, check_secret

from . import errors, serving

COMPUTING = ("classify", "tensorflow", "openinference")
"""Blueprints whose POST routes compute."""

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Content-Encoding, Inference-Header-Content-Length, X-API-Key, X-Request-ID, "
    "X-Request-Priority, X-Request-Timeout-Ms, X-Sticky-Key, traceparent"
)
EXPOSED_HEADERS = (
    "Inference-Header-Content-Length, Retry-After, Server-Timing, X-Batch-Rows, X-Model-Version, X-Queue-Us, "
    "X-Request-ID"
)


class ApiKeys:
    """The keys that let in.  Only their digests are kept, and compared in constant time."""

    def __init__(self, text: str) -> None:
        """`text`: `name:key` or bare keys, separated by commas.  Raises ConfigError."""
        self._names: dict[bytes, str] = {}
        for i, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
            name, colon, key = part.partition(":")
            try:
                check_secret(key if colon else part)
            except ValueError as error:
                raise ConfigError(f"SERVING_API_KEYS: key {i} is {error}") from None
            self._names[_digest(key if colon else part)] = name if colon else f"key {i}"

    def name_of(self, environ: Mapping[str, Any]) -> str | None:
        """Whose key the request has; None if it has none that lets in."""
        given = environ.get("HTTP_X_API_KEY")
        if given is None:
            scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
            if scheme.lower() != "bearer":
                return None
        digest, found = _digest(given.strip()), None
        for known, name in self._names.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def keys_of(config: Config) -> ApiKeys | None:
    """None: everybody may ask."""
    return ApiKeys(config.api_keys) if config.api_keys.strip() else None


def is_computing() -> bool:
    """Is the current request one that computes?"""
    blueprint = (request.blueprint or "").rpartition(".")[2]
    return request.method == "POST" and (blueprint in COMPUTING or request.path.endswith("/api/feedback"))


def require_keys(app: Flask, keys: ApiKeys) -> None:
    """Refuses requests that compute without a key."""

    def check() -> None:
        if is_computing() and keys.name_of(request.environ) is None:
            serving().engine.count("refused_key")
            raise Unauthorized("an API key is needed, as X-API-Key: KEY or Authorization: Bearer KEY")

    app.before_request(check)


def limit(app: Flask, config: Config, keys: ApiKeys | None) -> None:
    """At most `SERVING_RATE_LIMIT` requests that compute; beyond it 429 with Retry-After.  Raises ConfigError."""
    try:
        from flask_limiter import Limiter, RateLimitExceeded
        from limits import parse_many
    except ModuleNotFoundError as error:
        raise ConfigError(f"SERVING_RATE_LIMIT needs {error.name}: pip install 'flask-serving[limits]'") from error
    try:
        parse_many(config.rate_limit)
    except ValueError as error:
        raise ConfigError(
            f"SERVING_RATE_LIMIT is {config.rate_limit!r}; expected e.g. 100/second, or 1000 per hour"
        ) from error

    def who() -> str:
        name = keys.name_of(request.environ) if keys is not None else None
        return name or request.remote_addr or ""

    limiter = Limiter(
        who,
        app=app,
        application_limits=[config.rate_limit],
        storage_uri=config.rate_storage,
        headers_enabled=True,
        in_memory_fallback_enabled=not config.rate_storage.startswith("memory"),  # Redis is away: count here
        in_memory_fallback=[config.rate_limit] if not config.rate_storage.startswith("memory") else [],
    )
    limiter.request_filter(lambda: not is_computing())

    def refuse(error: RateLimitExceeded) -> Response:
        serving().engine.count("refused_limit")
        return errors.answer(error)

    app.register_error_handler(RateLimitExceeded, refuse)


def allow_origins(app: Flask, text: str) -> None:
    """Lets pages from these origins (or `*`) read replies."""
    origins = frozenset(origin.strip().rstrip("/") for origin in text.split(",") if origin.strip())

    def preflight() -> Response | None:
        asked = request.headers.get("Access-Control-Request-Method")
        return Response(status=204) if request.method == "OPTIONS" and asked and _allowed(origins) else None

    def allow(response: Response) -> Response:
        response.vary.add("Origin")
        if allowed := _allowed(origins):
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"
                response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                response.headers["Access-Control-Max-Age"] = "600"
        return response

    app.before_request(preflight)
    app.after_request(allow)


def _allowed(origins: frozenset[str]) -> str | None:
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    return "*" if "*" in origins else origin if origin in origins else None
