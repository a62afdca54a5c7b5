"""Flask Serving: an app that serves versioned neural networks.  `engine` is the C extension that computes them."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from pyapp import engine

from . import cli, images
from .api import admin, classify, errors, health, insight, models, openinference, page, predict, repository, tensorflow
from .config import Config, ConfigError
from .fastpath import FastPath
from .request_id import RequestIds
from .serving import Serving
from .serving.decisions import Decisions, default_url, remembered
from .serving.observer import JournalOptions, Observer
from .serving.policy import Policy
from .serving.registry import Registry
from .serving.store import open_store
from .serving.watcher import Watcher

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
    registry = Registry(open_store(config.models), Policy.parse(config.versions))
    decisions = Decisions(
        registry, config.database_url or default_url(config.models), remembered(config.models, config.database_url)
    )
    computing = engine.Engine(decode_image=images.decode_image, **options)
    journal = JournalOptions(config.journal_percent if config.journal != "off" else 0, config.journal == "content")
    serving = Serving(
        engine=computing,
        registry=registry,
        decisions=decisions,
        observer=Observer(computing.handle, journal, lambda *seen: decisions.records.keep(*seen)),
        request_ids=RequestIds(),
        watcher=Watcher([decisions.sync, registry.reload], config.poll_seconds),
        config=config,
    )
    serving.watcher.look()
    if registry.error:
        raise ConfigError(f"SERVING_MODELS: {registry.error}")
    app.extensions["serving"] = serving

    errors.register(app)
    app.url_map.converters.update(predict.CONVERTERS)
    for module in (admin, classify, tensorflow, openinference, repository, health, insight, models, page):
        app.register_blueprint(module.bp)
    cli.register(app)
    app.wsgi_app = FastPath(app, serving)  # type: ignore[method-assign]
    return app
