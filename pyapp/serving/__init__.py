"""Which model version answers.  Knows nothing of Flask."""

from dataclasses import dataclass

from pyapp import engine
from pyapp.config import Config

from .registry import Registry


@dataclass(frozen=True, slots=True)
class Serving:
    """What one app serves with; lives in `app.extensions["serving"]`, so that two apps can share a process."""

    engine: engine.Engine
    registry: Registry
    config: Config
