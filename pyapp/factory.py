"""create_app: all wiring on one page."""

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from . import cli
from .access_log import AccessLog
from .access_log import log as access_log
from .api import access, errors, modules, predict
from .config import Config
from .fastpath import FastPath
from .serving.parts import start
from .tracing import Tracing, is_wanted


class _JSON(DefaultJSONProvider):
    """Keys in the order in which the documentation has them."""

    sort_keys = False


def create_app(config: Config | Mapping[str, Any] | None = None) -> Flask:
    """The app, ready to serve: all its models are loaded.

    `config`: None reads the environment; a mapping goes over it, where names that are no setting of ours are Flask's
    (`TESTING` …); a Config is taken as it is.  Raises ConfigError.
    """
    app = Flask(__package__, static_folder=None)
    app.json = _JSON(app)
    if not isinstance(config, Config):
        config, flask_settings = Config.overlaid(config or {})
        app.config.from_mapping(flask_settings)
    # One more than is taken: where there's no Content-Length, Werkzeug cuts the body here and says nothing; the engine
    # then sees that it is too long.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes + 1

    keys = access.keys_of(config)
    app.extensions["serving"] = parts = start(config)
    errors.register(app)
    app.url_map.converters.update(predict.CONVERTERS)
    for blueprint in modules():
        app.register_blueprint(blueprint)
    cli.register(app)
    if config.cors_origins:
        access.allow_origins(app, config.cors_origins)
    if keys is not None:
        access.require_keys(app, keys)
    log = AccessLog(config.log_percent) if access_log.isEnabledFor(logging.INFO) else None
    fast = FastPath(app, parts, keys, log)
    app.wsgi_app = Tracing(fast) if is_wanted() else fast  # type: ignore[method-assign]
    if config.rate_limit:  # after the fast path, which so lets every request through Flask, and its limiter
        access.limit(app, config, keys)
    return app
