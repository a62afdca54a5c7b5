"""Serving as part of somebody's own Flask app.

    app = Flask(__name__)
    Serving(app, url_prefix="/ml")          # POST /ml/classify, /ml/v1/…, /ml/v2/…, GET /ml/api/models

Requests go through Flask, so that the app's own hooks (logins, limits, logs) see them all.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Flask

from . import cli
from .api import errors, predict
from .api import modules as api_modules
from .config import Config
from .serving.parts import Parts, start


class Serving:
    """A Flask extension; one app can have it once."""

    def __init__(
        self, app: Flask | None = None, url_prefix: str = "", config: Config | Mapping[str, Any] | None = None
    ) -> None:
        """With `app`, as `init_app`; `config` as in create_app, where a mapping holds settings of ours alone."""
        self.parts: Parts | None = None
        if app is not None:
            self.init_app(app, url_prefix, config)

    def init_app(self, app: Flask, url_prefix: str = "", config: Config | Mapping[str, Any] | None = None) -> None:
        """Loads the models and adds the routes under `url_prefix`.  Raises ConfigError."""
        if "serving" in app.extensions:
            raise RuntimeError("this app has Serving already")
        self.parts = start(config if isinstance(config, Config) else Config.overlaid(config or {})[0])
        app.extensions["serving"] = self.parts
        app.url_map.converters.update(predict.CONVERTERS)
        parent = Blueprint("serving", __name__, url_prefix=url_prefix or None)
        errors.register(parent)
        for module in api_modules():
            parent.register_blueprint(module)
        parent.before_app_request(self.parts.watcher.ensure)  # in the process that serves, not in one that forks it
        app.register_blueprint(parent)
        cli.register(app)
