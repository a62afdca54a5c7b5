"""Flask Serving: an app that serves versioned neural networks.  `engine` is the C extension that computes them.

What is here is loaded when it is first asked for: whoever only wants `pyapp.client` needs neither Flask nor the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import engine
    from .config import Config, ConfigError
    from .extension import Serving
    from .factory import create_app

__all__ = ["Config", "ConfigError", "Serving", "create_app", "engine"]

_HOMES = {"Config": ".config", "ConfigError": ".config", "Serving": ".extension", "create_app": ".factory"}


def __getattr__(name: str) -> Any:
    """One of `__all__`, from the module that has it."""
    if name == "engine":
        return import_module(".engine", __name__)
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
