"""Flask Serving: an app that serves versioned neural networks.  `engine` is the C extension that computes them."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from pyapp import engine

from . import cli, images
from .api import classify, drift, errors, health, models, openinference, page, predict, tensorflow
from .config import Config, ConfigError
from .fastpath import FastPath
from .serving import Serving
from .serving.registry import Registry

__all__ = ["Config", "ConfigError", "create_app", "engine"]

_ENGINE_OPTIONS = (
    "slots",
    "max_batch_rows",
    "max_queue_rows",
    "max_wait_us",
    "timeout_ms",
    "max_body_bytes",
    "max_request_rows",
    "max_image_pixels",
)


class _JSON(DefaultJSONProvider):
    """Keys in the order in which the documentation has them."""

    sort_keys = False


def create_app(config: Config | Mapping[str, Any] | None = None) -> Flask:
    """The app, ready to serve: all its models are loaded.

    `config`: None reads the environment; a mapping goes over it, where names that are no setting of ours are Flask's
    (`TESTING` …); a Config is taken as it is.  Raises ConfigError.
    """
    app = Flask(__name__, static_folder=None)
    app.json = _JSON(app)
    if not isinstance(config, Config):
        config, flask_settings = Config.overlaid(config or {})
        app.config.from_mapping(flask_settings)
    # One more than is taken: where there's no Content-Length, Werkzeug cuts the body here and says nothing; the engine
    # then sees that it is too long.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes + 1

    images.silence_decoders()
    options = {name: getattr(config, name) for name in _ENGINE_OPTIONS}
    serving = Serving(
        engine=engine.Engine(decode_image=images.decode_image, **options),
        registry=Registry(config.models),
        config=config,
    )
    serving.registry.reload()
    app.extensions["serving"] = serving

    errors.register(app)
    app.url_map.converters.update(predict.CONVERTERS)
    for module in (classify, tensorflow, openinference, health, models, drift, page):
        app.register_blueprint(module.bp)
    cli.register(app)
    app.wsgi_app = FastPath(app, serving)  # type: ignore[method-assign]
    return app
